// SPDX-License-Identifier: MIT
// SIEVE on the hardware's accessed bit. Published SIEVE starts a new page's bit at 0; here the restarted access has set
// it, which costs a few per cent more faults (see sieve1_d1).
// State: a list of slots, the hand. Pitfall: not resistant to scans.
#include "libos/pager/policy/sieve.h"

struct policy_state {
    struct sieve sieve;
};

static size_t sieve1_state_size(uint32_t frames, uint32_t) {
    return sieve_size(frames);
}

static void sieve1_start(struct policy_state *s, const struct policy_view *view) {
    sieve_start(&s->sieve, view);
}

static uint32_t sieve1_victim(struct policy_state *s, uint32_t) {
    return sieve_victim(&s->sieve);
}

static void sieve1_removed(struct policy_state *s, uint32_t, uint32_t slot) {
    sieve_removed(&s->sieve, slot);
}

static void sieve1_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    sieve_inserted(&s->sieve, slot);
}

const struct policy policy_sieve1 = {
    .name = "sieve1",
    .title = "SIEVE on accessed bits",
    .source = "Zhang, Yang, Yue, Vigfusson, Rashmi, NSDI 2024",
    .sees = POLICY_SEES_BITS,
    .minimum = 1,
    .state_size = sieve1_state_size,
    .start = sieve1_start,
    .victim = sieve1_victim,
    .removed = sieve1_removed,
    .inserted = sieve1_inserted,
};
