// SPDX-License-Identifier: MIT
// Frames in transit: their lists, their completions, and what a fault does with them. See transit.h.
#include "libos/pager/transit.h"

constexpr unsigned FRAME_BITS = 24; // of a request's tag; the region's number is above
static_assert((PAGER_REGIONS << FRAME_BITS) - 1 <= MACHINE_TAG_MOST);

static uint32_t under_way; // transfers of all regions

constexpr uint32_t SHARE = 16; // a window or a cluster has at most this part of the frames

static uint32_t part(uint32_t wanted, uint64_t frames) {
    const uint64_t most = frames / SHARE > 1 ? frames / SHARE : 1;
    return wanted < most ? wanted : (uint32_t)most;
}

// Two windows, as one is read while the other is used; two clusters likewise.
struct transit_plan transit_plan(const struct pager_options *options) {
    struct transit_plan plan = {
        .window = options->readahead == nullptr
                      ? 0
                      : part(options->window == 0 ? PAGER_WINDOW : options->window, options->frames),
        .cluster = part(options->cluster > 1 ? options->cluster : 1, options->frames),
    };
    const uint64_t spare = 2 * ((uint64_t)plan.window + plan.cluster), pages = options->pages;
    if (options->frames < options->policy->minimum + spare || options->frames >> FRAME_BITS != 0) return plan;
    plan.spare = (uint32_t)spare;
    plan.slots = (uint32_t)(options->frames - spare < pages ? options->frames - spare : pages);
    return plan;
}

bool transit_attach(struct pager_region *region, const struct transit_plan *plan, uint32_t frames) {
    const struct readahead *readahead = region->options.readahead;
    const uint64_t pages = region->options.pages;
    struct transit *transit = machine_memory(sizeof *transit);
    if (transit == nullptr) return false;
    const struct transit_list empty = {.first = POLICY_NONE, .last = POLICY_NONE};
    *transit = (struct transit){
        .ahead = readahead == nullptr ? nullptr : machine_memory(readahead->state_bytes),
        .window = plan->window,
        .cluster = plan->cluster,
        .frame = machine_memory(frames * sizeof *transit->frame),
        .held = machine_memory(pages * sizeof *transit->held),
        .advice = machine_memory(pages),
        .wanted = POLICY_NONE,
        .free = empty,
        .ready = empty,
        .queued = empty,
    };
    if ((readahead != nullptr && transit->ahead == nullptr) || transit->frame == nullptr || transit->held == nullptr
        || transit->advice == nullptr) {
        return false;
    }
    for (uint64_t page = 0; page < pages; page++) transit->held[page] = POLICY_NONE;
    for (uint32_t frame = frames; frame-- > 0;) transit_free(transit, frame); // the first one is handed out first
    if (readahead != nullptr) {
        readahead->start(transit->ahead, &(struct readahead_view){(uint32_t)pages, plan->window});
    }
    region->transit = transit;
    return true;
}

void transit_report(const struct pager_region *region) {
    const struct pager_statistics *counts = &region->statistics;
    const struct readahead *readahead = region->options.readahead;
    machine_report("{\"event\":\"transit\",\"job\":%lu,\"region\":\"%s\",\"readahead\":\"%s\",\"window\":%u,"
                   "\"cluster\":%u,\"policy_frames\":%u,\"ahead_reads\":%lu,\"ahead_hits\":%lu,\"ahead_late\":%lu,"
                   "\"ahead_wasted\":%lu,\"rescues\":%lu,\"writes\":%lu,\"kicks\":%lu}",
                   region->options.job, region->options.name, readahead == nullptr ? "none" : readahead->name,
                   region->transit->window, region->transit->cluster, region->slots, counts->ahead_reads,
                   counts->ahead_hits, counts->ahead_late, counts->ahead_wasted, counts->rescues, counts->writes,
                   counts->kicks);
}

// ---- lists ----

void transit_append(struct transit *transit, struct transit_list *list, uint32_t frame) {
    transit->frame[frame].before = list->last;
    transit->frame[frame].behind = POLICY_NONE;
    if (list->last == POLICY_NONE)
        list->first = frame;
    else
        transit->frame[list->last].behind = frame;
    list->last = frame;
    list->count++;
}

void transit_remove(struct transit *transit, struct transit_list *list, uint32_t frame) {
    const struct transit_frame *at = &transit->frame[frame];
    if (at->before == POLICY_NONE)
        list->first = at->behind;
    else
        transit->frame[at->before].behind = at->behind;
    if (at->behind == POLICY_NONE)
        list->last = at->before;
    else
        transit->frame[at->behind].before = at->before;
    list->count--;
}

