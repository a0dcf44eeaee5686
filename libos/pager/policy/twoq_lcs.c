// SPDX-License-Identifier: MIT
// 2Q, full version, with the sizes that the paper advises: new pages pass through a FIFO (A1in, a quarter of the
// frames), in which uses count nothing; those evicted from it are remembered for a while (A1out, half as many as there
// are frames), and one that faults while remembered goes to the main list (Am), which is LRU. twoq_clock is its form
// for accessed bits.
// State: lists over slots and pages, 9 bytes a frame and 8 bytes a page. Pitfalls: sizes fixed at 25 and 50 %; a page
// used only while it is in A1in is evicted all the same, which costs faults that LRU does not have.
#include "libos/pager/policy.h"
#include "libos/pager/policy/ghosts.h"

struct policy_state {
    struct ghosts out;            // A1out
    struct link *slots;           // lists A1in and Am
    uint32_t in, main;            // their heads
    uint32_t in_count, in_target; // pages in A1in
    bool remembered;              // the faulting page was in A1out
    uint8_t *is_in;               // for each slot: is it in A1in?
    struct link links[];          // slots, two heads; pages, one head; then uint8_t[frames]
};

static size_t twoq_state_size(uint32_t frames, uint32_t pages) {
    return sizeof(struct policy_state) + (frames + 2ul + pages + 1ul) * sizeof(struct link) + frames;
}

static void twoq_start(struct policy_state *s, const struct policy_view *view) {
    const uint32_t frames = view->frames, pages = view->pages;
    s->slots = s->links;
    s->in = frames;
    s->main = frames + 1;
    s->in_target = frames / 4;
    s->is_in = (uint8_t *)(s->links + frames + 2ul + pages + 1ul);
    list_clear_all(s->slots, frames + 2);
    list_clear_all(s->slots + frames + 2, pages);
    ghosts_start(&s->out, s->slots + frames + 2, pages, frames / 2);
}

static void twoq_fault(struct policy_state *s, uint32_t page) {
    s->remembered = list_holds(s->out.pages, page);
    if (s->remembered) ghosts_forget(&s->out, page);
}

static uint32_t twoq_victim(struct policy_state *s, uint32_t) {
    const bool in = s->in_count > s->in_target || !list_holds(s->slots, s->main);
    return list_first(s->slots, in ? s->in : s->main);
}

static void twoq_removed(struct policy_state *s, uint32_t page, uint32_t slot) {
    list_remove(s->slots, slot);
    if (!s->is_in[slot]) return;
    s->in_count--;
    ghosts_remember(&s->out, page);
}

static void twoq_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    s->is_in[slot] = !s->remembered;
    s->in_count += s->is_in[slot];
    list_append(s->slots, s->remembered ? s->main : s->in, slot);
}

static void twoq_touched(struct policy_state *s, uint32_t slot) {
    if (!s->is_in[slot]) list_renew(s->slots, s->main, slot);
}

const struct policy policy_twoq_lcs = {
    .name = "twoq_lcs",
    .title = "2Q, main list LRU (sees every reference)",
    .source = "Johnson, Shasha, VLDB 1994",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 4, // fewer have no A1in
    .state_size = twoq_state_size,
    .start = twoq_start,
    .fault = twoq_fault,
    .victim = twoq_victim,
    .removed = twoq_removed,
    .inserted = twoq_inserted,
    .touched = twoq_touched,
};
