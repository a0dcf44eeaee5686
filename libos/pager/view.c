// SPDX-License-Identifier: MIT
// What a policy sees of a region: accessed and dirty bits straight from the live table entries, with no call, and the
// position of a page's next use if the program has announced its references. Clearing a bit is a call with a flush:
// without the flush the processor would go on using the bit it remembers.
#include "libos/pager/resident.h"

static bool is_empty(const struct pager_region *region, uint32_t slot) {
    return slot >= region->used || region->page_in[slot] == POLICY_NONE;
}

static uint64_t entry_bits(const struct pager_region *region, uint32_t slot) {
    return region->entries[region->page_in[slot]] | record_bits(region, slot);
}

static uint8_t view_bits(void *pager, uint32_t slot) {
    const struct pager_region *region = pager;
    if (is_empty(region, slot)) return POLICY_ACCESSED | POLICY_DIRTY;
    uint64_t entry = entry_bits(region, slot);
    return (entry & EXO_ENTRY_ACCESSED ? POLICY_ACCESSED : 0) | (entry & EXO_ENTRY_DIRTY ? POLICY_DIRTY : 0);
}

static void view_clear_accessed(void *pager, uint32_t slot) {
    struct pager_region *region = pager;
    if (is_empty(region, slot)) return;
    record_clear(region, slot, EXO_ENTRY_ACCESSED);
    uint32_t page = region->page_in[slot];
    if (region->entries[page] & EXO_ENTRY_ACCESSED) machine_clear(region_address(region, page), EXO_ENTRY_ACCESSED);
}

// A harvest looks at every entry of the range, so it is only worth its price if a good part of the region is in memory.
static void view_clear_accessed_all(void *pager) {
    struct pager_region *region = pager;
    if (region->resident < region->options.pages / 4) {
        for (uint32_t slot = 0; slot < region->used; slot++) view_clear_accessed(region, slot);
        return;
    }
    for (uint32_t slot = 0; slot < region->used; slot++) record_clear(region, slot, EXO_ENTRY_ACCESSED);
    machine_clear_range(region->options.first, region->options.pages, EXO_ENTRY_ACCESSED);
}

static uint32_t view_next_use(void *pager, uint32_t slot) {
    struct pager_region *region = pager;
    if (is_empty(region, slot)) return 0;
    if (region->next == nullptr) {
        machine_fail("region %s: policy %s needs the references to come, and none were announced", region->options.name,
                     region->options.policy->name);
    }
    const uint64_t now = resident_time(region);
    uint32_t *cursor = &region->cursor[region->page_in[slot]];
    while (*cursor != POLICY_NONE && *cursor <= now) *cursor = region->next[*cursor];
    return *cursor;
}

static uint64_t view_now(void *pager) {
    return resident_time(pager);
}

struct policy_view view_of(struct pager_region *region) {
    return (struct policy_view){
        .frames = region->slots,
        .pages = (uint32_t)region->options.pages + 1, // see resident_release
        .seed = region->options.seed,
        .pager = region,
        .bits = view_bits,
        .clear_accessed = view_clear_accessed,
        .clear_accessed_all = view_clear_accessed_all,
        .next_use = view_next_use,
        .now = view_now,
    };
}
