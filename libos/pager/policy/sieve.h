// SPDX-License-Identifier: MIT
// SIEVE's list and hand, shared by sieve1 and sieve1_d1: pages stand in the order in which they were loaded and keep
// their place; the hand walks from old to young, takes A away from pages that have it, and evicts the first that has
// not. It then rests on the victim's younger neighbour, and starts over at the oldest when it passes the youngest.
#pragma once
#include "libos/pager/policy.h"
#include "libos/pager/policy/list.h"

struct sieve {
    const struct policy_view *view;
    uint32_t hand;       // a slot, or the head: then the oldest is next
    struct link slots[]; // frames + 1; the head is the last
};

static inline size_t sieve_size(uint32_t frames) {
    return sizeof(struct sieve) + (frames + 1ul) * sizeof(struct link);
}

static inline void sieve_start(struct sieve *s, const struct policy_view *view) {
    s->view = view;
    s->hand = view->frames;
    list_clear_all(s->slots, view->frames + 1);
}

static inline uint32_t sieve_victim(struct sieve *s) {
    for (;;) {
        if (s->hand == s->view->frames) s->hand = list_first(s->slots, s->view->frames);
        uint32_t slot = s->hand;
        if (!(s->view->bits(s->view->pager, slot) & POLICY_ACCESSED)) return slot;
        s->view->clear_accessed(s->view->pager, slot);
        s->hand = s->slots[slot].next;
    }
}

static inline void sieve_removed(struct sieve *s, uint32_t slot) {
    if (s->hand == slot) s->hand = s->slots[slot].next;
    list_remove(s->slots, slot);
}

static inline void sieve_inserted(struct sieve *s, uint32_t slot) {
    list_append(s->slots, s->view->frames, slot);
}
