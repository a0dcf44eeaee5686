// SPDX-License-Identifier: MIT
// S3-FIFO: three queues, none of which is ever reordered by a use. New pages enter a small queue (a tenth of the
// frames); at its end, those that were used `threshold` times since go to the main queue, the others are evicted, and
// remembered for a while (ghosts). A page that faults while remembered enters the main queue. There a page has as many
// more turns as it was used since its last one, at most three. The main queue gives the victim when it is longer than
// its share, or the small one is empty.
// State: lists over slots and pages, 10 bytes a frame and 8 bytes a page. Pitfalls: a change of phase is slow, since
// new pages have a tenth of the memory; later versions under the same name behave differently.
#pragma once
#include "libos/pager/policy/ghosts.h"
#include "libos/pager/policy/uses.h"

struct s3fifo {
    struct ghosts ghosts;
    struct link *slots;             // both queues
    uint32_t small, main;           // their heads
    uint32_t small_count;           // pages in the small queue
    uint32_t main_count, main_most; // and in the main queue; its share
    uint32_t loaded;                // see uses.h
    uint8_t threshold;              // uses that a page needs in the small queue
    bool remembered;                // the faulting page was a ghost
    uint8_t *uses, *is_small;       // of each slot
    struct link links[];            // slots, two heads; pages, one head; then uint8_t[2 * frames]
};

constexpr uint8_t S3FIFO_USES = 3; // more are not counted

static inline size_t s3fifo_size(uint32_t frames, uint32_t pages) {
    return sizeof(struct s3fifo) + (frames + 2ul + pages + 1ul) * sizeof(struct link) + 2ul * frames;
}

static inline void s3fifo_start(struct s3fifo *s, const struct policy_view *view, uint8_t threshold) {
    const uint32_t frames = view->frames, pages = view->pages;
    s->slots = s->links;
    s->small = frames;
    s->main = frames + 1;
    s->main_most = frames - frames / 10;
    s->loaded = POLICY_NONE;
    s->threshold = threshold;
    s->uses = (uint8_t *)(s->links + frames + 2ul + pages + 1ul);
    s->is_small = s->uses + frames;
    list_clear_all(s->slots, frames + 2);
    list_clear_all(s->slots + frames + 2, pages);
    ghosts_start(&s->ghosts, s->slots + frames + 2, pages, (uint32_t)(9ull * frames / 10));
}

static inline void s3fifo_fault(struct s3fifo *s, uint32_t page) {
    s->remembered = list_holds(s->ghosts.pages, page);
    if (s->remembered) ghosts_forget(&s->ghosts, page);
}

static inline void s3fifo_join(struct s3fifo *s, uint32_t slot, bool small) {
    s->uses[slot] = 0;
    s->is_small[slot] = small;
    s->small_count += small;
    s->main_count += !small;
    list_append(s->slots, small ? s->small : s->main, slot);
}

static inline void s3fifo_leave(struct s3fifo *s, uint32_t slot) {
    s->small_count -= s->is_small[slot];
    s->main_count -= !s->is_small[slot];
    list_remove(s->slots, slot);
}

static inline uint32_t s3fifo_victim(struct s3fifo *s) {
    bool small = s->small_count > 0 && s->main_count <= s->main_most;
    while (small && s->small_count > 0) {
        const uint32_t slot = list_first(s->slots, s->small);
        if (s->uses[slot] < s->threshold) return slot;
        s3fifo_leave(s, slot);
        s3fifo_join(s, slot, false);
    }
    for (;;) {
        const uint32_t slot = list_first(s->slots, s->main);
        if (s->uses[slot] == 0) return slot;
        s->uses[slot]--;
        list_renew(s->slots, s->main, slot);
    }
}

static inline void s3fifo_removed(struct s3fifo *s, uint32_t page, uint32_t slot) {
    s3fifo_leave(s, slot);
    if (s->is_small[slot]) ghosts_remember(&s->ghosts, page);
}

static inline void s3fifo_inserted(struct s3fifo *s, uint32_t slot) {
    s->loaded = slot;
    s3fifo_join(s, slot, !s->remembered);
}

static inline void s3fifo_touched(struct s3fifo *s, uint32_t slot) {
    if (used_again(&s->loaded, slot) && s->uses[slot] < S3FIFO_USES) s->uses[slot]++;
}
