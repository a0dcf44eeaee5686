// SPDX-License-Identifier: MIT
// A simulation under way: one policy, its frames and its pages. simulate.c makes one go through a trace; pool.c makes
// several take turns; group.c does instructions with several pages.
#pragma once
#include "libos/pager/sim/simulate.h"

struct run;

// Frames that several runs have together.
struct pool {
    uint32_t free;
    unsigned count;
    struct run *run;
};

// Pages that the instruction in progress has brought in: none of them goes for its further ones.
struct needs {
    uint32_t count, page[GROUP_MOST];
};

struct run {
    const struct simulation *options;
    const struct policy *policy;
    struct policy_view view;
    struct policy_state *state;
    uint32_t *slot_of;  // page → slot, POLICY_NONE if not resident
    uint32_t *page_in;  // slot → page, POLICY_NONE
    uint8_t *bits;      // slot → POLICY_ACCESSED | POLICY_DIRTY
    uint32_t *next;     // position → position of the next use; only for policies that see the future
    uint32_t *next_use; // slot → position
    uint8_t *stored;    // page → has contents on disk
    uint32_t *empty; // slots that were filled and are not, the latest on top; only for policies with surplus, in a pool
    uint32_t empty_count;
    uint32_t used;                   // slots filled at some time
    uint32_t resident;               // pages in memory
    size_t position;                 // in the trace, of the reference that is being made
    uint64_t made;                   // references to the run's pages before it
    uint64_t time;                   // its number among these
    uint64_t sum_time;               // resident_sum counts up to here
    uint32_t last;                   // page of the reference before
    uint32_t item_first, item_count; // references of the last instruction that made one of the run's; for followers
    uint64_t base;                   // what the trace adds to the numbers of the run's pages
    struct pool *pool;               // that its frames are from; null: frames of its own
    const struct needs *needs;       // null: the instruction makes a single reference
    struct simulation_counts counts;
};

// Begins a run. It is told where it is, as its view points into it.
void run_begin(struct run *run, const struct simulation *options);

// Makes a reference of the trace, by its number.
void run_reference(struct run *run, size_t number);

// Makes the references of a group, `of` being the run of each.
void run_group(struct run *const of[], const struct group *group);

// Whether its policy is told of changes of page on the machine; whether a page is open then (group.c).
bool run_follows(const struct run *run);
bool run_had_before(const struct run *run, uint32_t page);

// For run_group: takes out what the policy gives up; brings a page in, and returns its slot.
void run_give_up(struct run *run);
uint32_t run_fault(struct run *run, uint32_t page);

// Whether the run has a page in memory that the instruction in progress has not brought in.
bool run_can_spare(const struct run *run);

// Takes out the page that the policy wants to go for the sake of a page, which may be none of the run's: its frame is
// free in the pool.
void run_release(struct run *run, uint32_t incoming);

// Ends it: the counts are complete. Frees all that it has.
void run_end(struct run *run);

// pool.c: whether a page may come without another of the run's going.
bool pool_has_room(struct run *run);
