// SPDX-License-Identifier: MIT
// A region of pages of its own, with its own policy and frames, for programs that measure paging itself.
//
//   uint64_t *page = region_open(1100, initial);       // initial(p, words) wrote page p's first contents
//   page[7 * 512] …
//
// A library OS that pages offers region_open; the pages are then on disk and none is in memory, so that the first
// touch of each is a fault and a page that was only read is clean. Elsewhere (Linux, or a library OS without paging)
// the same program runs in ordinary memory.
#ifndef APPS_REGION_H
#define APPS_REGION_H
#include "apps/app.h"

enum { REGION_PAGE = 4096 };

// Writes the contents that page `page` begins with.
typedef void region_initial(uint64_t page, uint64_t words[REGION_PAGE / sizeof(uint64_t)]);

__attribute__((weak)) void *region_open(uint64_t pages, region_initial *initial);

// A region from the library OS, or ordinary memory if it has none. Ends with APP_USAGE if there is not enough of it.
static void *region_or_memory(uint64_t pages, region_initial *initial) {
    if (region_open) {
        void *region = region_open(pages, initial);
        if (!region) app_refuse("the library OS has no room for a region of %" PRIu64 " pages", pages);
        return region;
    }
    // Never freed: the region lasts as long as the program.
    char *memory = app_memory((pages + 1) * REGION_PAGE);
    memory += REGION_PAGE - (uintptr_t)memory % REGION_PAGE;
    for (uint64_t page = 0; page < pages; page++) initial(page, (uint64_t *)(void *)(memory + page * REGION_PAGE));
    return memory;
}

#endif
