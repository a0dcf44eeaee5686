// SPDX-License-Identifier: MIT
// CAR, clock with adaptive replacement: ARC's idea for a pager. Pages that were used once stand on one clock (T1),
// those used more than once on another (T2); those evicted from either are remembered (B1, B2), in all at most as many
// as there are frames. A page that faults while remembered comes back on T2, and moves the size that T1 should have: up
// if it went from T1, down if from T2. The reference bit of a new page is to start clear; hardware sets it, so A of a
// loaded page is cleared at the next fault (clock.h), which loses a second use before that fault. The only other
// deviation from the paper: the target is kept in parts of 1/65536 page, where the paper has real numbers. State: lists
// over slots and over pages, a flag for each slot. Pitfalls: state grows with pages, not with frames; one bit cleared
// and one flush more at each fault.
#include "libos/pager/policy/clock.h"
#include "libos/pager/policy/list.h"

constexpr uint64_t PAGE = 1 << 16; // a page's worth of the target

enum clock { ONCE, OFTEN, CLOCKS }; // T1 and B1; T2 and B2

struct policy_state {
    const struct policy_view *view;
    uint64_t target;           // of T1, in parts of a page
    uint32_t resident[CLOCKS]; // pages on each clock
    uint32_t evicted[CLOCKS];  // pages remembered from each
    uint32_t last;             // slot loaded by the previous fault
    uint32_t remembered;       // of the faulting page: which of B1 and B2 it is in, or CLOCKS
    struct link *slots, *pages;
    uint8_t *clock_of;   // slot → clock
    uint8_t *ghost_of;   // page → clock that it was evicted from, if it is remembered
    struct link links[]; // slots and two heads; pages and two heads; then clock_of and ghost_of
};

static size_t car_state_size(uint32_t frames, uint32_t pages) {
    return sizeof(struct policy_state) + ((size_t)frames + pages + 2 * CLOCKS) * sizeof(struct link) + frames + pages;
}

static uint32_t clock_head(const struct policy_state *s, uint32_t clock) {
    return s->view->frames + clock;
}

static uint32_t ghost_head(const struct policy_state *s, uint32_t clock) {
    return s->view->pages + clock;
}

static void car_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
    s->last = POLICY_NONE;
    s->slots = s->links;
    s->pages = s->slots + view->frames + CLOCKS;
    s->clock_of = (uint8_t *)(s->pages + view->pages + CLOCKS);
    s->ghost_of = s->clock_of + view->frames;
    list_clear_all(s->slots, view->frames + CLOCKS);
    list_clear_all(s->pages, view->pages + CLOCKS);
}

static void put(struct policy_state *s, uint32_t slot, enum clock clock) {
    list_append(s->slots, clock_head(s, clock), slot);
    s->clock_of[slot] = clock;
    s->resident[clock]++;
}

static void take(struct policy_state *s, uint32_t slot) {
    list_remove(s->slots, slot);
    s->resident[s->clock_of[slot]]--;
}

static void remember(struct policy_state *s, uint32_t page, enum clock clock) {
    list_append(s->pages, ghost_head(s, clock), page);
    s->ghost_of[page] = clock;
    s->evicted[clock]++;
}

static void forget(struct policy_state *s, uint32_t page) {
    list_remove(s->pages, page);
    s->evicted[s->ghost_of[page]]--;
}

static void car_fault(struct policy_state *s, uint32_t page) {
    clear_loaded(s->view, s->last);
    s->remembered = list_holds(s->pages, page) ? s->ghost_of[page] : CLOCKS;
}

static uint32_t car_victim(struct policy_state *s, uint32_t) {
    const struct policy_view *view = s->view;
    for (;;) {
        const uint64_t once = s->resident[ONCE] * PAGE;
        const enum clock clock = once >= PAGE && (once >= s->target || s->resident[OFTEN] == 0) ? ONCE : OFTEN;
        const uint32_t slot = list_first(s->slots, clock_head(s, clock));
        if (!(view->bits(view->pager, slot) & POLICY_ACCESSED)) return slot;
        view->clear_accessed(view->pager, slot);
        take(s, slot);
        put(s, slot, OFTEN);
    }
}

// Makes room in the memory of evicted pages for a page that is not in it.
static void bound_evicted(struct policy_state *s) {
    const uint32_t frames = s->view->frames, resident = s->resident[ONCE] + s->resident[OFTEN];
    if (s->resident[ONCE] + s->evicted[ONCE] == frames)
        forget(s, list_first(s->pages, ghost_head(s, ONCE)));
    else if ((uint64_t)resident + s->evicted[ONCE] + s->evicted[OFTEN] == 2ull * frames)
        forget(s, list_first(s->pages, ghost_head(s, OFTEN)));
}

static void car_removed(struct policy_state *s, uint32_t page, uint32_t slot) {
    if (slot == s->last) s->last = POLICY_NONE;
    take(s, slot);
    remember(s, page, s->clock_of[slot]);
    if (s->remembered == CLOCKS) bound_evicted(s);
}

// By how much a fault on a page remembered from one clock moves the target: the more pages are remembered from the
// other one in proportion, the more, and at least by one page.
static uint64_t step(const struct policy_state *s, enum clock clock) {
    const uint64_t share = s->evicted[OFTEN - clock] * PAGE / s->evicted[clock];
    return share > PAGE ? share : PAGE;
}

static void adapt(struct policy_state *s, enum clock clock) {
    const uint64_t most = s->view->frames * PAGE, by = step(s, clock);
    if (clock == ONCE)
        s->target = most - s->target > by ? s->target + by : most;
    else
        s->target = s->target > by ? s->target - by : 0;
}

static void car_inserted(struct policy_state *s, uint32_t page, uint32_t slot) {
    if (s->remembered != CLOCKS) {
        adapt(s, (enum clock)s->remembered);
        forget(s, page);
    }
    put(s, slot, s->remembered == CLOCKS ? ONCE : OFTEN);
    s->last = slot;
}

const struct policy policy_car = {
    .name = "car",
    .title = "CAR: two clocks that adapt, deferred clear",
    .source = "Bansal, Modha, FAST 2004; clear deferred to the next fault",
    .sees = POLICY_SEES_BITS,
    .minimum = 1,
    .state_size = car_state_size,
    .start = car_start,
    .fault = car_fault,
    .victim = car_victim,
    .removed = car_removed,
    .inserted = car_inserted,
};
