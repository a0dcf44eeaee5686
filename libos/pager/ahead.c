// SPDX-License-Identifier: MIT
// Read-ahead: asking the policy, heeding what the program has advised, and putting the reads. See readahead.h for
// policies.
#include "libos/pager/transit.h"

// Puts reads for the pages of a range that are on disk only. Returns where it stopped: at the end, or at the first page
// that there was no frame or no place in the ring for.
static uint32_t read_range(struct pager_region *region, uint32_t first, uint32_t end, bool may_drop) {
    const struct transit *transit = region->transit;
    for (; first < end; first++) {
        const bool in_memory = region->slot_of[first] != POLICY_NONE || transit->held[first] != POLICY_NONE;
        if (in_memory || region->stored[first] != PAGE_STORED) continue;
        if (!transit_read_ahead(region, first, may_drop)) break;
    }
    return first;
}

// What a policy has asked for and the ring had no room for is kept, and put when half a window is under way: neither
// lost, which would make its first page a miss, nor put one page at a time, which the device could not join.
static void put_range(struct pager_region *region, struct readahead_range range) {
    struct transit *transit = region->transit;
    const uint32_t pages = (uint32_t)region->options.pages;
    if (range.first >= pages) return;
    const uint32_t end = range.count < pages - range.first ? range.first + range.count : pages;
    const uint32_t reached = read_range(region, range.first, end, true);
    transit->rest = (struct readahead_range){reached, end - reached};
}

void ahead_fault(struct pager_region *region, uint32_t page, bool hit) {
    struct transit *transit = region->transit;
    const struct readahead *readahead = region->options.readahead;
    const enum pager_advice advice = transit->advice[page];
    if (readahead == nullptr || advice == PAGER_RANDOM) return;
    const struct readahead_fault fault = {page, hit, advice == PAGER_SEQUENTIAL};
    struct readahead_range range = readahead->fault(transit->ahead, &fault);
    if (!hit) transit->rest.count = 0; // the program is elsewhere
    const struct readahead_range rest = transit->rest;
    if (range.count == 0 && (rest.count == 0 || transit->reading > transit->window / 2)) return;
    if (range.count == 0 || (rest.count != 0 && range.first == rest.first + rest.count))
        range = (struct readahead_range){rest.first, rest.count + range.count};
    put_range(region, range);
}

void ahead_will_need(struct pager_region *region, uint32_t first, uint32_t end) {
    struct transit *transit = region->transit;
    while (transit->free.count != 0 && (first = read_range(region, first, end, false)) < end) {
        if (!transit_wait()) break;
    }
    transit_kick(region);
}
