// SPDX-License-Identifier: MIT
// The rows of peers/processes, which is a program of its own: it lies beside this one in the initramfs, and for what
// files cost on a disk in the ext4 file system of the first partition, which becomes its root.
#include "peers/linux/linux.h"
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

void part_processes(void) {
    (void)execl("/process-bench", "process-bench", "linux", (char *)nullptr);
    give_up("/process-bench cannot be run");
}

// The mount options are ext4's own, which order contents before a commit and flush the disk as libos/unix does; but a
// reader does not change times.
void part_files(void) {
    disk_prepare();
    (void)mkdir("/root", 0755);
    (void)must(mount("/dev/vda1", "/root", "ext4", MS_NOATIME, nullptr), "mounting the disk");
    (void)must(mount("devtmpfs", "/root/dev", "devtmpfs", 0, nullptr), "mounting /dev");
    (void)must(chroot("/root"), "chroot");
    (void)must(chdir("/"), "chdir");
    (void)execl("/process-bench", "process-bench", "linux", "disk", (char *)nullptr);
    give_up("/process-bench cannot be run");
}