void transit_free(struct transit *transit, uint32_t frame) {
    transit->frame[frame].state = TRANSIT_FREE;
    transit_append(transit, &transit->free, frame);
}

// ---- requests ----

bool transit_put(struct pager_region *region, enum exo_ring_operation operation, uint32_t frame) {
    struct transit *transit = region->transit;
    const uint32_t tag = (uint32_t)(region - pager_regions) << FRAME_BITS | frame;
    const uint32_t page = transit->frame[frame].page;
    if (!machine_disk_put(operation, region->budget->frames[frame], region_block(region, page), tag)) return false;
    transit->put++;
    under_way++;
    if (operation == EXO_RING_READ) {
        transit->frame[frame].state = TRANSIT_READING;
        transit->reading++;
    } else {
        transit->frame[frame].state = TRANSIT_WRITING;
        transit->writing++;
    }
    return true;
}

void transit_kick(struct pager_region *region) {
    struct transit *transit = region->transit;
    if (transit->put == 0) return;
    transit->put = 0;
    region->statistics.kicks++;
    machine_disk_kick();
}

static void read_over(struct transit *transit, uint32_t frame, enum exo_error error) {
    transit->reading--;
    transit->frame[frame].state = TRANSIT_READY;
    transit->frame[frame].error = (uint8_t)error;
    if (frame != transit->wanted) transit_append(transit, &transit->ready, frame);
}

static void write_over(struct pager_region *region, uint32_t frame, enum exo_error error) {
    struct transit *transit = region->transit;
    const uint32_t page = transit->frame[frame].page;
    if (error != EXO_OK) {
        machine_fail("region %s: page %u: write-back failed, error %lu, block %lu", region->options.name, page,
                     (uint64_t)error, region_block(region, page));
    }
    transit->writing--;
    region->stored[page] = PAGE_STORED;
    if (frame == transit->wanted) {
        transit->frame[frame].state = TRANSIT_READY;
        transit->frame[frame].error = EXO_OK;
        return;
    }
    transit->held[page] = POLICY_NONE;
    transit_free(transit, frame);
}

static bool take(bool wait) {
    uint32_t tag;
    enum exo_error error;
    if (under_way == 0 || !machine_disk_take(wait, &tag, &error)) return false;
    under_way--;
    struct pager_region *region = &pager_regions[tag >> FRAME_BITS];
    const uint32_t frame = tag & ((1u << FRAME_BITS) - 1);
    if (region->transit->frame[frame].state == TRANSIT_READING)
        read_over(region->transit, frame, error);
    else
        write_over(region, frame, error);
    return true;
}

void transit_collect(void) {
    while (take(false)) {
    }
}

bool transit_wait(void) {
    for (unsigned i = 0; i < pager_region_count; i++) {
        if (pager_regions[i].transit != nullptr) transit_kick(&pager_regions[i]);
    }
    return take(true);
}

// ---- frames for pages ----

static uint32_t pop_free(struct transit *transit) {
    const uint32_t frame = transit->free.last;
    if (frame != POLICY_NONE) transit_remove(transit, &transit->free, frame);
    return frame;
}

// Takes the frame of the page that was read ahead first and not touched.
static uint32_t drop_oldest(struct pager_region *region) {
    struct transit *transit = region->transit;
    const struct readahead *readahead = region->options.readahead;
    const uint32_t frame = transit->ready.first, page = transit->frame[frame].page;
    transit_remove(transit, &transit->ready, frame);
    transit->held[page] = POLICY_NONE;
    region->statistics.ahead_wasted++;
    if (readahead->wasted != nullptr) readahead->wasted(transit->ahead, page);
    return frame;
}

// A frame for the page that is faulted on. Pages read ahead give way only while dirty pages have no more than their
// share; else a write is waited for, which there always is: a fault takes one frame and brings one.
static uint32_t frame_for_fault(struct pager_region *region) {
    struct transit *transit = region->transit;
    while (transit->free.count == 0) {
        const bool writes = transit->queued.count + transit->writing >= 2 * transit->cluster;
        if (transit->ready.count != 0 && !writes) return drop_oldest(region);
        writeback_start(region);
        if (transit_wait()) continue;
        if (transit->ready.count != 0) return drop_oldest(region);
        machine_fail("region %s: no frame for a page, and no transfer that would free one", region->options.name);
    }
    return pop_free(transit);
}

