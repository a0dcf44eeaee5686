// SPDX-License-Identifier: MIT
// What a program says of its pages (pager_advise in pager.h): kept for read-ahead, or done at once.
//
// Pages that are not needed leave as victims do, through resident_evict, and so does what the policy is told: it need
// not know of advice to stop counting on them. Another way would be to make them the next victims; then the frames
// would not be free for other regions of the budget, and the writes would fall into later faults.
#include "libos/pager/resident.h"
#include "libos/pager/transit.h"

// Nothing of the page's contents is wanted any more.
static void forget_contents(struct pager_region *region, uint32_t page) {
    const uint32_t slot = region->slot_of[page];
    if (slot != POLICY_NONE) {
        record_clear(region, slot, EXO_ENTRY_DIRTY);
        machine_clear(region_address(region, page), EXO_ENTRY_DIRTY);
    }
    region->stored[page] = PAGE_ZERO;
}

static void dismiss(struct pager_region *region, uint32_t first, uint32_t end, bool discard) {
    record_close(region);
    for (uint32_t page = first; page < end; page++) {
        if (region->transit != nullptr) transit_drop(region, page, discard);
        if (discard) forget_contents(region, page);
        if (region->slot_of[page] == POLICY_NONE) continue;
        resident_evict(region, region->slot_of[page]);
        region->statistics.dismissed++;
    }
}

void pager_advise(struct pager_region *region, uint64_t first, uint64_t count, enum pager_advice advice) {
    const uint64_t pages = region->options.pages;
    struct transit *transit = region->transit;
    if (first >= pages) return;
    const uint32_t end = (uint32_t)(count < pages - first ? first + count : pages);
    if (transit != nullptr) transit_collect();
    switch (advice) {
    case PAGER_WONT_NEED:
    case PAGER_DISCARD:
        dismiss(region, (uint32_t)first, end, advice == PAGER_DISCARD && !region->options.backed);
        return;
    case PAGER_WILL_NEED:
        if (region->options.readahead != nullptr) ahead_will_need(region, (uint32_t)first, end);
        return;
    default:
        if (transit != nullptr) __builtin_memset(transit->advice + first, advice, end - first);
    }
}
