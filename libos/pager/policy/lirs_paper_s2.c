// SPDX-License-Identifier: MIT
// LIRS with a bound: at most twice as many pages in the stack as there are frames, and so at most as many evicted
// pages remembered as frames. The rules are in lirs.h.
// State: 21 bytes a page, 4 a frame. Pitfall: as lirs_paper.
#include "libos/pager/policy/lirs.h"

struct policy_state {
    struct lirs lirs;
};

static size_t lirs_paper_s2_state_size(uint32_t frames, uint32_t pages) {
    return lirs_size(frames, pages);
}

static void lirs_paper_s2_start(struct policy_state *s, const struct policy_view *view) {
    lirs_start(&s->lirs, view, (struct lirs_rules){.least_hir = 1, .stack_most = 2, .immediate_repeat = true});
}

static uint32_t lirs_paper_s2_victim(struct policy_state *s, uint32_t) {
    return lirs_victim(&s->lirs);
}

static void lirs_paper_s2_removed(struct policy_state *s, uint32_t page, uint32_t) {
    lirs_removed(&s->lirs, page);
}

static void lirs_paper_s2_inserted(struct policy_state *s, uint32_t page, uint32_t slot) {
    lirs_inserted(&s->lirs, page, slot);
}

static void lirs_paper_s2_touched(struct policy_state *s, uint32_t slot) {
    lirs_touched(&s->lirs, slot);
}

const struct policy policy_lirs_paper_s2 = {
    .name = "lirs_paper_s2",
    .title = "LIRS, stack of twice the frames (sees every reference)",
    .source = "Jiang, Zhang, SIGMETRICS 2002",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 2, // one LIR, one HIR
    .state_size = lirs_paper_s2_state_size,
    .start = lirs_paper_s2_start,
    .victim = lirs_paper_s2_victim,
    .removed = lirs_paper_s2_removed,
    .inserted = lirs_paper_s2_inserted,
    .touched = lirs_paper_s2_touched,
};
