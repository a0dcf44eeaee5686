// SPDX-License-Identifier: MIT
// VMIN, the optimum of policies that vary the number of frames: after each reference the page stays if its next use is
// at most T references away, and goes at once if it is farther. No policy that takes as many faults has a smaller mean
// resident set; the one that only looks back by T references, the working set, has the same faults as VMIN.
// T is the number of frames that a program may have at most, and then this many are never needed: a page that stays is
// used within T references, each of which uses one page.
// Like OPT it needs the references to come, so it runs in the simulator and where a known string is replayed.
// State: the number of references, the slot of the last one. Pitfall: says nothing of how many frames to have, but what
// T costs.
#include "libos/pager/policy.h"

struct policy_state {
    const struct policy_view *view;
    uint64_t now;     // references made
    uint32_t surplus; // slot of the last one, if its page goes; POLICY_NONE
};

static size_t vmin_state_size(uint32_t, uint32_t) {
    return sizeof(struct policy_state);
}

static void vmin_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
    s->surplus = POLICY_NONE;
}

static uint32_t vmin_surplus(struct policy_state *s) {
    const uint32_t slot = s->surplus;
    s->surplus = POLICY_NONE;
    return slot;
}

// Asked only when the pager has taken frames away.
static uint32_t vmin_victim(struct policy_state *s, uint32_t) {
    const struct policy_view *view = s->view;
    uint32_t best = 0, farthest = 0;
    for (uint32_t slot = 0; slot < view->frames; slot++) {
        const uint32_t next = view->next_use(view->pager, slot);
        if (next > farthest) {
            farthest = next;
            best = slot;
        }
    }
    return best;
}

static void vmin_removed(struct policy_state *s, uint32_t, uint32_t slot) {
    if (s->surplus == slot) s->surplus = POLICY_NONE;
}

static void vmin_touched(struct policy_state *s, uint32_t slot) {
    const uint32_t next = s->view->next_use(s->view->pager, slot);
    const uint64_t here = s->now++;
    s->surplus = next == POLICY_NONE || next - here > s->view->frames ? slot : POLICY_NONE;
}

const struct policy policy_vmin = {
    .name = "vmin",
    .title = "VMIN, window of C references: the optimum of variable policies",
    .source = "Prieve, Fabry, CACM 1976",
    .sees = POLICY_SEES_FUTURE,
    .minimum = 1,
    .state_size = vmin_state_size,
    .start = vmin_start,
    .victim = vmin_victim,
    .removed = vmin_removed,
    .touched = vmin_touched,
    .surplus = vmin_surplus,
};
