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

// For policies that look at many slots, one after the other: their bits are asked for in runs, which get longer. Of a
// slot that was looked at before, a bit that was cleared meanwhile may still be seen.
//
//   struct look look;
//   look_begin(&look);
//   for (…) if (look_at(&look, view, slot) & POLICY_ACCESSED) …
constexpr uint32_t LOOK_MOST = 64;
struct look {
    uint32_t first, count; // slots in `bits`
    uint8_t bits[LOOK_MOST];
};

static inline void look_begin(struct look *look) {
    look->first = look->count = 0;
}

[[gnu::noinline, maybe_unused]] static uint8_t look_further(struct look *look, const struct policy_view *view,
                                                            uint32_t slot) {
    const uint32_t count = look->count == 0 ? 8 : look->count < LOOK_MOST / 2 ? 2 * look->count : LOOK_MOST;
    look->first = slot;
    look->count = count < view->frames - slot ? count : view->frames - slot;
    view->bits_from(view->pager, slot, look->count, look->bits);
    return look->bits[0];
}

static inline uint8_t look_at(struct look *look, const struct policy_view *view, uint32_t slot) {
    const uint32_t place = slot - look->first;
    return place < look->count ? look->bits[place] : look_further(look, view, slot);
}

// The deferred clear. Hardware sets A of a page that has just been loaded when the faulting access is restarted, so A
// says nothing about a second use. Clearing it at the next fault makes it do so, but loses a second use that came
// before. `last` is the slot loaded by the previous fault, or POLICY_NONE.
static inline void clear_loaded(const struct policy_view *view, uint32_t last) {
    if (last != POLICY_NONE && !view->starts_clear) view->clear_accessed(view->pager, last);
}