void transit_drop(struct pager_region *region, uint32_t page, bool discard) {
    struct transit *transit = region->transit;
    for (uint32_t frame; (frame = transit->held[page]) != POLICY_NONE;) {
        const enum transit_state state = transit->frame[frame].state;
        if (state == TRANSIT_READY || (state == TRANSIT_QUEUED && discard)) {
            transit_remove(transit, state == TRANSIT_READY ? &transit->ready : &transit->queued, frame);
            region->statistics.ahead_wasted += state == TRANSIT_READY;
            transit->held[page] = POLICY_NONE;
            transit_free(transit, frame);
        } else if (!discard) {
            return;
        } else if (!transit_wait()) {
            machine_fail("region %s: page %u: its transfer does not end", region->options.name, page);
        }
    }
}

bool transit_read_ahead(struct pager_region *region, uint32_t page, bool may_drop) {
    struct transit *transit = region->transit;
    if (transit->ready.count == 0 || transit->ready.count + transit->reading < 2 * transit->window) may_drop = false;
    if (transit->free.count == 0 && !may_drop) return false;
    const uint32_t frame = transit->free.count != 0 ? pop_free(transit) : drop_oldest(region);
    transit->frame[frame].page = page;
    if (!transit_put(region, EXO_RING_READ, frame)) {
        transit_free(transit, frame);
        return false;
    }
    transit->held[page] = frame;
    region->statistics.reads++;
    region->statistics.ahead_reads++;
    return true;
}

// ---- steps of a fault ----

void transit_evict(struct pager_region *region, uint32_t slot, uint32_t victim, bool write) {
    struct transit *transit = region->transit;
    const uint32_t frame = region->frame_of[slot];
    transit->frame[frame].page = victim;
    if (write)
        writeback_add(region, frame);
    else
        transit_free(transit, frame);
}

// Starts the read of the page that the present fault waits for. The ring may be full, of this region's requests or of
// another's.
static void read_wanted(struct pager_region *region, uint32_t frame) {
    while (!transit_put(region, EXO_RING_READ, frame)) {
        if (!transit_wait()) {
            machine_fail("region %s: page %u: the disk takes no request", region->options.name,
                         region->transit->frame[frame].page);
        }
    }
    region->statistics.reads++;
}

// Takes a page's frame out of whatever it is in. True: it had been read ahead.
static bool take_held(struct pager_region *region, uint32_t frame) {
    struct transit *transit = region->transit;
    struct transit_frame *held = &transit->frame[frame];
    transit->wanted = frame;
    switch (held->state) {
    case TRANSIT_READY:
        transit_remove(transit, &transit->ready, frame);
        if (held->error != EXO_OK) read_wanted(region, frame);
        return true;
    case TRANSIT_READING: region->statistics.ahead_late++; return true;
    case TRANSIT_QUEUED:
        transit_remove(transit, &transit->queued, frame);
        held->state = TRANSIT_READY;
        held->error = EXO_OK;
        [[fallthrough]];
    default: region->statistics.rescues++; return false;
    }
}

uint32_t transit_fetch(struct pager_region *region, uint32_t page) {
    struct transit *transit = region->transit;
    uint32_t frame = transit->held[page];
    bool hit = false;
    if (frame != POLICY_NONE) {
        hit = take_held(region, frame);
        region->statistics.ahead_hits += hit;
    } else {
        frame = frame_for_fault(region);
        transit->held[page] = transit->wanted = frame;
        transit->frame[frame].page = page;
        if (region->stored[page] == PAGE_ZERO) {
            machine_zero(region_memory(region, frame));
            transit->frame[frame].state = TRANSIT_READY;
            transit->frame[frame].error = EXO_OK;
        } else
            read_wanted(region, frame);
    }
    ahead_fault(region, page, hit);
    transit_kick(region);
    return frame;
}

enum exo_error transit_await(struct pager_region *region, uint32_t frame) {
    const struct transit_frame *wanted = &region->transit->frame[frame];
    while (wanted->state != TRANSIT_READY) {
        if (!transit_wait()) return EXO_DEVICE;
    }
    return wanted->error;
}

void transit_settle(struct pager_region *region, uint32_t frame, uint32_t slot) {
    struct transit *transit = region->transit;
    transit->held[transit->frame[frame].page] = transit->wanted = POLICY_NONE;
    transit->frame[frame].state = TRANSIT_SLOT;
    region->frame_of[slot] = frame;
}
