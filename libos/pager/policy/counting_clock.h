// SPDX-License-Identifier: MIT
// Second chance with a small counter for each page instead of a bit: a use adds one up to a limit, the hand takes one
// away from each page that it passes and evicts the first that has none. What a page is loaded with is none, as in the
// papers' simulators. Shared by clock0 and clock0_2bit. Slots are a ring, see clock.h.
#pragma once
#include "libos/pager/policy/clock.h"
#include "libos/pager/policy/uses.h"

struct counting_clock {
    uint32_t frames, hand;
    uint32_t loaded; // see uses.h
    uint8_t most;    // uses that are counted
    uint8_t uses[];  // of each slot
};

static inline size_t counting_clock_size(uint32_t frames) {
    return sizeof(struct counting_clock) + frames;
}

static inline void counting_clock_start(struct counting_clock *s, const struct policy_view *view, uint8_t most) {
    s->frames = view->frames;
    s->loaded = POLICY_NONE;
    s->most = most;
}

static inline uint32_t counting_clock_victim(struct counting_clock *s) {
    for (;;) {
        const uint32_t slot = s->hand;
        s->hand = clock_next(slot, s->frames);
        if (s->uses[slot] == 0) return slot;
        s->uses[slot]--;
    }
}

static inline void counting_clock_inserted(struct counting_clock *s, uint32_t slot) {
    s->uses[slot] = 0;
    s->loaded = slot;
}

static inline void counting_clock_touched(struct counting_clock *s, uint32_t slot) {
    if (used_again(&s->loaded, slot) && s->uses[slot] < s->most) s->uses[slot]++;
}
