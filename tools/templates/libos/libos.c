// SPDX-License-Identifier: MIT
// @NAME@: a library OS. One application runs on it, with memory that is bound page by page at the first touch.
//
//   malloc        hands out addresses of the heap, from MAP_HEAP up; nothing is behind them yet
//   pe_on_fault   the kernel's upcall at the first touch of a page: takes a frame and binds it
//   exit          says how many pages were touched
//
// Everything that the kernel tells this library OS arrives in a function pe_on_…, and everything it wants it asks for
// by exo-calls, most of them wrapped by libos/core. What core has already done when libos_main is called is told in
// libos/core/start.h, what handlers may do in libos/core/upcall.h.
#include "libos/core/frames.h"
#include "libos/core/print.h"
#include "libos/core/space.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

constexpr uint64_t KEPT = 16; // frames of the pool that are not for the heap

static char *heap_next = (char *)MAP_HEAP, *heap_end = (char *)MAP_HEAP;
static uint64_t touched;

int main(int argc, char **argv);

// The tables for all pages that there are frames for are made now, so that the fault handler needs a frame only.
int libos_main(int argc, char **argv) {
    const uint64_t left = frames_left();
    const uint64_t tables = left / EXO_TABLE_ENTRIES + 1;
    const uint64_t pages = left > tables + KEPT ? left - tables - KEPT : 0;
    if (!space_reserve((exo_vaddr){MAP_HEAP}, pages)) pe_fail("no frames for the tables of %lu pages", pages);
    heap_end = heap_next + pages * EXO_PAGE_SIZE;
    exit(main(argc, argv));
}

// ---- Memory

// Returning goes back to the application, without the kernel.
void pe_on_fault(struct exo_exception *fault) {
    const uint64_t heap_bytes = (uint64_t)heap_end - MAP_HEAP;
    if (fault->cr2 - MAP_HEAP >= heap_bytes || (fault->error & 1))
        pe_fail("a bad pointer: %#lx, used by the instruction at %#lx", fault->cr2, fault->rip);
    const exo_vaddr page = {fault->cr2 & ~(EXO_PAGE_SIZE - 1)};
    const exo_frame frame = frames_take();
    if (frame.raw == 0 || space_map(page, frame, EXO_READ | EXO_WRITE) != EXO_OK)
        pe_fail("no frame is left for the page at %#lx", page.raw);
    touched++;
}

// A block is 16 bytes that hold its size, and then what the application gets. Nothing is used twice.
void *malloc(size_t bytes) {
    if (bytes > (size_t)(heap_end - heap_next) || (size_t)(heap_end - heap_next) - bytes < 32) {
        errno = ENOMEM;
        return nullptr;
    }
    size_t *block = (size_t *)heap_next;
    heap_next += 16 + ((bytes + 15) & ~(size_t)15);
    block[0] = bytes;
    return block + 2;
}

void free(void *) {
}

void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) bytes = SIZE_MAX;
    return malloc(bytes); // frames come zeroed, and each is handed out once
}

void *realloc(void *old, size_t bytes) {
    void *made = malloc(bytes);
    const size_t before = old == nullptr ? 0 : ((size_t *)old)[-2];
    if (made != nullptr && old != nullptr) memcpy(made, old, before < bytes ? before : bytes);
    return made;
}

// ---- What else a C program needs

ssize_t write(int number, const void *bytes, size_t count) {
    if (number == STDOUT_FILENO || number == STDERR_FILENO)
        return (ssize_t)device_write(start->console, bytes, count);
    errno = EBADF;
    return -1;
}

void exit(int status) {
    print("@NAME@: %lu pages touched\n", touched);
    _exit(status);
}

void _exit(int status) {
    pe_end((uint32_t)status & 0xff);
}

void abort(void) {
    pe_end(128 + 6);
}
