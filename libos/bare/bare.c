// SPDX-License-Identifier: MIT
// The least that a C program needs on libos/core alone: main, the console, the end. For tests and benchmarks of the
// kernel's interface, and the place to start from when writing a library OS. No heap, no files.
#include "libos/core/print.h"
#include "libos/core/start.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv);

int libos_main(int argc, char **argv) {
    exit(main(argc, argv));
}

ssize_t write(int number, const void *bytes, size_t count) {
    if (number == 1 || number == 2) return (ssize_t)device_write(start->console, bytes, count);
    errno = EBADF;
    return -1;
}

void exit(int status) {
    _exit(status);
}
void _exit(int status) {
    pe_end((uint32_t)status & 0xff);
}
void abort(void) {
    pe_end(128 + 6);
}
