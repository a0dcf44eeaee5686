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

// Slots that were never filled are in page_in as empty ones.
static void view_bits_from(void *pager, uint32_t slot, uint32_t count, uint8_t *bits) {
    constexpr unsigned shift = 5;
    static_assert(EXO_ENTRY_ACCESSED >> shift == POLICY_ACCESSED && EXO_ENTRY_DIRTY >> shift == POLICY_DIRTY);
    const struct pager_region *region = pager;
    const volatile uint64_t *const entries = region->entries;
    const uint32_t *const page_in = region->page_in + slot;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t entry = page_in[i] == POLICY_NONE ? UINT64_MAX : entries[page_in[i]];
        bits[i] = entry >> shift & (POLICY_ACCESSED | POLICY_DIRTY);
    }
    if (region->recorder == nullptr) return;
    const uint8_t *const kept = record_kept(region) + slot;
    for (uint32_t i = 0; i < count; i++) bits[i] |= kept[i];
}

static void view_clear_accessed(void *pager, uint32_t slot) {
    struct pager_region *region = pager;
    if (is_empty(region, slot)) return;
    record_clear(region, slot, EXO_ENTRY_ACCESSED);
    uint32_t page = region->page_in[slot];
    if (region->entries[page] & EXO_ENTRY_ACCESSED) machine_clear(region_address(region, page), EXO_ENTRY_ACCESSED);
}

// A harvest looks at every entry of the range and flushes much of the TLB, so it is worth its price only if many bits
// are set: those of some are cleared one by one.
static void view_clear_accessed_all(void *pager) {
    struct pager_region *region = pager;
    uint64_t some = region->options.pages / 8;
    if (region->recorder != nullptr) {
        uint8_t *const kept = record_kept(region);
        for (uint32_t slot = 0; slot < region->used; slot++) kept[slot] &= (uint8_t)~POLICY_ACCESSED;
    }
    for (uint32_t slot = 0; slot < region->used && some > 0; slot++) {
        const uint32_t page = region->page_in[slot];
        if (page == POLICY_NONE || !(region->entries[page] & EXO_ENTRY_ACCESSED)) continue;
        machine_clear(region_address(region, page), EXO_ENTRY_ACCESSED);
        some--;
    }
    if (some > 0) return;
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
        .bits_from = view_bits_from,
        .clear_accessed = view_clear_accessed,
        .clear_accessed_all = view_clear_accessed_all,
        .next_use = view_next_use,
        .now = view_now,
    };
}
