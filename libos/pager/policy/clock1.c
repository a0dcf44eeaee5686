// SPDX-License-Identifier: MIT
// CLOCK, or second chance, on the hardware's accessed bit: a page whose bit is set loses the bit instead of its frame.
// "1" because the bit of a new page starts set: the restarted access sets it.
// State: the hand. Pitfall: A must be cleared in the TLB too, or hot pages look idle; shows Belady's anomaly like FIFO.
#include "libos/pager/policy/clock.h"

struct policy_state {
    const struct policy_view *view;
    uint32_t hand;
};

static size_t clock1_state_size(uint32_t, uint32_t) {
    return sizeof(struct policy_state);
}

static void clock1_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
}

static uint32_t clock1_victim(struct policy_state *s, uint32_t) {
    return clock_sweep(s->view, &s->hand);
}

const struct policy policy_clock1 = {
    .name = "clock1",
    .title = "CLOCK on accessed bits",
    .source = "Corbató, MIT Project MAC memo 1968",
    .sees = POLICY_SEES_BITS,
    .minimum = 1,
    .state_size = clock1_state_size,
    .start = clock1_start,
    .victim = clock1_victim,
};
