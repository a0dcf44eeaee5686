// SPDX-License-Identifier: MIT
// LRU-2: the victim is the page whose last use but one lies farthest back. A page that has been used only once has
// none, so it goes before all that have; among those the least recently used.
// Two parameters of the paper are fixed: no references count as correlated (each one is a use, immediate repeats too),
// and the two times of an evicted page are remembered for ever, since there is room for each page.
// State: 16 bytes a page; a heap of slots, 28 bytes a frame. Pitfalls: O(log frames) for each reference; two quick
// uses of a page that then is never needed keep it long.
#include "libos/pager/policy.h"
#include "libos/pager/policy/heap.h"

struct history {
    uint64_t last, before; // times of the last use and of the one before; 0 is never
};

struct policy_state {
    struct heap heap;  // by `before`, then by `last`
    uint64_t now;      // references and loads, from 1
    uint32_t *page_in; // of each slot
    struct history *histories;
    uint64_t memory[]; // the heap, struct history[pages], uint32_t[frames]
};

static size_t lru2_state_size(uint32_t frames, uint32_t pages) {
    return sizeof(struct policy_state) + heap_size(frames) + pages * sizeof(struct history) + frames * sizeof(uint32_t);
}

static void lru2_start(struct policy_state *s, const struct policy_view *view) {
    heap_start(&s->heap, s->memory, view->frames);
    s->histories = (struct history *)((char *)s->memory + heap_size(view->frames));
    s->page_in = (uint32_t *)(s->histories + view->pages);
}

static uint32_t lru2_victim(struct policy_state *s, uint32_t) {
    return heap_first(&s->heap);
}

static void lru2_removed(struct policy_state *s, uint32_t, uint32_t slot) {
    heap_remove(&s->heap, slot);
}

static void rank(struct policy_state *s, uint32_t slot, uint64_t last, uint64_t before) {
    s->histories[s->page_in[slot]] = (struct history){last, before};
    heap_set(&s->heap, slot, (struct heap_key){before, last});
}

// The access that faulted is a use of its own, and comes next; until then the page has the rank of its history.
static void lru2_inserted(struct policy_state *s, uint32_t page, uint32_t slot) {
    s->page_in[slot] = page;
    rank(s, slot, s->histories[page].last, s->histories[page].before);
}

static void lru2_touched(struct policy_state *s, uint32_t slot) {
    rank(s, slot, ++s->now, s->histories[s->page_in[slot]].last);
}

const struct policy policy_lru2 = {
    .name = "lru2",
    .title = "LRU-2: oldest last use but one (sees every reference)",
    .source = "O'Neil, O'Neil, Weikum, SIGMOD 1993",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 1,
    .state_size = lru2_state_size,
    .start = lru2_start,
    .victim = lru2_victim,
    .removed = lru2_removed,
    .inserted = lru2_inserted,
    .touched = lru2_touched,
};
