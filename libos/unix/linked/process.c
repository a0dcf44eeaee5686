// SPDX-License-Identifier: MIT
// From the first instruction of the application to its last.
#include "libos/core/disk.h"
#include "libos/core/files.h"
#include "libos/core/heap.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/unix/linked/unix.h"
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv);

// musl's list of atexit functions; linked only if the application calls atexit.
[[gnu::weak]] void __funcs_on_exit(void);

static uint64_t begin; // time stamp

int libos_main(int argc, char **argv) {
    begin = __builtin_ia32_rdtsc();
    exit(main(argc, argv));
}

// Here, so that the linker takes syscall.c from the archive.
void pe_on_syscall(struct upcall_syscall *call) {
    unix_syscall(call);
}

void heap_broken(const void *block) {
    print("job %lu: free or realloc of %p, which is no block of the heap, or was freed before\n", start->job, block);
    abort();
}

void exit(int status) {
    if (__funcs_on_exit != nullptr) __funcs_on_exit();
    _exit(status);
}

void _exit(int status) {
    if (files_sync() != FILES_OK) print("job %lu: not everything written could be brought to the disk\n", start->job);
    const uint64_t ticks = __builtin_ia32_rdtsc() - begin - disk_waited();
    memory_leave();
    report("{\"event\":\"ran\",\"job\":%lu,\"instructions\":%lu}", start->job, ticks);
    pe_end((uint32_t)status & 0xff);
}

void _Exit(int status) {
    _exit(status);
}

// As a shell shows a program that was ended by SIGABRT.
void abort(void) {
    print("job %lu: aborted\n", start->job);
    _exit(128 + 6);
}
