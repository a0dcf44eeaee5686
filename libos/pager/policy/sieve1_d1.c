// SPDX-License-Identifier: MIT
// SIEVE with the deferred clear: at each fault A of the page that the previous fault loaded is cleared first, which
// gives nearly the fault counts of published SIEVE.
// State: a list of slots, the hand, the last slot. Pitfall: one bit cleared and one flush more at each fault.
#include "libos/pager/policy/clock.h"
#include "libos/pager/policy/sieve.h"

struct policy_state {
    uint32_t last;
    alignas(8) unsigned char sieve[];
};

static struct sieve *list_of(struct policy_state *s) {
    return (struct sieve *)s->sieve;
}

static size_t sieve1_d1_state_size(uint32_t frames, uint32_t) {
    return sizeof(struct policy_state) + sieve_size(frames);
}

static void sieve1_d1_start(struct policy_state *s, const struct policy_view *view) {
    s->last = POLICY_NONE;
    sieve_start(list_of(s), view);
}

static void sieve1_d1_fault(struct policy_state *s, uint32_t) {
    clear_loaded(list_of(s)->view, s->last);
}

static uint32_t sieve1_d1_victim(struct policy_state *s, uint32_t) {
    return sieve_victim(list_of(s));
}

static void sieve1_d1_removed(struct policy_state *s, uint32_t, uint32_t slot) {
    if (slot == s->last) s->last = POLICY_NONE;
    sieve_removed(list_of(s), slot);
}

static void sieve1_d1_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    s->last = slot;
    sieve_inserted(list_of(s), slot);
}

const struct policy policy_sieve1_d1 = {
    .name = "sieve1_d1",
    .title = "SIEVE on accessed bits, deferred clear",
    .source = "Zhang, Yang, Yue, Vigfusson, Rashmi, NSDI 2024; clear deferred to the next fault",
    .sees = POLICY_SEES_BITS,
    .minimum = 1,
    .state_size = sieve1_d1_state_size,
    .start = sieve1_d1_start,
    .fault = sieve1_d1_fault,
    .victim = sieve1_d1_victim,
    .removed = sieve1_d1_removed,
    .inserted = sieve1_d1_inserted,
};
