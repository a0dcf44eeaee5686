// SPDX-License-Identifier: MIT
// A region as the pager keeps it. Shared by the files of this folder only.
//
// Invariants between faults: page_in[slot] is a page whose slot_of is that slot, for slots below `used`; a page is
// mapped, to its slot's frame, if and only if it has a slot (when recording: only if); stored[page] says that the
// disk block of a page that is not in memory, or not dirty, holds its contents.
#pragma once
#include "libos/pager/machine.h"
#include "libos/pager/pager.h"

struct recorder;

struct pager_region {
    struct pager_options options;
    struct policy_view view;
    struct policy_state *state;
    const volatile uint64_t *entries; // live, one a page
    uint32_t *slot_of;                // page → slot, POLICY_NONE
    uint32_t *page_in;                // slot → page
    exo_frame *frames;                // slot → frame
    char *window;                     // slot → its frame's memory, at window + slot pages
    uint8_t *stored;                  // page → has contents on disk
    uint32_t slots, used;             // frames taken; slots filled
    struct pager_statistics statistics;
    uint64_t references;       // UINT64_MAX: not known
    struct recorder *recorder; // null: not recording

    // The references to come (pager_future): from each position to the page's next one.
    uint64_t future_length, future_added;
    const volatile uint64_t *position;
    uint32_t *next;   // position → next position of its page
    uint32_t *cursor; // page → a position that is its next use, or is passed already
    uint32_t *latest; // page → last position added
};

constexpr unsigned PAGER_REGIONS = 8;
extern struct pager_region pager_regions[PAGER_REGIONS];
extern unsigned pager_region_count;

static inline exo_vaddr region_address(const struct pager_region *region, uint32_t page) {
    return (exo_vaddr){region->options.first.raw + page * EXO_PAGE_SIZE};
}

static inline uint64_t region_block(const struct pager_region *region, uint32_t page) {
    return region->options.block + page;
}

// The region that an address is in, or null.
struct pager_region *region_of(uint64_t address);

// view.c: how a policy sees the region.
struct policy_view view_of(struct pager_region *region);

// record.c. All cheap no-ops for a region that is not recording.
[[nodiscard]] bool record_attach(struct pager_region *region);
bool record_soft_fault(struct pager_region *region, uint32_t page, bool again); // true: served, the page was in memory
void record_fault(struct pager_region *region, uint32_t page);                  // a real fault, before its policy
uint64_t record_kept_bits(const struct pager_region *region, uint32_t slot);
void record_clear(struct pager_region *region, uint32_t slot, uint64_t bits);
void record_finish(struct pager_region *region);

// A and D bits that a page in a slot had while it was mapped earlier.
static inline uint64_t record_bits(const struct pager_region *region, uint32_t slot) {
    return region->recorder == nullptr ? 0 : record_kept_bits(region, slot);
}
