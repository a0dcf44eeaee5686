// SPDX-License-Identifier: MIT
// The optimum: the page whose next use is farthest away. It needs the references to come, so it runs in the simulator
// and where a program replays a known string. Demand paging: it may not refuse to load a page. Of pages that are never
// used again a clean one goes first, which changes no fault count and saves write-backs.
// State: none of its own. Pitfalls: looks at every frame for each victim; its write-backs are not a minimum.
#include "libos/pager/policy.h"

struct policy_state {
    const struct policy_view *view;
};

static size_t opt_state_size(uint32_t, uint32_t) {
    return sizeof(struct policy_state);
}

static void opt_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
}

static uint32_t opt_victim(struct policy_state *s, uint32_t) {
    const struct policy_view *view = s->view;
    uint32_t best = 0, farthest = 0;
    for (uint32_t slot = 0; slot < view->frames; slot++) {
        uint32_t next = view->next_use(view->pager, slot);
        if (next == POLICY_NONE && !(view->bits(view->pager, slot) & POLICY_DIRTY)) return slot;
        if (next > farthest) {
            farthest = next;
            best = slot;
        }
    }
    return best;
}

const struct policy policy_opt = {
    .name = "opt",
    .title = "the optimum: farthest next use",
    .source = "Belady, IBM Systems Journal 1966 (MIN); Mattson et al. 1970 (OPT)",
    .sees = POLICY_SEES_FUTURE,
    .minimum = 1,
    .state_size = opt_state_size,
    .start = opt_start,
    .victim = opt_victim,
};
