// SPDX-License-Identifier: MIT
// ARC: two LRU lists, pages seen once (T1) and pages seen again (T2), each with a memory of those evicted from it (B1,
// B2). A fault on a page that B1 remembers says that T1 is too short, one that B2 remembers that T2 is: p, the length
// that T1 should have, moves by max(1, |other memory| / |this memory|).
//
// The paper has a real-valued p, and programs compute it in IEEE double precision. Comparing p with the length of T1
// is exact only if p is the same number, so here it is one in integers: 64 bits of whole part, 64 of fraction, rounded
// after each step to the 53 significant bits of a double, ties to even. Steps are at least 1, so no p has bits below
// 2^-52, and nothing is lost in the fraction. Rounding p to whole pages is another policy.
// State: lists over slots and pages, 9 bytes a frame and 9 bytes a page. Pitfalls: more frames can mean more faults; a
// page used twice in quick succession counts as seen again.
#include "libos/pager/policy/ghosts.h"
#include "libos/pager/policy/uses.h"

typedef unsigned __int128 fixed; // 64.64

enum : uint8_t { NOWHERE, ONCE, AGAIN }; // T1 or B1, T2 or B2

struct policy_state {
    uint32_t frames;
    uint32_t loaded; // see uses.h
    uint64_t p[2];   // a `fixed`: low and high half
    struct link *slots;
    uint32_t heads[3], counts[3]; // T1 and T2 by ONCE and AGAIN
    struct ghosts ghosts[3];      // B1 and B2
    uint8_t from;                 // memory that the faulting page was in
    bool forgets;                 // the victim is not remembered
    uint8_t *list_of_slot, *ghosts_of_page;
    struct link links[]; // slots, two heads; pages, two heads; then uint8_t[frames], uint8_t[pages]
};

static size_t arc_state_size(uint32_t frames, uint32_t pages) {
    return sizeof(struct policy_state) + (frames + 2ul + pages + 2ul) * sizeof(struct link) + frames + pages;
}

static void arc_start(struct policy_state *s, const struct policy_view *view) {
    const uint32_t frames = view->frames, pages = view->pages;
    s->frames = frames;
    s->loaded = POLICY_NONE;
    s->slots = s->links;
    s->heads[ONCE] = frames;
    s->heads[AGAIN] = frames + 1;
    list_clear_all(s->slots, frames + 2);
    struct link *remembered = s->links + frames + 2;
    list_clear_all(remembered, pages);
    ghosts_start(&s->ghosts[ONCE], remembered, pages, POLICY_NONE); // arc_victim bounds them
    ghosts_start(&s->ghosts[AGAIN], remembered, pages + 1, POLICY_NONE);
    s->list_of_slot = (uint8_t *)(remembered + pages + 2);
    s->ghosts_of_page = s->list_of_slot + frames;
}

// To the nearest number that has 53 significant bits, to the one with an even last bit if two are as near.
static fixed rounded(fixed x) {
    const uint64_t high = (uint64_t)(x >> 64);
    const int bits = high != 0 ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)x | 1);
    if (bits <= 53) return x;
    const fixed unit = (fixed)1 << (bits - 53), rest = x & (unit - 1), down = x - rest;
    if (rest < unit / 2 || (rest == unit / 2 && (down & unit) == 0)) return down;
    return down + unit;
}

// a / b, rounded; a >= b > 0. Division in two steps, because there is no 128-bit division without a run-time library.
static fixed ratio(uint32_t a, uint32_t b) {
    const uint64_t high = (uint64_t)(a % b) << 32, low = high % b << 32;
    const fixed exact = (fixed)(a / b) << 64 | (fixed)(high / b) << 32 | low / b;
    return rounded(exact | (low % b != 0)); // the last bit breaks a tie that is none
}

static void adapt(struct policy_state *s, uint8_t from) {
    const uint32_t here = s->ghosts[from].count, there = s->ghosts[ONCE + AGAIN - from].count;
    const fixed step = there > here ? ratio(there, here) : (fixed)1 << 64, most = (fixed)s->frames << 64;
    fixed p = (fixed)s->p[1] << 64 | s->p[0];
    if (from == ONCE) {
        p = rounded(p + step);
        if (p > most) p = most;
    } else {
        p = p > step ? rounded(p - step) : 0;
    }
    s->p[0] = (uint64_t)p;
    s->p[1] = (uint64_t)(p >> 64);
}

static void arc_fault(struct policy_state *s, uint32_t page) {
    s->from = s->ghosts_of_page[page];
    if (s->from == NOWHERE) return;
    adapt(s, s->from);
    ghosts_forget(&s->ghosts[s->from], page);
    s->ghosts_of_page[page] = NOWHERE;
}

static void forget_oldest(struct policy_state *s, uint8_t list) {
    s->ghosts_of_page[list_first(s->ghosts[list].pages, s->ghosts[list].head)] = NOWHERE;
    ghosts_forget_oldest(&s->ghosts[list]);
}

// The paper's REPLACE.
static uint32_t replace(const struct policy_state *s) {
    const uint64_t once = s->counts[ONCE], whole = s->p[1], part = s->p[0];
    const bool longer = once > whole || (once == whole && part == 0 && s->from == AGAIN);
    const bool first = s->counts[AGAIN] == 0 || (once > 0 && longer);
    return list_first(s->slots, s->heads[first ? ONCE : AGAIN]);
}

static uint32_t arc_victim(struct policy_state *s, uint32_t) {
    const uint32_t once = s->counts[ONCE] + s->ghosts[ONCE].count;
    const uint64_t all = once + (uint64_t)s->counts[AGAIN] + s->ghosts[AGAIN].count;
    if (s->from == NOWHERE && once >= s->frames) {
        if (s->ghosts[ONCE].count == 0) {
            s->forgets = true;
            return list_first(s->slots, s->heads[ONCE]);
        }
        forget_oldest(s, ONCE);
    } else if (s->from == NOWHERE && all >= 2ull * s->frames) {
        forget_oldest(s, AGAIN);
    }
    return replace(s);
}

static void arc_removed(struct policy_state *s, uint32_t page, uint32_t slot) {
    const uint8_t list = s->list_of_slot[slot];
    list_remove(s->slots, slot);
    s->counts[list]--;
    if (!s->forgets) {
        ghosts_remember(&s->ghosts[list], page);
        s->ghosts_of_page[page] = list;
    }
    s->forgets = false;
}

static void join(struct policy_state *s, uint32_t slot, uint8_t list) {
    list_append(s->slots, s->heads[list], slot);
    s->counts[list]++;
    s->list_of_slot[slot] = list;
}

static void arc_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    join(s, slot, s->from == NOWHERE ? ONCE : AGAIN);
    s->loaded = slot;
}

static void arc_touched(struct policy_state *s, uint32_t slot) {
    if (!used_again(&s->loaded, slot)) return;
    list_remove(s->slots, slot);
    s->counts[s->list_of_slot[slot]]--;
    join(s, slot, AGAIN);
}

const struct policy policy_arc = {
    .name = "arc",
    .title = "ARC: adaptive replacement (sees every reference)",
    .source = "Megiddo, Modha, FAST 2003",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 1,
    .state_size = arc_state_size,
    .start = arc_start,
    .fault = arc_fault,
    .victim = arc_victim,
    .removed = arc_removed,
    .inserted = arc_inserted,
    .touched = arc_touched,
};
