// SPDX-License-Identifier: MIT
// First in, first out: the page that was loaded longest ago.
// State: the hand. Pitfall: more frames can mean more faults (Belady, Nelson and Shedler, CACM 12(6), 1969).
#include "libos/pager/policy/clock.h"

struct policy_state {
    uint32_t frames, hand;
};

static size_t fifo_state_size(uint32_t, uint32_t) {
    return sizeof(struct policy_state);
}

static void fifo_start(struct policy_state *s, const struct policy_view *view) {
    s->frames = view->frames;
}

static uint32_t fifo_victim(struct policy_state *s, uint32_t) {
    uint32_t slot = s->hand;
    s->hand = clock_next(slot, s->frames);
    return slot;
}

const struct policy policy_fifo = {
    .name = "fifo",
    .title = "first in, first out",
    .source = "folklore; its anomaly: Belady, Nelson, Shedler, CACM 1969",
    .sees = POLICY_SEES_FAULTS,
    .minimum = 1,
    .state_size = fifo_state_size,
    .start = fifo_start,
    .victim = fifo_victim,
};
