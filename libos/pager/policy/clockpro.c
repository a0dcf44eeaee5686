// SPDX-License-Identifier: MIT
// CLOCK-Pro: LIRS's idea for a pager. Pages stand on one clock, hot or cold; a cold page that is loaded has a test
// period, during which it stays on the clock even when evicted. One that is used again within it (accessed when the
// cold hand comes, or faulting while evicted) becomes hot, and the hot hand demotes a hot page in exchange.
//
//   cold hand   looks for the victim among resident cold pages; accessed in test: promote; else: evict
//   hot hand    moves accessed hot pages to the young end with A cleared; demotes the first one that is not accessed
//   test hand   never behind the hot hand; ends the test period of pages that it passes, forgets the evicted ones
//
// Rules as in the author's own program (clock-pro.c of 29 September 2005), not adaptive: cold pages are 5 % of the
// frames, at least 2; evicted pages remembered are at most as many as frames; frames fill with hot pages first. Told
// that A of a new page starts clear, and fed a string without immediate repeats, it makes the same faults. On real bits
// it deviates: A of a loaded page is cleared at the next fault (clock.h), which loses a second use before that fault.
// State: one clock over all pages, a slot and two flags for each. Pitfall: state grows with pages, not with frames.
#include "libos/pager/policy/clock.h"
#include "libos/pager/policy/list.h"

enum : uint8_t { HOT = 1, IN_TEST = 2 };

struct page {
    uint32_t slot; // POLICY_NONE: evicted, or never loaded
    uint8_t flags;
};

struct policy_state {
    const struct policy_view *view;
    uint32_t end;                            // head of the clock's list, oldest page first; hands step over it
    uint32_t hot_hand, cold_hand, test_hand; // pages; `end` before the first is loaded
    uint32_t hot, hot_most;                  // hot pages; those that there are when frames are full
    uint32_t resident;                       // pages
    uint32_t evicted;                        // non-resident pages on the clock
    uint32_t last;                           // slot loaded by the previous fault
    struct page *page;
    struct link clock[]; // pages, end; then struct page[pages]
};

static size_t clockpro_state_size(uint32_t, uint32_t pages) {
    return sizeof(struct policy_state) + (pages + 1ul) * sizeof(struct link) + pages * sizeof(struct page);
}

static void clockpro_start(struct policy_state *s, const struct policy_view *view) {
    uint32_t cold = (uint32_t)(view->frames * 5ull / 100);
    s->view = view;
    s->end = view->pages;
    s->hot_hand = s->cold_hand = s->test_hand = s->end;
    s->hot_most = view->frames - (cold < 2 ? 2 : cold);
    s->last = POLICY_NONE;
    s->page = (struct page *)(s->clock + view->pages + 1);
    list_clear_all(s->clock, view->pages + 1);
    for (uint32_t i = 0; i < view->pages; i++) s->page[i].slot = POLICY_NONE;
}

static uint32_t younger(const struct policy_state *s, uint32_t page) {
    uint32_t next = s->clock[page].next;
    return next == s->end ? s->clock[next].next : next;
}

static uint32_t older(const struct policy_state *s, uint32_t page) {
    uint32_t prev = s->clock[page].prev;
    return prev == s->end ? s->clock[prev].prev : prev;
}

static bool is_hot(const struct policy_state *s, uint32_t page) {
    return s->page[page].flags & HOT;
}

static bool is_resident(const struct policy_state *s, uint32_t page) {
    return s->page[page].slot != POLICY_NONE;
}

static bool is_accessed(const struct policy_state *s, uint32_t page) {
    return s->view->bits(s->view->pager, s->page[page].slot) & POLICY_ACCESSED;
}

static void forget_access(const struct policy_state *s, uint32_t page) {
    if (is_accessed(s, page)) s->view->clear_accessed(s->view->pager, s->page[page].slot);
}

static void set_flags(struct policy_state *s, uint32_t page, uint8_t flags) {
    s->hot -= is_hot(s, page);
    s->page[page].flags = flags;
    s->hot += is_hot(s, page);
}

static void leave(struct policy_state *s, uint32_t page) {
    list_remove(s->clock, page);
    set_flags(s, page, 0);
}

// Takes a place at the young end, on the clock before or not.
static void renew(struct policy_state *s, uint32_t page, uint8_t flags) {
    list_renew(s->clock, s->end, page);
    set_flags(s, page, flags);
}

// Ends the test period of the page under the test hand, which moves on. An evicted page leaves the clock.
static void end_test(struct policy_state *s) {
    uint32_t page = s->test_hand;
    s->test_hand = younger(s, page);
    if (is_hot(s, page)) return;
    s->page[page].flags = 0;
    if (is_resident(s, page)) {
        forget_access(s, page);
    } else {
        if (s->hot_hand == page) s->hot_hand = s->test_hand; // these two only while there is no page for them
        if (s->cold_hand == page) s->cold_hand = s->test_hand;
        leave(s, page);
        s->evicted--;
    }
}

