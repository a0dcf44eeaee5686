// SPDX-License-Identifier: MIT
// LIRS by the rules of its author's program: HIR frames 1 %, at least two, a stack of at most 2500 times the frames,
// and a reference to the same page as the one before is no use. The rules are in lirs.h.
// State: 21 bytes a page, 4 a frame. Pitfall: the bound is so wide that the stack grows with the pages.
#include "libos/pager/policy/lirs.h"

struct policy_state {
    struct lirs lirs;
};

static size_t lirs_jiang_state_size(uint32_t frames, uint32_t pages) {
    return lirs_size(frames, pages);
}

static void lirs_jiang_start(struct policy_state *s, const struct policy_view *view) {
    lirs_start(&s->lirs, view, (struct lirs_rules){.least_hir = 2, .stack_most = 2500, .immediate_repeat = false});
}

static uint32_t lirs_jiang_victim(struct policy_state *s, uint32_t) {
    return lirs_victim(&s->lirs);
}

static void lirs_jiang_removed(struct policy_state *s, uint32_t page, uint32_t) {
    lirs_removed(&s->lirs, page);
}

static void lirs_jiang_inserted(struct policy_state *s, uint32_t page, uint32_t slot) {
    lirs_inserted(&s->lirs, page, slot);
}

static void lirs_jiang_touched(struct policy_state *s, uint32_t slot) {
    lirs_touched(&s->lirs, slot);
}

const struct policy policy_lirs_jiang = {
    .name = "lirs_jiang",
    .title = "LIRS by the rules of its author's program (sees every reference)",
    .source = "Jiang, Zhang, SIGMETRICS 2002",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 3, // one LIR, two HIR
    .state_size = lirs_jiang_state_size,
    .start = lirs_jiang_start,
    .victim = lirs_jiang_victim,
    .removed = lirs_jiang_removed,
    .inserted = lirs_jiang_inserted,
    .touched = lirs_jiang_touched,
};
