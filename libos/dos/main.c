// SPDX-License-Identifier: MIT
// Start of the library OS `dos`: binds every frame of the pool to the heap at once, so that there is never a page
// fault, and calls the application.
#include "libos/core/heap.h"
#include "libos/core/space.h"
#include "libos/core/start.h"
#include <stdlib.h>

int main(int argc, char **argv);

// Frames that stay in the pool for the disk ring, the directory, its buffers and their tables.
constexpr uint64_t KEPT = 64;

// The largest run of pages whose frames and tables the pool has.
static uint64_t heap_pages(void) {
    const uint64_t left = frames_left();
    uint64_t pages = left > KEPT ? left - KEPT : left / 2;
    pages -= pages / EXO_TABLE_ENTRIES + 1;
    return pages > (MAP_END - MAP_HEAP) / EXO_PAGE_SIZE ? (MAP_END - MAP_HEAP) / EXO_PAGE_SIZE : pages;
}

int libos_main(int argc, char **argv) {
    const exo_vaddr first = {MAP_HEAP};
    const uint64_t pages = heap_pages();
    if (!space_reserve(first, pages)) pe_fail("too few frames for the page tables of a heap of %lu pages", pages);
    const exo_frame frames = frames_take_run(pages);
    if (frames.raw == 0 || space_map_run(first, frames, pages, EXO_READ | EXO_WRITE) != EXO_OK)
        pe_fail("too few frames for a heap of %lu pages", pages);
    heap_init((void *)first.raw, pages * EXO_PAGE_SIZE, true);
    exit(main(argc, argv));
}
