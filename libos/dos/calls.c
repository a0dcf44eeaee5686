// SPDX-License-Identifier: MIT
// The names that applications call, each one call through the vector table.
//
// What unix has and dos lacks: sbrk, fsync, ftruncate, aligned_alloc and posix_memalign, paged regions, and the
// system-call instruction. A program that uses a missing service doesn't link; opening a file for writing fails with
// EROFS.
#include "libos/core/heap.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/dos/vectors.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int open(const char *name, int flags, ...) {
    return dos_vectors.open(name, flags);
}
ssize_t read(int handle, void *bytes, size_t count) {
    return dos_vectors.read(handle, bytes, count);
}
ssize_t write(int handle, const void *bytes, size_t count) {
    return dos_vectors.write(handle, bytes, count);
}
off_t lseek(int handle, off_t offset, int whence) {
    return dos_vectors.seek(handle, offset, whence);
}
int close(int handle) {
    return dos_vectors.close(handle);
}

static void *or_error(void *block) {
    if (block == nullptr) errno = ENOMEM;
    return block;
}

void *malloc(size_t bytes) {
    return or_error(dos_vectors.allocate(bytes));
}
void *realloc(void *block, size_t bytes) {
    return or_error(dos_vectors.reallocate(block, bytes));
}
void free(void *block) {
    dos_vectors.release(block);
}

void *calloc(size_t count, size_t size) {
    size_t bytes;
    return or_error(__builtin_mul_overflow(count, size, &bytes) ? nullptr : dos_vectors.allocate_zeroed(bytes));
}

void _exit(int status) {
    dos_vectors.terminate(status);
    __builtin_trap(); // a replaced vector that came back
}

void heap_broken(const void *block) {
    print("job %lu: free or realloc of %p, which is no block of the heap, or was freed before\n", start->job, block);
    abort();
}

void exit(int status) {
    _exit(status);
}
void abort(void) {
    _exit(128 + 6);
}
