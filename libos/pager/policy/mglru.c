// SPDX-License-Identifier: MIT
// Generations, as in Linux's multi-generational LRU. Pages are grouped by the time of their last known use into two to
// four generations. A page that is loaded joins the youngest one. Victims come from the oldest one, in the order in
// which they joined it; a page there that turns out to have been accessed joins the youngest one instead. When the
// oldest is empty the next one takes its place.
// Now and then all pages are looked at: those accessed join the youngest generation, and a new, empty one is opened
// above it. This is due when only two generations are left, or when there are three and the youngest holds more than
// half of the frames or the oldest less than a quarter.
// Deviations from Linux: its tiers and their controller are left out, for they weigh uses through file descriptors
// against those through page tables, and a pager has only the latter; page tables are walked whole, without the filter
// that skips sparse ones. Nothing depends on time, so runs repeat.
// State: a list of slots for each generation, a byte for each slot. Pitfalls: between two openings a use tells no
// order; an opening looks at every frame at once, in one fault; scans push out everything, since each new page starts
// youngest.
#include "libos/pager/policy.h"
#include "libos/pager/policy/list.h"

enum { FEWEST = 2, MOST = 4 }; // generations

struct policy_state {
    const struct policy_view *view;
    uint64_t oldest, youngest; // numbers of generations; a number's list is its remainder by MOST
    uint32_t count[MOST];      // pages in each
    uint8_t *generation;       // slot → list
    struct link slots[];       // and a head for each generation; then generation
};

static size_t mglru_state_size(uint32_t frames, uint32_t) {
    return sizeof(struct policy_state) + ((size_t)frames + MOST) * sizeof(struct link) + frames;
}

static void mglru_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
    s->youngest = FEWEST - 1;
    s->generation = (uint8_t *)(s->slots + view->frames + MOST);
    list_clear_all(s->slots, view->frames + MOST);
}

static void join(struct policy_state *s, uint32_t slot, uint64_t number) {
    const uint8_t generation = number % MOST;
    list_append(s->slots, s->view->frames + generation, slot);
    s->generation[slot] = generation;
    s->count[generation]++;
}

static void leave(struct policy_state *s, uint32_t slot) {
    list_remove(s->slots, slot);
    s->count[s->generation[slot]]--;
}

// Was the page accessed since this was last asked? Clears A.
static bool was_accessed(const struct policy_state *s, uint32_t slot) {
    const struct policy_view *view = s->view;
    if (!(view->bits(view->pager, slot) & POLICY_ACCESSED)) return false;
    view->clear_accessed(view->pager, slot);
    return true;
}

static uint64_t generations(const struct policy_state *s) {
    return s->youngest - s->oldest + 1;
}

static bool opening_is_due(const struct policy_state *s) {
    const uint64_t frames = s->view->frames, number = generations(s);
    if (number != FEWEST + 1) return number <= FEWEST;
    return s->count[s->youngest % MOST] * 2ull > frames || s->count[s->oldest % MOST] * 4ull < frames;
}

static void open_generation(struct policy_state *s) {
    for (uint32_t slot = 0; slot < s->view->frames; slot++) {
        if (!list_holds(s->slots, slot) || !was_accessed(s, slot) || s->generation[slot] == s->youngest % MOST)
            continue;
        leave(s, slot);
        join(s, slot, s->youngest);
    }
    s->youngest++;
}

static void drop_empty(struct policy_state *s) {
    while (s->count[s->oldest % MOST] == 0 && generations(s) > FEWEST) s->oldest++;
}

// Ends: every step takes an A bit away or brings the oldest generation closer to a page, and nothing sets bits
// meanwhile.
static uint32_t mglru_victim(struct policy_state *s, uint32_t) {
    for (;;) {
        drop_empty(s);
        if (opening_is_due(s)) {
            open_generation(s);
            drop_empty(s);
        }
        if (s->count[s->oldest % MOST] == 0) continue;
        const uint32_t slot = list_first(s->slots, s->view->frames + s->oldest % MOST);
        if (!was_accessed(s, slot)) return slot;
        leave(s, slot);
        join(s, slot, s->youngest);
    }
}

static void mglru_removed(struct policy_state *s, uint32_t, uint32_t slot) {
    leave(s, slot);
}

static void mglru_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    join(s, slot, s->youngest);
}

const struct policy policy_mglru = {
    .name = "mglru",
    .title = "generations, as in Linux's MGLRU",
    .source = "Zhao, Linux 6.1, mm/vmscan.c; without tiers",
    .sees = POLICY_SEES_BITS,
    .minimum = 1,
    .state_size = mglru_state_size,
    .start = mglru_start,
    .victim = mglru_victim,
    .removed = mglru_removed,
    .inserted = mglru_inserted,
};
