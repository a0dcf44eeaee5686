// SPDX-License-Identifier: MIT
// Aging: at every 64th fault each page's 8-bit age is shifted right and takes A in at the top, and A is cleared. The
// victim is the first page from the hand with the lowest age; a set A counts more than any age.
// State: one byte for each slot, the hand. Pitfall: looks at every frame for each victim; needs no timer, so it
// repeats.
#include "libos/pager/policy/clock.h"

constexpr uint64_t PERIOD = 64; // faults

struct policy_state {
    const struct policy_view *view;
    uint64_t faults;
    uint32_t hand;
    uint8_t age[];
};

static size_t aging_state_size(uint32_t frames, uint32_t) {
    return sizeof(struct policy_state) + frames;
}

static void aging_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
}

static void aging_fault(struct policy_state *s, uint32_t) {
    if (++s->faults % PERIOD != 0) return;
    const struct policy_view *view = s->view;
    struct look look;
    look_begin(&look);
    for (uint32_t slot = 0; slot < view->frames; slot++) {
        bool accessed = look_at(&look, view, slot) & POLICY_ACCESSED;
        s->age[slot] = (uint8_t)(s->age[slot] >> 1 | (accessed ? 0x80 : 0));
    }
    view->clear_accessed_all(view->pager);
}

static uint32_t aging_victim(struct policy_state *s, uint32_t) {
    const struct policy_view *view = s->view;
    uint32_t best = POLICY_NONE;
    unsigned lowest = UINT32_MAX;
    struct look look;
    look_begin(&look);
    for (uint32_t i = 0, slot = s->hand; i < view->frames && lowest > 0; i++, slot = clock_next(slot, view->frames)) {
        unsigned age = (look_at(&look, view, slot) & POLICY_ACCESSED ? 256 : 0) + s->age[slot];
        if (age < lowest) {
            lowest = age;
            best = slot;
        }
    }
    s->hand = clock_next(best, view->frames);
    return best;
}

static void aging_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    s->age[slot] = 0;
}

const struct policy policy_aging8_f64 = {
    .name = "aging8_f64",
    .title = "aging, 8 bits, every 64 faults",
    .source = "Tanenbaum, Modern Operating Systems (simulated LRU in software)",
    .sees = POLICY_SEES_BITS,
    .minimum = 1,
    .state_size = aging_state_size,
    .start = aging_start,
    .fault = aging_fault,
    .victim = aging_victim,
    .inserted = aging_inserted,
};
