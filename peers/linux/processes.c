// SPDX-License-Identifier: MIT
// The rows of peers/processes, which is a program of its own: it lies beside this one in the initramfs.
#include "peers/linux/linux.h"
#include <unistd.h>

void part_processes(void) {
    (void)execl("/process-bench", "process-bench", "linux", (char *)nullptr);
    give_up("/process-bench cannot be run");
}
