// SPDX-License-Identifier: MIT
// Not recently used: the first page from the hand in the lowest class 2A + D; all A bits are cleared at every 64th
// fault. The period is counted in faults, not in time, so that runs repeat.
// State: the hand and the number of faults. Pitfall: looks at every frame for each victim unless one has A = D = 0.
#include "libos/pager/policy/clock.h"

constexpr uint64_t PERIOD = 64; // faults

struct policy_state {
    const struct policy_view *view;
    uint64_t faults;
    uint32_t hand;
};

static size_t nru_state_size(uint32_t, uint32_t) {
    return sizeof(struct policy_state);
}

static void nru_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
}

static void nru_fault(struct policy_state *s, uint32_t) {
    if (++s->faults % PERIOD == 0) s->view->clear_accessed_all(s->view->pager);
}

static uint32_t nru_victim(struct policy_state *s, uint32_t) {
    const struct policy_view *view = s->view;
    uint32_t best = POLICY_NONE;
    unsigned lowest = UINT32_MAX;
    struct look look;
    look_begin(&look);
    for (uint32_t i = 0, slot = s->hand; i < view->frames && lowest > 0; i++, slot = clock_next(slot, view->frames)) {
        uint8_t bits = look_at(&look, view, slot);
        unsigned class = (bits & POLICY_ACCESSED ? 2 : 0) + (bits & POLICY_DIRTY ? 1 : 0);
        if (class < lowest) {
            lowest = class;
            best = slot;
        }
    }
    s->hand = clock_next(best, view->frames);
    return best;
}

const struct policy policy_nru_f64 = {
    .name = "nru_f64",
    .title = "not recently used, cleared every 64 faults",
    .source = "Belady, IBM Systems Journal 1966 (class BI-1..4); Tanenbaum's NRU",
    .sees = POLICY_SEES_BITS,
    .minimum = 1,
    .state_size = nru_state_size,
    .start = nru_start,
    .fault = nru_fault,
    .victim = nru_victim,
};
