// SPDX-License-Identifier: MIT
// LIRS: what counts is how many other pages were used between the last two uses of a page. Most frames belong to pages
// for which that was few (LIR); a small rest is for all others (HIR), and only they are evicted.
//
//   stack   pages by their last use, down to the oldest LIR page: all LIR pages, and the HIR pages used since its last
//           use, in memory or not. A HIR page that is used while it is in the stack has been away for a shorter time
//           than the oldest LIR page, and changes places with it
//   queue   resident HIR pages; the victim is its first
//
// Rules of the paper: frames fill with LIR pages first. What it leaves open is in struct lirs_rules, one policy each:
// lirs_paper, lirs_paper_s2, lirs_jiang. A LIR page that the pager takes all the same leaves the stack, and the next
// page that is loaded has its place.
// State: 21 bytes a page, 4 a frame.
#pragma once
#include "libos/pager/policy.h"
#include "libos/pager/policy/list.h"
#include "libos/pager/policy/uses.h"

struct lirs_rules {
    uint32_t least_hir;  // HIR frames are 1 % of all, but at least so many
    uint32_t stack_most; // pages in the stack, a multiple of the frames: beyond, the non-resident page that was evicted
                         // first leaves it; 0: no bound
    bool immediate_repeat; // does a second reference in a row count as a use?
};

struct lirs {
    struct lirs_rules rules;
    uint32_t lir, lir_most;           // LIR pages
    uint64_t stack_count, stack_most; // pages in the stack
    uint32_t loaded;                  // see uses.h
    uint32_t last;                    // slot of the last reference
    uint32_t bottom;                  // head of the stack, oldest first
    uint32_t queue, evicted;          // heads of the queue, and of the non-resident pages in the stack
    struct link *stack, *others;      // by page; `others` has the lists of `queue` and `evicted`
    uint32_t *page_in, *slot_of;      // POLICY_NONE: not resident
    uint8_t *is_lir;                  // by page
    struct link links[];
};

static inline size_t lirs_size(uint32_t frames, uint32_t pages) {
    return sizeof(struct lirs) + (2ul * pages + 3) * sizeof(struct link) + (frames + (size_t)pages) * sizeof(uint32_t)
           + pages;
}

static inline void lirs_start(struct lirs *s, const struct policy_view *view, struct lirs_rules rules) {
    const uint32_t frames = view->frames, pages = view->pages, share = frames / 100;
    s->rules = rules;
    s->lir_most = frames - (share < rules.least_hir ? rules.least_hir : share);
    s->stack_most = rules.stack_most == 0 ? UINT64_MAX : (uint64_t)rules.stack_most * frames;
    s->loaded = s->last = POLICY_NONE;
    s->bottom = pages;
    s->queue = pages;
    s->evicted = pages + 1;
    s->stack = s->links;
    s->others = s->stack + pages + 1;
    s->page_in = (uint32_t *)(s->others + pages + 2);
    s->slot_of = s->page_in + frames;
    s->is_lir = (uint8_t *)(s->slot_of + pages);
    list_clear_all(s->stack, pages + 1);
    list_clear_all(s->others, pages + 2);
    for (uint32_t page = 0; page < pages; page++) s->slot_of[page] = POLICY_NONE;
}

static inline void lirs_leave_stack(struct lirs *s, uint32_t page) {
    list_remove(s->stack, page);
    s->stack_count--;
    if (s->slot_of[page] == POLICY_NONE) list_remove(s->others, page); // forgotten
}

// Pages below the oldest LIR page leave the stack.
static inline void lirs_prune(struct lirs *s) {
    for (;;) {
        const uint32_t page = list_first(s->stack, s->bottom);
        if (page == s->bottom || s->is_lir[page]) return;
        lirs_leave_stack(s, page);
    }
}

// Puts a resident page on top of the stack.
static inline void lirs_renew(struct lirs *s, uint32_t page) {
    s->stack_count += !list_holds(s->stack, page);
    list_renew(s->stack, s->bottom, page);
    lirs_prune(s);
    while (s->stack_count > s->stack_most && list_holds(s->others, s->evicted)) {
        lirs_leave_stack(s, list_first(s->others, s->evicted));
    }
}

// Makes a resident page that is in no list but the stack LIR; if there are too many, the oldest becomes HIR.
static inline void lirs_promote(struct lirs *s, uint32_t page) {
    s->is_lir[page] = true;
    s->lir++;
    lirs_renew(s, page);
    if (s->lir <= s->lir_most) return;
    const uint32_t oldest = list_first(s->stack, s->bottom);
    s->is_lir[oldest] = false;
    s->lir--;
    list_append(s->others, s->queue, oldest);
    lirs_prune(s);
}

// Without HIR pages, which there are when frames are full, the oldest LIR page.
static inline uint32_t lirs_victim(const struct lirs *s) {
    if (!list_holds(s->others, s->queue)) return s->slot_of[list_first(s->stack, s->bottom)];
    return s->slot_of[list_first(s->others, s->queue)];
}

static inline void lirs_removed(struct lirs *s, uint32_t page) {
    s->slot_of[page] = POLICY_NONE;
    if (s->is_lir[page]) {
        s->is_lir[page] = false;
        s->lir--;
        lirs_leave_stack(s, page);
        lirs_prune(s);
    } else {
        list_remove(s->others, page);
        if (list_holds(s->stack, page)) list_append(s->others, s->evicted, page);
    }
}

static inline void lirs_inserted(struct lirs *s, uint32_t page, uint32_t slot) {
    s->loaded = s->last = slot;
    s->page_in[slot] = page;
    s->slot_of[page] = slot;
    list_remove(s->others, page);
    if (list_holds(s->stack, page) || s->lir < s->lir_most) {
        lirs_promote(s, page);
    } else {
        list_append(s->others, s->queue, page);
        lirs_renew(s, page);
    }
}

static inline void lirs_touched(struct lirs *s, uint32_t slot) {
    const bool again = used_again(&s->loaded, slot), repeat = slot == s->last;
    s->last = slot;
    if (!again || (repeat && !s->rules.immediate_repeat)) return;
    const uint32_t page = s->page_in[slot];
    if (s->is_lir[page]) {
        lirs_renew(s, page);
    } else if (list_holds(s->stack, page)) {
        list_remove(s->others, page);
        lirs_promote(s, page);
    } else {
        list_renew(s->others, s->queue, page);
        lirs_renew(s, page);
    }
}
