// SPDX-License-Identifier: MIT
// A frame drawn at random, one draw for each eviction, from a generator with a stated seed: repeatable to the page.
// State: the generator. Pitfall: comparable only with the same generator, seed and rule for slots.
#include "libos/pager/policy.h"
#include "libos/pager/policy/lcg.h"

struct policy_state {
    uint64_t generator;
    uint32_t frames;
};

static size_t random_state_size(uint32_t, uint32_t) {
    return sizeof(struct policy_state);
}

static void random_start(struct policy_state *s, const struct policy_view *view) {
    s->generator = view->seed;
    s->frames = view->frames;
}

static uint32_t random_victim(struct policy_state *s, uint32_t) {
    return (uint32_t)lcg_draw(&s->generator, s->frames);
}

const struct policy policy_random_lcg = {
    .name = "random_lcg",
    .title = "random frame, repeatable",
    .source = "definition; Knuth's MMIX generator",
    .sees = POLICY_SEES_FAULTS,
    .minimum = 1,
    .state_size = random_state_size,
    .start = random_start,
    .victim = random_victim,
};
