// SPDX-License-Identifier: MIT
// Most recently used goes first. On a loop that does not fit it keeps a part of the loop in place and so comes near
// the optimum; anywhere else pages that were loaded early and are never used again stay for ever.
// State: a list of slots from the least to the most recently used, 8 bytes a frame. Pitfall: for one looped region,
// not for a whole address space.
#include "libos/pager/policy.h"
#include "libos/pager/policy/list.h"

struct policy_state {
    uint32_t head;
    struct link slots[];
};

static size_t mru_state_size(uint32_t frames, uint32_t) {
    return sizeof(struct policy_state) + (frames + 1ul) * sizeof(struct link);
}

static void mru_start(struct policy_state *s, const struct policy_view *view) {
    s->head = view->frames;
    list_clear_all(s->slots, view->frames + 1);
}

static uint32_t mru_victim(struct policy_state *s, uint32_t) {
    return list_last(s->slots, s->head);
}

static void mru_removed(struct policy_state *s, uint32_t, uint32_t slot) {
    list_remove(s->slots, slot);
}

static void mru_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    list_append(s->slots, s->head, slot);
}

static void mru_touched(struct policy_state *s, uint32_t slot) {
    list_renew(s->slots, s->head, slot);
}

const struct policy policy_mru = {
    .name = "mru",
    .title = "most recently used first (sees every reference)",
    .source = "Chou, DeWitt, VLDB 1985 (DBMIN)",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 1,
    .state_size = mru_state_size,
    .start = mru_start,
    .victim = mru_victim,
    .removed = mru_removed,
    .inserted = mru_inserted,
    .touched = mru_touched,
};
