// SPDX-License-Identifier: MIT
// Second chance as simulators of caches have it: the access that loads a page does not set its bit, only later uses
// do. Hardware cannot do so, see clock1 and clock1_d1; this is what to compare them with.
// State: 1 byte a frame. Pitfall: a loop one page too large misses always, as with LRU.
#include "libos/pager/policy/counting_clock.h"

struct policy_state {
    struct counting_clock clock;
};

static size_t clock0_state_size(uint32_t frames, uint32_t) {
    return counting_clock_size(frames);
}

static void clock0_start(struct policy_state *s, const struct policy_view *view) {
    counting_clock_start(&s->clock, view, 1);
}

static uint32_t clock0_victim(struct policy_state *s, uint32_t) {
    return counting_clock_victim(&s->clock);
}

static void clock0_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    counting_clock_inserted(&s->clock, slot);
}

static void clock0_touched(struct policy_state *s, uint32_t slot) {
    counting_clock_touched(&s->clock, slot);
}

const struct policy policy_clock0 = {
    .name = "clock0",
    .title = "second chance, first access not counted (sees every reference)",
    .source = "Corbató, MIT Project MAC 1968; bit as in simulators of caches",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 1,
    .state_size = clock0_state_size,
    .start = clock0_start,
    .victim = clock0_victim,
    .inserted = clock0_inserted,
    .touched = clock0_touched,
};
