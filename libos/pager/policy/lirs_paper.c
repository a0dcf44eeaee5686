// SPDX-License-Identifier: MIT
// LIRS as in the paper: HIR frames 1 %, at least one, and a stack without a bound. The rules are in lirs.h.
// State: 21 bytes a page, 4 a frame. Pitfall: with few frames a single HIR frame makes a new page leave at the next
// fault.
#include "libos/pager/policy/lirs.h"

struct policy_state {
    struct lirs lirs;
};

static size_t lirs_paper_state_size(uint32_t frames, uint32_t pages) {
    return lirs_size(frames, pages);
}

static void lirs_paper_start(struct policy_state *s, const struct policy_view *view) {
    lirs_start(&s->lirs, view, (struct lirs_rules){.least_hir = 1, .immediate_repeat = true});
}

static uint32_t lirs_paper_victim(struct policy_state *s, uint32_t) {
    return lirs_victim(&s->lirs);
}

static void lirs_paper_removed(struct policy_state *s, uint32_t page, uint32_t) {
    lirs_removed(&s->lirs, page);
}

static void lirs_paper_inserted(struct policy_state *s, uint32_t page, uint32_t slot) {
    lirs_inserted(&s->lirs, page, slot);
}

static void lirs_paper_touched(struct policy_state *s, uint32_t slot) {
    lirs_touched(&s->lirs, slot);
}

const struct policy policy_lirs_paper = {
    .name = "lirs_paper",
    .title = "LIRS (sees every reference)",
    .source = "Jiang, Zhang, SIGMETRICS 2002",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 2, // one LIR, one HIR
    .state_size = lirs_paper_state_size,
    .start = lirs_paper_start,
    .victim = lirs_paper_victim,
    .removed = lirs_paper_removed,
    .inserted = lirs_paper_inserted,
    .touched = lirs_paper_touched,
};
