// SPDX-License-Identifier: MIT
// Clustered write-back: dirty victims are gathered, unmapped, and written together in the order of their blocks, with
// one kick, while the program goes on. So the fault that evicts one does not wait for the disk, and neighbours on the
// disk become one transfer of the device.
//
// Gathering dirty pages and writing them by clusters: Levy and Lipman, "Virtual memory management in the VAX/VMS
// operating system", IEEE Computer 15(3), 1982 (the modified page list). Deviation: only victims are gathered; pages
// still mapped are never cleaned early, so policies see the same bits with clusters as without.
#include "libos/pager/transit.h"

// Insertion from the end: victims often come in rising order, and the queue is short.
static void queue(struct transit *transit, uint32_t frame) {
    struct transit_list *queued = &transit->queued;
    uint32_t after = queued->last;
    while (after != POLICY_NONE && transit->frame[after].page > transit->frame[frame].page) {
        after = transit->frame[after].before;
    }
    if (after == queued->last) {
        transit_append(transit, queued, frame);
        return;
    }
    const uint32_t next = after == POLICY_NONE ? queued->first : transit->frame[after].behind;
    transit->frame[frame].before = after;
    transit->frame[frame].behind = next;
    transit->frame[next].before = frame;
    if (after == POLICY_NONE)
        queued->first = frame;
    else
        transit->frame[after].behind = frame;
    queued->count++;
}

void writeback_add(struct pager_region *region, uint32_t frame) {
    struct transit *transit = region->transit;
    const uint32_t page = transit->frame[frame].page;
    transit->frame[frame].state = TRANSIT_QUEUED;
    transit->held[page] = frame;
    region->stored[page] = PAGE_OWED;
    queue(transit, frame);
    if (transit->queued.count >= transit->cluster) writeback_start(region);
}

void writeback_start(struct pager_region *region) {
    struct transit *transit = region->transit;
    while (transit->queued.count != 0) {
        const uint32_t frame = transit->queued.first;
        transit_remove(transit, &transit->queued, frame);
        if (transit_put(region, EXO_RING_WRITE, frame)) {
            region->statistics.writes++;
            continue;
        }
        queue(transit, frame);
        break;
    }
    transit_kick(region);
}

bool writeback_finish(struct pager_region *region) {
    while (true) {
        writeback_start(region);
        if (region->transit->queued.count == 0 && region->transit->writing == 0) return true;
        if (!transit_wait()) return false;
    }
}
