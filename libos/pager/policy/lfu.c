// SPDX-License-Identifier: MIT
// Least frequently used: the page with the fewest references since it was loaded; among equals the one that reached
// its count first. Counts are forgotten at eviction ("in-cache LFU").
// State: a heap of slots, 24 bytes a frame. Pitfalls: pages that were hot once never leave, so a change of phase is
// ruinous; O(log frames) for each reference.
#include "libos/pager/policy.h"
#include "libos/pager/policy/heap.h"

struct policy_state {
    struct heap heap; // by count, then by the time at which it was reached
    uint64_t now;     // references and loads
    uint64_t memory[];
};

static size_t lfu_state_size(uint32_t frames, uint32_t) {
    return sizeof(struct policy_state) + heap_size(frames);
}

static void lfu_start(struct policy_state *s, const struct policy_view *view) {
    heap_start(&s->heap, s->memory, view->frames);
}

static uint32_t lfu_victim(struct policy_state *s, uint32_t) {
    return heap_first(&s->heap);
}

static void lfu_removed(struct policy_state *s, uint32_t, uint32_t slot) {
    heap_remove(&s->heap, slot);
}

// The access that faulted makes the count 1.
static void lfu_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    heap_set(&s->heap, slot, (struct heap_key){0, s->now++});
}

static void lfu_touched(struct policy_state *s, uint32_t slot) {
    heap_set(&s->heap, slot, (struct heap_key){s->heap.keys[slot].major + 1, s->now++});
}

const struct policy policy_lfu = {
    .name = "lfu",
    .title = "least frequently used since its load (sees every reference)",
    .source = "folklore; counts since the load",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 1,
    .state_size = lfu_state_size,
    .start = lfu_start,
    .victim = lfu_victim,
    .removed = lfu_removed,
    .inserted = lfu_inserted,
    .touched = lfu_touched,
};
