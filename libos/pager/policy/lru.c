// SPDX-License-Identifier: MIT
// Exact least recently used. No pager can run it on hardware bits, since it must see every reference: it is here for
// comparison, in the simulator and where a program announces its references.
// State: a list of slots from the least to the most recently used. Pitfall: a loop one page too large misses always.
#include "libos/pager/policy.h"
#include "libos/pager/policy/list.h"

struct policy_state {
    uint32_t head;
    struct link slots[];
};

static size_t lru_state_size(uint32_t frames, uint32_t) {
    return sizeof(struct policy_state) + (frames + 1ul) * sizeof(struct link);
}

static void lru_start(struct policy_state *s, const struct policy_view *view) {
    s->head = view->frames;
    list_clear_all(s->slots, view->frames + 1);
}

static uint32_t lru_victim(struct policy_state *s, uint32_t) {
    return list_first(s->slots, s->head);
}

static void lru_removed(struct policy_state *s, uint32_t, uint32_t slot) {
    list_remove(s->slots, slot);
}

static void lru_touched(struct policy_state *s, uint32_t slot) {
    list_renew(s->slots, s->head, slot);
}

const struct policy policy_lru = {
    .name = "lru",
    .title = "exact least recently used (sees every reference)",
    .source = "Mattson, Gecsei, Slutz, Traiger, IBM Systems Journal 1970",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 1,
    .state_size = lru_state_size,
    .start = lru_start,
    .victim = lru_victim,
    .removed = lru_removed,
    .touched = lru_touched,
};
