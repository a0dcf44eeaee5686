// SPDX-License-Identifier: MIT
// S3-FIFO on accessed bits. New pages pass through a small FIFO, a tenth of the frames. One that was used again when
// its turn comes moves to the main queue, one that was not is evicted and remembered for a while; a page that faults
// while remembered goes straight to main, which is a second-chance clock. Main gives a page when it has more than its
// share. The paper counts uses up to three; a bit says only "used since I last looked". So this is the form that moves
// a page at its first use (the paper's program has 2 as default), and a page in main has one chance where it could have
// three. A of a loaded page is cleared at the next fault (clock.h), so that A in the small queue means a second use;
// one before that fault is lost. Memory of evicted pages: nine tenths of the frames, as in libCacheSim; the paper has
// as many as the main queue. State: lists over slots and over pages, a flag for each slot. Pitfalls: state grows with
// pages, not with frames; one bit cleared and one flush more at each fault; a page is seen at most once in the small
// queue, however hot.
#include "libos/pager/policy/clock.h"
#include "libos/pager/policy/list.h"

struct policy_state {
    const struct policy_view *view;
    uint32_t small, main, ghost; // heads of the queues in `slots`, and of the memory in `pages`
    uint32_t small_count, main_count, main_most;
    uint32_t ghost_count, ghost_most;
    uint32_t last;   // slot loaded by the previous fault
    bool remembered; // the faulting page was in the memory
    struct link *slots, *pages;
    bool *in_main;       // slot → is it in main, not in small?
    struct link links[]; // slots and two heads; pages and one head; then in_main
};

static size_t s3fifo_state_size(uint32_t frames, uint32_t pages) {
    return sizeof(struct policy_state) + ((size_t)frames + pages + 3) * sizeof(struct link) + frames * sizeof(bool);
}

static void s3fifo_start(struct policy_state *s, const struct policy_view *view) {
    const uint32_t frames = view->frames;
    s->view = view;
    s->small = frames;
    s->main = frames + 1;
    s->ghost = view->pages;
    s->main_most = frames - frames / 10;
    s->ghost_most = (uint32_t)(frames * 9ull / 10);
    s->last = POLICY_NONE;
    s->slots = s->links;
    s->pages = s->slots + frames + 2;
    s->in_main = (bool *)(s->pages + view->pages + 1);
    list_clear_all(s->slots, frames + 2);
    list_clear_all(s->pages, view->pages + 1);
}

static void to_main(struct policy_state *s, uint32_t slot) {
    list_append(s->slots, s->main, slot);
    s->in_main[slot] = true;
    s->main_count++;
}

static void take(struct policy_state *s, uint32_t slot) {
    list_remove(s->slots, slot);
    if (s->in_main[slot])
        s->main_count--;
    else
        s->small_count--;
}

static void forget(struct policy_state *s, uint32_t page) {
    list_remove(s->pages, page);
    s->ghost_count--;
}

static void s3fifo_fault(struct policy_state *s, uint32_t page) {
    clear_loaded(s->view, s->last);
    s->remembered = list_holds(s->pages, page);
    if (s->remembered) forget(s, page);
}

// Which queue gives a page is decided once: the small one does even if it fills main with pages that move meanwhile.
static uint32_t s3fifo_victim(struct policy_state *s, uint32_t) {
    const struct policy_view *view = s->view;
    const bool from_main = s->main_count > s->main_most;
    for (;;) {
        const uint32_t slot = list_first(s->slots, from_main || s->small_count == 0 ? s->main : s->small);
        if (!(view->bits(view->pager, slot) & POLICY_ACCESSED)) return slot;
        view->clear_accessed(view->pager, slot);
        take(s, slot);
        to_main(s, slot);
    }
}

static void s3fifo_removed(struct policy_state *s, uint32_t page, uint32_t slot) {
    if (slot == s->last) s->last = POLICY_NONE;
    take(s, slot);
    if (s->in_main[slot] || s->ghost_most == 0) return;
    if (s->ghost_count == s->ghost_most) forget(s, list_first(s->pages, s->ghost));
    list_append(s->pages, s->ghost, page);
    s->ghost_count++;
}

static void s3fifo_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    s->last = slot;
    if (s->remembered) {
        to_main(s, slot);
        return;
    }
    list_append(s->slots, s->small, slot);
    s->in_main[slot] = false;
    s->small_count++;
}

const struct policy policy_s3fifo_bits = {
    .name = "s3fifo_bits",
    .title = "S3-FIFO on accessed bits, deferred clear",
    .source = "Yang, Zhang, Qiu, Yue, Rashmi, SOSP 2023; one bit for the counter, "
              "clear deferred to the next fault",
    .sees = POLICY_SEES_BITS,
    .minimum = 2,
    .state_size = s3fifo_state_size,
    .start = s3fifo_start,
    .fault = s3fifo_fault,
    .victim = s3fifo_victim,
    .removed = s3fifo_removed,
    .inserted = s3fifo_inserted,
};
