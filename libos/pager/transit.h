// SPDX-License-Identifier: MIT
// Frames in transit: between memory and disk, and in none of the replacement policy's slots. Only regions with
// read-ahead or clustered write-back have them.
//
//              ┌──────────── dropped untouched ◄────────┐
//              ▼                                        │
//   ┌──────► free ──► reading ──► ready ── first touch ─┴─► a slot ──┐
//   │                                                                │ victim
//   ├─────────────────────────── clean ◄─────────────────────────────┤
//   └────── writing ◄── queued ◄── dirty ◄───────────────────────────┘
//
// Invariants between faults: every frame of the region is in exactly one slot below `used`, or in transit in exactly
// one of these states; held[page] is the frame in transit that has a page's contents or will have them, and a page so
// held has no slot and is not mapped. A frame that is reading or writing belongs to its transfer: it goes nowhere
// before the completion was taken. A touch of a page that is held takes its frame into a slot: from ready at once,
// from reading or writing after the completion, from queued at once and without the write.
//
// transit.c: frames and their states; the fault's part. writeback.c: queued and writing. ahead.c: what to read ahead.
#pragma once
#include "libos/pager/readahead.h"
#include "libos/pager/region.h"

enum transit_state : uint8_t {
    TRANSIT_SLOT, // in a slot, or on its way there in the present fault: not in transit
    TRANSIT_FREE,
    TRANSIT_READING,
    TRANSIT_READY,
    TRANSIT_QUEUED,
    TRANSIT_WRITING,
};

// Frames in a row. `free` is a stack: only its first end is used.
struct transit_list {
    uint32_t first, last, count;
};

struct transit {
    struct readahead_state *ahead; // of options.readahead
    uint32_t window, cluster;      // pages read ahead at a time; dirty pages written at a time, at least 1
    struct transit_frame {
        uint32_t page;           // unless free
        uint32_t before, behind; // in its list
        enum transit_state state;
        uint8_t error; // of a read that is over
    } *frame;
    uint32_t *held;                          // page → frame, POLICY_NONE
    uint8_t *advice;                         // page → enum pager_advice
    uint32_t wanted;                         // frame that the present fault waits for, POLICY_NONE
    uint32_t reading;                        // frames
    uint32_t writing;                        // frames
    uint32_t put;                            // requests since the last kick
    struct readahead_range rest;             // asked for by the policy, and not put yet
    struct transit_list free, ready, queued; // ready: oldest first; queued: by rising page
};

// How a budget of frames is divided: the policy's slots, and the rest. Sets both to 0 if there are too few frames.
struct transit_plan {
    uint32_t slots, spare, window, cluster;
};
struct transit_plan transit_plan(const struct pager_options *options);

// Makes the region's transit; frames and pages are known. False: no memory.
[[nodiscard]] bool transit_attach(struct pager_region *region, const struct transit_plan *plan, uint32_t frames);

// Takes every completion that has come, of all regions.
void transit_collect(void);

// Takes the next completion, waiting for it; false: nothing is under way.
bool transit_wait(void);

// Drops a page that was read ahead and, with `discard`, one whose write is not over: there is nothing of it in transit
// then.
void transit_drop(struct pager_region *region, uint32_t page, bool discard);

// Reports the region's counts of transit as an event "transit".
void transit_report(const struct pager_region *region);

// ---- steps of a fault ----

// Step 4: the victim has been unbound and leaves its slot. `write`: the disk does not have its contents.
void transit_evict(struct pager_region *region, uint32_t slot, uint32_t victim, bool write);

// Step 5: the frame that has the page or will have it; starts what it takes, and read-ahead.
uint32_t transit_fetch(struct pager_region *region, uint32_t page);

// Step 6: waits until the frame has the page. The error is that of its read.
enum exo_error transit_await(struct pager_region *region, uint32_t frame);

// Step 7: the frame is in the slot from now on.
void transit_settle(struct pager_region *region, uint32_t frame, uint32_t slot);

// ---- between the files ----

void transit_append(struct transit *transit, struct transit_list *list, uint32_t frame);
void transit_remove(struct transit *transit, struct transit_list *list, uint32_t frame);
void transit_free(struct transit *transit, uint32_t frame);

// Puts a transfer between a frame and the block of its page into the ring, for the next kick. False: no place now.
[[nodiscard]] bool transit_put(struct pager_region *region, enum exo_ring_operation operation, uint32_t frame);
void transit_kick(struct pager_region *region);

// Reads a page that is on disk and not in memory, for nobody yet: into a free frame or, if it `may_drop` one, that of
// the page read ahead first, once two windows are held. False: no frame or no place in the ring for it now.
[[nodiscard]] bool transit_read_ahead(struct pager_region *region, uint32_t page, bool may_drop);

// writeback.c
void writeback_add(struct pager_region *region, uint32_t frame); // a dirty victim's; starts a cluster if it is full
void writeback_start(struct pager_region *region);               // writes what is queued, as far as the ring has room
bool writeback_finish(struct pager_region *region);              // writes all of it and waits; false: nothing moves

// ahead.c: reads pages as far as free frames hold them; what was read ahead before is not dropped for it.
void ahead_will_need(struct pager_region *region, uint32_t first, uint32_t end);

// ahead.c: asks the policy what to read ahead at a page's first touch, and puts it.
void ahead_fault(struct pager_region *region, uint32_t page, bool hit);
