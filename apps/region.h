// SPDX-License-Identifier: MIT
// Regions: ranges of pages that a library OS may page by a policy and in frames of their own.
//
//   struct row *table = region_of_pages("table", 192);     // 192 pages, zero, on a page's boundary
//   posix_madvise(table, 192 * REGION_PAGE, POSIX_MADV_SEQUENTIAL);   // <sys/mman.h>: how they are going to be used
//
// The program says where its regions are and what it knows of them; which policy a region has is said when the program
// is run (`--policy table=lifo@150,default=clock1`). Elsewhere (Linux, or a library OS without paging) the same program
// runs in ordinary memory.
//
// For programs that measure paging itself:
//
//   uint64_t *page = region_open(1100, initial);       // initial(p, words) wrote page p's first contents
//   page[7 * 512] …
//
// A library OS that pages offers region_open; the pages are then on disk and none is in memory, so that the first
// touch of each is a fault and a page that was only read is clean.
#ifndef APPS_REGION_H
#define APPS_REGION_H
#include "apps/app.h"

enum { REGION_PAGE = 4096 };

// Writes the contents that page `page` begins with.
typedef void region_initial(uint64_t page, uint64_t words[REGION_PAGE / sizeof(uint64_t)]);

__attribute__((weak)) void *region_open(uint64_t pages, region_initial *initial);

// A region of zeroed pages by a name of its own, of a-z, 0-9 and '_', at most 32. Null: refused, and said why.
__attribute__((weak)) void *region_named(const char *name, uint64_t pages);

// Tells the library OS that this program may declare regions, before it has. Only a program that includes this has it.
__attribute__((weak)) extern const char region_declares;
const char region_declares = 1;

// Ordinary memory on a page's boundary, zeroed. Never freed: a region lasts as long as the program.
static void *region_memory(uint64_t pages) {
    char *memory = app_memory((pages + 1) * REGION_PAGE);
    memory += REGION_PAGE - (uintptr_t)memory % REGION_PAGE;
    return memset(memory, 0, pages * REGION_PAGE);
}

// A region from the library OS by name, or ordinary memory if it has none. Ends with APP_USAGE if there is not enough.
__attribute__((unused)) static void *region_of_pages(const char *name, uint64_t pages) {
    if (!region_named) return region_memory(pages);
    void *region = region_named(name, pages);
    if (!region) app_refuse("the library OS has no room for the region %s of %" PRIu64 " pages", name, pages);
    return region;
}

// A region from the library OS, or ordinary memory if it has none. Ends with APP_USAGE if there is not enough of it.
__attribute__((unused)) static void *region_or_memory(uint64_t pages, region_initial *initial) {
    if (region_open) {
        void *region = region_open(pages, initial);
        if (!region) app_refuse("the library OS has no room for a region of %" PRIu64 " pages", pages);
        return region;
    }
    char *memory = region_memory(pages);
    for (uint64_t page = 0; page < pages; page++) initial(page, (uint64_t *)(void *)(memory + page * REGION_PAGE));
    return memory;
}

#endif
