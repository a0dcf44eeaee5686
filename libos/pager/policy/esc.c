// SPDX-License-Identifier: MIT
// Enhanced second chance: prefers pages that need no write-back. Pass 1 from the hand looks for A = 0, D = 0; pass 2
// for A = 0, D = 1 and clears A of the pages it passes; then again.
// State: the hand. Pitfall: textbooks differ in where A is cleared; fewer write-backs can cost more faults.
#include "libos/pager/policy/clock.h"

struct policy_state {
    const struct policy_view *view;
    uint32_t hand;
};

static size_t esc_state_size(uint32_t, uint32_t) {
    return sizeof(struct policy_state);
}

static void esc_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
}

// One turn from the hand for a page whose bits are exactly `wanted`; may clear A of those passed.
static uint32_t esc_pass(struct policy_state *s, uint8_t wanted, bool clears) {
    const struct policy_view *view = s->view;
    struct look look;
    look_begin(&look);
    for (uint32_t i = 0, slot = s->hand; i < view->frames; i++, slot = clock_next(slot, view->frames)) {
        uint8_t bits = look_at(&look, view, slot);
        if (bits == wanted) return slot;
        if (clears && bits & POLICY_ACCESSED) view->clear_accessed(view->pager, slot);
    }
    return POLICY_NONE;
}

static uint32_t esc_victim(struct policy_state *s, uint32_t) {
    uint32_t slot = POLICY_NONE;
    while (slot == POLICY_NONE) { // the second round finds one, since the first has cleared every A
        slot = esc_pass(s, 0, false);
        if (slot == POLICY_NONE) slot = esc_pass(s, POLICY_DIRTY, true);
    }
    s->hand = clock_next(slot, s->view->frames);
    return slot;
}

const struct policy policy_esc = {
    .name = "esc",
    .title = "enhanced second chance (accessed and dirty bits)",
    .source = "Apple Macintosh virtual memory, as told by Silberschatz and Galvin",
    .sees = POLICY_SEES_BITS,
    .minimum = 1,
    .state_size = esc_state_size,
    .start = esc_start,
    .victim = esc_victim,
};
