// SPDX-License-Identifier: MIT
// A region as the pager keeps it. Shared by the files of this folder only.
//
// Invariants between faults: page_in[slot] is a page whose slot_of is that slot, for slots below `used`; a page is
// mapped, to its slot's frame, if and only if it has a slot (when recording: only if); stored[page] says where the
// contents of a page are that is not mapped, or mapped and not dirty.
//
// A page read ahead (transit.h) is in memory and not mapped, and the replacement policy does not know of it: it is
// `inserted` at its first touch, with A and D clear as ever, and only then a victim is asked for. So a policy is told
// the same, and decides the same, with and without read-ahead: as one with that many slots. Had it been inserted when
// it was read, FIFO's and the ghost lists' order would count a guess as a use, and a wrong guess would evict a page
// that was of use. The price is a soft fault for each page, which no disk is waited for in.
#pragma once
#include "libos/pager/machine.h"
#include "libos/pager/pager.h"

struct latency;
struct recorder;
struct transit;

enum page_stored : uint8_t {
    PAGE_ZERO,   // nowhere: it was never written to, and is all zero
    PAGE_STORED, // in its disk block
    PAGE_OWED, // only in its frame, though the entry may be clean: its write was put off, and then it was touched again
};

struct pager_region {
    struct pager_options options;
    struct policy_view view;
    struct policy_state *state;
    const volatile uint64_t *entries; // live, one a page
    uint32_t *slot_of;                // page → slot, POLICY_NONE
    uint32_t *page_in;                // slot → page
    exo_frame *frames;                // the region's frames, by number from 0 on
    char *window;                     // number → the frame's memory, at window + number pages
    uint32_t *frame_of;               // slot → number of its frame; null: the same number
    uint8_t *stored;                  // page → enum page_stored
    uint32_t slots, used;             // the policy's; those filled
    struct pager_statistics statistics;
    uint64_t references;       // UINT64_MAX: not known
    struct recorder *recorder; // null: not recording
    struct transit *transit;   // null: neither read-ahead nor clustered write-back
    struct latency *latency;   // null: not measured
    bool stamped;              // somebody wants to know when the steps of its faults begin

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

// The frame of a slot that is filled.
static inline exo_frame region_frame(const struct pager_region *region, uint32_t slot) {
    return region->frames[region->frame_of == nullptr ? slot : region->frame_of[slot]];
}

static inline uint64_t region_block(const struct pager_region *region, uint32_t page) {
    return region->options.block + page;
}

// The region that an address is in, or null.
struct pager_region *region_of(uint64_t address);

// view.c: how a policy sees the region.
struct policy_view view_of(struct pager_region *region);

// record.c. Those before the line only for a region that is recording.
bool record_serve(struct pager_region *region, uint32_t page, bool again); // a fault; true: the page was in memory
uint64_t record_kept_bits(const struct pager_region *region, uint32_t slot);
void record_forget(struct pager_region *region, uint32_t slot, uint64_t bits);
// ----
[[nodiscard]] bool record_attach(struct pager_region *region);
void record_finish(struct pager_region *region);

// A fault, before its policy. True: a soft one, and served, as the page was in memory.
static inline bool record_fault(struct pager_region *region, uint32_t page, bool again) {
    return region->recorder != nullptr && record_serve(region, page, again);
}

static inline void record_clear(struct pager_region *region, uint32_t slot, uint64_t bits) {
    if (region->recorder != nullptr) record_forget(region, slot, bits);
}

// A and D bits that a page in a slot had while it was mapped earlier.
static inline uint64_t record_bits(const struct pager_region *region, uint32_t slot) {
    return region->recorder == nullptr ? 0 : record_kept_bits(region, slot);
}
