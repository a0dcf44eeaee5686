// SPDX-License-Identifier: MIT
// Generalized CLOCK with a two-bit counter: pages that were used up to three times since the hand passed them last
// have as many turns left.
// State: 1 byte a frame. Pitfall: the hand may go round four times before it finds a victim.
#include "libos/pager/policy/counting_clock.h"

struct policy_state {
    struct counting_clock clock;
};

static size_t clock0_2bit_state_size(uint32_t frames, uint32_t) {
    return counting_clock_size(frames);
}

static void clock0_2bit_start(struct policy_state *s, const struct policy_view *view) {
    counting_clock_start(&s->clock, view, 3);
}

static uint32_t clock0_2bit_victim(struct policy_state *s, uint32_t) {
    return counting_clock_victim(&s->clock);
}

static void clock0_2bit_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    counting_clock_inserted(&s->clock, slot);
}

static void clock0_2bit_touched(struct policy_state *s, uint32_t slot) {
    counting_clock_touched(&s->clock, slot);
}

const struct policy policy_clock0_2bit = {
    .name = "clock0_2bit",
    .title = "second chance with counters 0 to 3 (sees every reference)",
    .source = "Smith, ACM TODS 1978 (generalized CLOCK)",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 1,
    .state_size = clock0_2bit_state_size,
    .start = clock0_2bit_start,
    .victim = clock0_2bit_victim,
    .inserted = clock0_2bit_inserted,
    .touched = clock0_2bit_touched,
};
