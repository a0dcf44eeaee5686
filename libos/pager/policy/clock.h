// SPDX-License-Identifier: MIT
// What the policies with a hand share: slots stand in a ring, and because a new page takes its victim's slot while
// the hand moves on, the ring is at the same time the list of pages from the oldest (at the hand) to the youngest.
#pragma once
#include "libos/pager/policy.h"

static inline uint32_t clock_next(uint32_t slot, uint32_t frames) {
    return slot + 1 == frames ? 0 : slot + 1;
}

// Second chance: the first slot from the hand on whose page has not been accessed; clears A of those passed. Leaves the
// hand behind the victim. Ends within one turn and a step, since nothing accesses pages meanwhile.
static inline uint32_t clock_sweep(const struct policy_view *view, uint32_t *hand) {
    for (;;) {
        uint32_t slot = *hand;
        *hand = clock_next(slot, view->frames);
        if (!(view->bits(view->pager, slot) & POLICY_ACCESSED)) return slot;
        view->clear_accessed(view->pager, slot);
    }
}

// The deferred clear. Hardware sets A of a page that has just been loaded when the faulting access is restarted, so A
// says nothing about a second use. Clearing it at the next fault makes it do so, but loses a second use that came
// before. `last` is the slot loaded by the previous fault, or POLICY_NONE.
static inline void clear_loaded(const struct policy_view *view, uint32_t last) {
    if (last != POLICY_NONE && !view->starts_clear) view->clear_accessed(view->pager, last);
}
