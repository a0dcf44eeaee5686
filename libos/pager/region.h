// SPDX-License-Identifier: MIT
// A region as the pager keeps it. Shared by the files of this folder only.
//
// Invariants between faults: page_in[slot] is a page whose slot_of is that slot, or POLICY_NONE; a page is mapped, to
// its slot's frame, if and only if it has a slot (when recording: only if); stored[page] says where the contents of a
// page are that is not mapped, or mapped and not dirty.
//
// A page read ahead (transit.h) is in memory and not mapped, and the replacement policy does not know of it: it is
// `inserted` at its first touch, with A and D clear as ever, and only then a victim is asked for. So a policy is told
// the same, and decides the same, with and without read-ahead: as one with that many slots. Had it been inserted when
// it was read, FIFO's and the ghost lists' order would count a guess as a use, and a wrong guess would evict a page
// that was of use. The price is a soft fault for each page, which no disk is waited for in.
#pragma once
#include "libos/pager/budget.h"
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
    uint32_t *page_in;                // slot → page, POLICY_NONE
    struct pager_budget *budget;      // where its frames are from
    uint32_t *frame_of;               // slot → number of its frame in the budget
    uint8_t *stored;                  // page → enum page_stored
    uint32_t slots, limit;            // the policy's; of them as many may hold pages at present
    uint32_t used, resident;          // filled at some time; now, see resident.h
    uint32_t empty_count, *empty;     // slots below `used` that hold no page
    uint64_t sum, sum_time;           // of pages in memory over references, up to a time
    struct pager_statistics statistics;
    uint64_t references;       // UINT64_MAX: not known
    struct recorder *recorder; // null: neither recording nor following references
    struct transit *transit;   // null: neither read-ahead nor clustered write-back
    struct latency *latency;   // null: not measured
    bool stamped;              // somebody wants to know when the steps of its faults begin

    // The references to come (pager_future): from each position to the page's next one.
    uint64_t future_length, future_added;
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
    return region->budget->frames[region->frame_of[slot]];
}

// The memory of a frame by its number.
static inline void *region_memory(const struct pager_region *region, uint32_t number) {
    return region->budget->window + number * EXO_PAGE_SIZE;
}

static inline uint64_t region_block(const struct pager_region *region, uint32_t page) {
    return region->options.block + page;
}

// The region that an address is in, or null.
static inline struct pager_region *region_of(uint64_t address) {
    for (unsigned i = 0; i < pager_region_count; i++) {
        uint64_t offset = address - pager_regions[i].options.first.raw; // wraps for an address below
        if (offset / EXO_PAGE_SIZE < pager_regions[i].options.pages) return &pager_regions[i];
    }
    return nullptr;
}

// Ends the PE with a line about a transfer of a page.
[[noreturn]] void region_disk_failed(const struct pager_region *region, enum exo_error error, const char *what,
                                     uint32_t page);

// Calls into the policy are timed; this is the only place that knows how.
#define REGION_TIMED(region, call)                                                                                     \
    do {                                                                                                               \
        uint64_t begin_ = machine_time();                                                                              \
        call;                                                                                                          \
        (region)->statistics.policy_time += machine_time() - begin_;                                                   \
    } while (0)

// view.c: how a policy sees the region.
struct policy_view view_of(struct pager_region *region);

// record.c: the pages of one instruction mapped at a time. Those before the line only for a region that has a recorder.
// A fault of the instruction in progress; true: the page was in memory.
bool record_serve(struct pager_region *region, uint32_t page, uint64_t streak);
void record_served(struct pager_region *region, uint32_t page); // the page has come into memory
uint8_t *record_kept(const struct pager_region *region);        // slot → POLICY_ACCESSED | POLICY_DIRTY
uint64_t record_kept_bits(const struct pager_region *region, uint32_t slot);
void record_forget(struct pager_region *region, uint32_t slot, uint64_t bits);
uint64_t record_time(const struct pager_region *region); // number of the present change of page, from 0 on
// ----
[[nodiscard]] bool record_attach(struct pager_region *region);
void record_close(struct pager_region *region);                // no page is mapped
void record_loses(struct pager_region *region, uint32_t page); // before a page leaves memory
void record_finish(struct pager_region *region);

static inline void record_clear(struct pager_region *region, uint32_t slot, uint64_t bits) {
    if (region->recorder != nullptr) record_forget(region, slot, bits);
}

// A and D bits that a page in a slot had while it was mapped earlier.
static inline uint64_t record_bits(const struct pager_region *region, uint32_t slot) {
    return region->recorder == nullptr ? 0 : record_kept_bits(region, slot);
}
