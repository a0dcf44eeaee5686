// SPDX-License-Identifier: MIT
// SIEVE as published: the bit of a page is set by its uses after the load. Hardware cannot do so, see sieve1 and
// sieve1_d1; this is what to compare them with. The list and the hand are sieve.h's, shown bits that are kept here.
// State: a list of slots and the hand, 9 bytes a frame. Pitfall: not resistant to scans.
#include "libos/pager/policy/sieve.h"
#include "libos/pager/policy/uses.h"

struct policy_state {
    struct policy_view view; // what sieve.h sees
    uint32_t loaded;         // see uses.h
    uint8_t *bits;           // of each slot: used again
    struct sieve sieve;      // then uint8_t[frames]
};

static size_t sieve0_state_size(uint32_t frames, uint32_t) {
    return sizeof(struct policy_state) + sieve_size(frames) + frames;
}

static uint8_t own_bits(void *pager, uint32_t slot) {
    return ((struct policy_state *)pager)->bits[slot];
}

static void own_clear(void *pager, uint32_t slot) {
    ((struct policy_state *)pager)->bits[slot] = 0;
}

static void sieve0_start(struct policy_state *s, const struct policy_view *view) {
    s->view = (struct policy_view){
        .frames = view->frames, .pages = view->pages, .pager = s, .bits = own_bits, .clear_accessed = own_clear};
    s->loaded = POLICY_NONE;
    s->bits = (uint8_t *)&s->sieve + sieve_size(view->frames);
    sieve_start(&s->sieve, &s->view);
}

static uint32_t sieve0_victim(struct policy_state *s, uint32_t) {
    return sieve_victim(&s->sieve);
}

static void sieve0_removed(struct policy_state *s, uint32_t, uint32_t slot) {
    sieve_removed(&s->sieve, slot);
}

static void sieve0_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    s->bits[slot] = 0;
    s->loaded = slot;
    sieve_inserted(&s->sieve, slot);
}

static void sieve0_touched(struct policy_state *s, uint32_t slot) {
    if (used_again(&s->loaded, slot)) s->bits[slot] = POLICY_ACCESSED;
}

const struct policy policy_sieve0 = {
    .name = "sieve0",
    .title = "SIEVE, first access not counted (sees every reference)",
    .source = "Zhang, Yang, Yue, Vigfusson, Rashmi, NSDI 2024",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 1,
    .state_size = sieve0_state_size,
    .start = sieve0_start,
    .victim = sieve0_victim,
    .removed = sieve0_removed,
    .inserted = sieve0_inserted,
    .touched = sieve0_touched,
};
