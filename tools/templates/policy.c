// SPDX-License-Identifier: MIT
// @NAME@: second chance, to begin with. The hand goes round the slots:
// a page that was accessed since it last came is spared and loses its bit, the first other page goes.
// State: the hand. Pitfalls: say here what readers must know before they trust its numbers.
//
// The rules of the game are in libos/pager/policy.h, the way from here to a result in doc/write-a-policy.md.
#include "libos/pager/policy.h"

// All that the policy remembers. No variables elsewhere: each region of memory has a state of its own.
struct policy_state {
    const struct policy_view *view; // the number of frames, and how to read and clear the bits of a slot
    uint32_t hand;                  // the slot that is looked at next
};

// Bytes of state for so many frames and pages. They are zero when start is called.
static size_t @NAME@_state_size(uint32_t, uint32_t) {
    return sizeof(struct policy_state);
}

static void @NAME@_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
}

// Every frame is taken and one is needed for a page that is in none: the slot whose page goes.
static uint32_t @NAME@_victim(struct policy_state *s, uint32_t) {
    const struct policy_view *view = s->view;
    for (;;) {
        const uint32_t slot = s->hand;
        s->hand = slot + 1 == view->frames ? 0 : slot + 1;
        if (!(view->bits(view->pager, slot) & POLICY_ACCESSED)) return slot;
        view->clear_accessed(view->pager, slot);
    }
}

const struct policy policy_@NAME@ = {
    .name = "@NAME@",
    .title = "second chance, to be changed",
    .source = "own work",
    .sees = POLICY_SEES_BITS, // or POLICY_SEES_FAULTS; policy.h has the others
    .minimum = 1,             // frames that it needs
    .state_size = @NAME@_state_size,
    .start = @NAME@_start,
    .victim = @NAME@_victim, // there are fault, removed, inserted and touched, too: see policy.h
};
