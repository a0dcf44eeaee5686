// SPDX-License-Identifier: MIT
// CLOCK with the deferred clear: as clock1, but at each fault A of the page that the previous fault loaded is cleared
// first, so that a set bit means a second use, as in the published CLOCK.
// State: the hand and the last slot. Pitfall: one bit cleared and one flush more at each fault.
#include "libos/pager/policy/clock.h"

struct policy_state {
    const struct policy_view *view;
    uint32_t hand, last;
};

static size_t clock1_d1_state_size(uint32_t, uint32_t) {
    return sizeof(struct policy_state);
}

static void clock1_d1_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
    s->last = POLICY_NONE;
}

static void clock1_d1_fault(struct policy_state *s, uint32_t) {
    clear_loaded(s->view, s->last);
}

static uint32_t clock1_d1_victim(struct policy_state *s, uint32_t) {
    return clock_sweep(s->view, &s->hand);
}

static void clock1_d1_removed(struct policy_state *s, uint32_t, uint32_t slot) {
    if (slot == s->last) s->last = POLICY_NONE;
}

static void clock1_d1_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    s->last = slot;
}

const struct policy policy_clock1_d1 = {
    .name = "clock1_d1",
    .title = "CLOCK on accessed bits, deferred clear",
    .source = "Corbató, MIT Project MAC memo 1968; clear deferred to the next fault",
    .sees = POLICY_SEES_BITS,
    .minimum = 1,
    .state_size = clock1_d1_state_size,
    .start = clock1_d1_start,
    .fault = clock1_d1_fault,
    .victim = clock1_d1_victim,
    .removed = clock1_d1_removed,
    .inserted = clock1_d1_inserted,
};
