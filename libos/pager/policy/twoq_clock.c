// SPDX-License-Identifier: MIT
// 2Q with a clock: new pages pass through a short FIFO (A1in, a quarter of the frames); those evicted from it are
// remembered for a while (A1out, half as many as there are frames), and one that faults while remembered goes to the
// main list (Am), which is a second-chance clock where the paper has LRU, for a pager sees bits, not uses.
// State: two lists over slots, one over pages. Pitfalls: sizes fixed at 25 and 50 %; needs 4 frames to make sense.
#include "libos/pager/policy.h"
#include "libos/pager/policy/list.h"

struct policy_state {
    const struct policy_view *view;
    uint32_t in, main; // heads of A1in and Am in `slots`
    uint32_t out;      // head of A1out in `pages`
    uint32_t in_count, in_target;
    uint32_t out_count, out_limit;
    bool remembered; // the faulting page was in A1out
    struct link *slots, *pages;
    struct link links[]; // slots, two heads; pages, one head
};

static size_t twoq_state_size(uint32_t frames, uint32_t pages) {
    return sizeof(struct policy_state) + (frames + 2ul + pages + 1ul) * sizeof(struct link) + frames;
}

// For each slot: is it in A1in?
static uint8_t *in_flags(struct policy_state *s) {
    return (uint8_t *)(s->pages + s->view->pages + 1);
}

static void twoq_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
    s->in = view->frames;
    s->main = view->frames + 1;
    s->out = view->pages;
    s->in_target = view->frames / 4;
    s->out_limit = view->frames / 2;
    s->slots = s->links;
    s->pages = s->links + view->frames + 2;
    list_clear_all(s->slots, view->frames + 2);
    list_clear_all(s->pages, view->pages + 1);
}

static void twoq_fault(struct policy_state *s, uint32_t page) {
    s->remembered = list_holds(s->pages, page);
    if (!s->remembered) return;
    list_remove(s->pages, page);
    s->out_count--;
}

static uint32_t twoq_victim(struct policy_state *s, uint32_t) {
    if (s->in_count > s->in_target || !list_holds(s->slots, s->main)) return list_first(s->slots, s->in);
    const struct policy_view *view = s->view;
    for (;;) {
        uint32_t slot = list_first(s->slots, s->main);
        if (!(view->bits(view->pager, slot) & POLICY_ACCESSED)) return slot;
        view->clear_accessed(view->pager, slot);
        list_renew(s->slots, s->main, slot);
    }
}

static void twoq_removed(struct policy_state *s, uint32_t page, uint32_t slot) {
    list_remove(s->slots, slot);
    if (!in_flags(s)[slot]) return;
    s->in_count--;
    list_append(s->pages, s->out, page);
    if (s->out_count++ == s->out_limit) {
        list_remove(s->pages, list_first(s->pages, s->out));
        s->out_count--;
    }
}

static void twoq_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    in_flags(s)[slot] = !s->remembered;
    if (s->remembered) {
        list_append(s->slots, s->main, slot);
    } else {
        list_append(s->slots, s->in, slot);
        s->in_count++;
    }
}

const struct policy policy_twoq_clock = {
    .name = "twoq_clock",
    .title = "2Q, main list as a clock",
    .source = "Johnson, Shasha, VLDB 1994; Am as a clock on accessed bits",
    .sees = POLICY_SEES_BITS,
    .minimum = 4,
    .state_size = twoq_state_size,
    .start = twoq_start,
    .fault = twoq_fault,
    .victim = twoq_victim,
    .removed = twoq_removed,
    .inserted = twoq_inserted,
};
