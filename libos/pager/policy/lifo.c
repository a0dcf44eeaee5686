// SPDX-License-Identifier: MIT
// Last in, first out: the page that was loaded last. What most-recently-used replacement becomes when only faults are
// seen; near the optimum on a loop that does not fit.
// State: one slot. Pitfall: ruinous on anything but loops, so attach it to one region, not to a whole program.
#include "libos/pager/policy.h"

struct policy_state {
    uint32_t last;
};

static size_t lifo_state_size(uint32_t, uint32_t) {
    return sizeof(struct policy_state);
}

static void lifo_start(struct policy_state *s, const struct policy_view *view) {
    s->last = view->frames - 1;
}

static uint32_t lifo_victim(struct policy_state *s, uint32_t) {
    return s->last;
}

static void lifo_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    s->last = slot;
}

const struct policy policy_lifo = {
    .name = "lifo",
    .title = "last in, first out",
    .source = "definition",
    .sees = POLICY_SEES_FAULTS,
    .minimum = 1,
    .state_size = lifo_state_size,
    .start = lifo_start,
    .victim = lifo_victim,
    .inserted = lifo_inserted,
};
