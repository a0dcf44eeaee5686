// SPDX-License-Identifier: MIT
// Page-fault frequency. A fault that comes soon after the one before says that the program has too few frames: it gets
// one more. If it comes late, all pages that were not used since the fault before leave. "Late" is T references or
// more, so the program is kept near one fault in T references; T is the number of frames that it may have at most.
// Deviations from the paper: its time is the process's own; here it is counted in references, which the simulator and
// a replayed trace know, and for which a real run of another program takes a fault at each change of page. Its memory
// has no bound; here a page goes when the bound is reached and no fault comes late: the first from the hand that was
// not used since the fault before, or if all were, the one at the hand.
// State: the time of the last fault, the hand. Pitfalls: all bits are cleared at each fault; a program that moves on to
// other pages has the old and the new ones in memory until it faults rarely again.
#include "libos/pager/policy/clock.h"

struct policy_state {
    const struct policy_view *view;
    uint64_t before; // time of the fault before, plus 1; 0: there was none
    uint32_t hand;
    uint32_t next; // slot to look at, if the fault came late; view->frames: none is left
    struct look look;
};

static size_t pff_state_size(uint32_t, uint32_t) {
    return sizeof(struct policy_state);
}

static void pff_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
}

static void pff_fault(struct policy_state *s, uint32_t) {
    const uint64_t now = s->view->now(s->view->pager) + 1;
    const bool late = s->before != 0 && now - s->before >= s->view->frames;
    s->before = now;
    s->next = late ? 0 : s->view->frames;
    look_begin(&s->look);
}

static uint32_t pff_surplus(struct policy_state *s) {
    while (s->next < s->view->frames) {
        const uint32_t slot = s->next++;
        if (!(look_at(&s->look, s->view, slot) & POLICY_ACCESSED)) return slot;
    }
    return POLICY_NONE;
}

static uint32_t pff_victim(struct policy_state *s, uint32_t) {
    return clock_sweep(s->view, &s->hand);
}

// The new page's own bit is set when its access is restarted.
static void pff_inserted(struct policy_state *s, uint32_t, uint32_t) {
    s->view->clear_accessed_all(s->view->pager);
}

const struct policy policy_pff = {
    .name = "pff",
    .title = "page-fault frequency, one in C references",
    .source = "Chu, Opderbeck, AFIPS FJCC 1972",
    .sees = POLICY_SEES_BITS,
    .timed = true,
    .minimum = 1,
    .state_size = pff_state_size,
    .start = pff_start,
    .fault = pff_fault,
    .victim = pff_victim,
    .inserted = pff_inserted,
    .surplus = pff_surplus,
};