// Keeps at most as many evicted pages in mind as there are frames.
static void bound_evicted(struct policy_state *s) {
    while (s->evicted > s->view->frames) end_test(s);
}

// Moves the hot hand until it has demoted a page or met `candidate`, the cold page that wants to be hot, and then on to
// a hot page. The candidate may become hot if a page was demoted.
static bool demote(struct policy_state *s, uint32_t candidate) {
    bool demoted = false, met = false;
    while ((!demoted && !met) || !is_hot(s, s->hot_hand)) {
        uint32_t page = s->hot_hand;
        s->hot_hand = younger(s, page);
        if (!is_hot(s, page)) {
            met |= page == candidate;
        } else {
            if (s->test_hand == page) s->test_hand = s->hot_hand;
            const bool stays = is_accessed(s, page);
            demoted |= !stays;
            renew(s, page, stays ? HOT : 0);
            forget_access(s, page);
        }
        if (older(s, s->hot_hand) == s->test_hand) {
            end_test(s);
            bound_evicted(s);
        }
    }
    return demoted;
}

// The next resident cold page for the cold hand, the one it is on included. There are some when frames are full.
static void seek_cold(struct policy_state *s) {
    while (s->resident > s->hot && (is_hot(s, s->cold_hand) || !is_resident(s, s->cold_hand)))
        s->cold_hand = younger(s, s->cold_hand);
}

// The hot hand rests on hot pages. The one that it is on goes only if the pager has chosen it; then it moves on.
static void seek_hot(struct policy_state *s) {
    while (s->hot > 0 && !is_hot(s, s->hot_hand)) {
        const uint32_t page = s->hot_hand;
        s->hot_hand = younger(s, page);
        if (s->test_hand == page) end_test(s);
    }
}

static void clockpro_fault(struct policy_state *s, uint32_t) {
    clear_loaded(s->view, s->last);
}

static uint32_t clockpro_victim(struct policy_state *s, uint32_t) {
    for (;;) {
        seek_cold(s);
        if (s->resident == s->hot) return s->page[s->hot_hand].slot; // frames are not full
        uint32_t page = s->cold_hand;
        if (!(s->page[page].flags & IN_TEST) || !is_accessed(s, page)) return s->page[page].slot;
        if (s->hot < s->hot_most || demote(s, page)) { // fewer: the pager took a hot page
            s->cold_hand = younger(s, page);
            forget_access(s, page);
            renew(s, page, HOT);
        }
    }
}

static void clockpro_removed(struct policy_state *s, uint32_t page, uint32_t slot) {
    if (slot == s->last) s->last = POLICY_NONE;
    s->page[page].slot = POLICY_NONE;
    s->resident--;
    if (s->cold_hand == page) s->cold_hand = younger(s, page);
    if (s->page[page].flags & IN_TEST) {
        s->evicted++;
    } else {
        if (s->hot_hand == page) s->hot_hand = younger(s, page);
        if (s->test_hand == page) s->test_hand = younger(s, page);
        leave(s, page);
        seek_hot(s);
    }
    seek_cold(s);
    bound_evicted(s);
}

// A page that faults within its test period: hot, unless the hot hand meets it first. (Nothing is demoted for it if the
// page that went was a hot one, which only the pager can choose: the last hot page might be left to demote.)
static uint8_t refault_flags(struct policy_state *s, uint32_t page) {
    const bool hot = s->hot < s->hot_most || demote(s, page);
    if (list_holds(s->clock, page)) { // the test hand has not passed it
        if (s->test_hand == page) s->test_hand = younger(s, page);
        s->evicted--;
    }
    return hot ? HOT : IN_TEST;
}

static void clockpro_inserted(struct policy_state *s, uint32_t page, uint32_t slot) {
    uint8_t flags = IN_TEST;
    if (list_holds(s->clock, page)) flags = refault_flags(s, page);
    if (s->hot < s->hot_most) flags = HOT; // frames fill with hot pages first
    s->page[page].slot = slot;
    s->resident++;
    renew(s, page, flags);
    if (s->hot_hand == s->end) s->hot_hand = s->test_hand = page;
    if (s->cold_hand == s->end && flags != HOT) s->cold_hand = page;
    s->last = slot;
}

const struct policy policy_clockpro = {
    .name = "clockpro",
    .title = "CLOCK-Pro, cold pages 5 %",
    .source = "Jiang, Chen, Zhang, USENIX 2005",
    .sees = POLICY_SEES_BITS,
    .minimum = 4, // two cold, two hot: one is demoted before another is promoted
    .state_size = clockpro_state_size,
    .start = clockpro_start,
    .fault = clockpro_fault,
    .victim = clockpro_victim,
    .removed = clockpro_removed,
    .inserted = clockpro_inserted,
};
