// SPDX-License-Identifier: MIT
// W-TinyLFU: new pages enter a small window (1 % of the frames, LRU). At a fault the oldest page of the window must
// have been counted more often than the page that it would displace from the main part, else it is the victim itself.
// The main part is LRU in two segments: admitted pages are on probation (a fifth), and protected once they are used
// there. Counts are estimates: a page has ten counters, found by hashing and shared with others, of which the least
// says how often.
//
// Rules as in libCacheSim (commit aa0fc40), whose faults these are from 100 frames on. From the paper they differ in
// this: uses in the window are not counted, but loads, uses in the main part and each decision about a page are;
// counters have 32 bits, and all ten are incremented; they are halved after 32 uses in the main part for each frame of
// it; no "doorkeeper". The window has all frames that the main part does not fill, and after an admission its next page
// is judged too, until one loses. So at a fault several pages may go, and as shares are rounded down, one may go at a
// use. These are *condemned*: the first is the victim, if one is wanted, and the others are given up before the next
// reference. A page hashes as its number plus one, which is its id in libCacheSim's trace files. With fewer than 100
// frames libCacheSim loads nothing; here the window is one page then, and probation takes what rounding leaves.
//
// State: lists over slots, 13 bytes a frame; counters, 58 bytes a frame. Pitfalls: a change of phase is slow, since
// the old pages' counts must fade first; on loops near the memory's size, faults depend on which pages share counters.
#include "libos/pager/policy/list.h"
#include "libos/pager/policy/uses.h"

enum : uint8_t { WINDOW, PROBATION, PROTECTED, CONDEMNED, PARTS };
constexpr uint32_t HASHES = 10, SAMPLE = 32;

struct policy_state {
    const struct policy_view *view;
    uint32_t frames; // heads of the parts follow the slots
    uint32_t main_most, probation_most, protected_most;
    uint32_t counts[PARTS]; // pages in each part
    uint32_t loaded;        // see uses.h
    uint32_t counters;
    uint64_t uses; // in the main part, since the last halving
    struct link *slots;
    uint32_t *counter, *page_in;
    uint8_t *part_of;
    struct link links[]; // slots, heads; then uint32_t[counters], uint32_t[frames], uint8_t[frames]
};

static uint32_t window_of(uint32_t frames) {
    return frames < 200 ? 1 : frames / 100;
}

// A Bloom filter with one false positive in a thousand needs -ln 0.001 / ln² 2 = 14.37758756605 places for each page in
// it. This is the quotient that libCacheSim computes in doubles, as a fraction; the product is rounded up.
static uint32_t counters_of(uint32_t frames) {
    constexpr unsigned __int128 per_page = 8093862250619341, bits = 49;
    const unsigned __int128 places = ((frames - window_of(frames)) * per_page + (1ull << bits) - 1) >> bits;
    return places < HASHES ? 2 * HASHES : places > INT32_MAX ? INT32_MAX : (uint32_t)places;
}

static size_t wtinylfu_state_size(uint32_t frames, uint32_t) {
    return sizeof(struct policy_state) + (frames + (size_t)PARTS) * sizeof(struct link)
           + (counters_of(frames) + (size_t)frames) * sizeof(uint32_t) + frames;
}

static void wtinylfu_start(struct policy_state *s, const struct policy_view *view) {
    const uint32_t frames = view->frames;
    s->view = view;
    s->frames = frames;
    s->main_most = frames - window_of(frames);
    s->protected_most = (uint32_t)(s->main_most * 4ull / 5);
    s->probation_most = frames < 100 ? s->main_most - s->protected_most : s->main_most / 5;
    s->loaded = POLICY_NONE;
    s->counters = counters_of(frames);
    s->slots = s->links;
    s->counter = (uint32_t *)(s->links + frames + PARTS);
    s->page_in = s->counter + s->counters;
    s->part_of = (uint8_t *)(s->page_in + frames);
    list_clear_all(s->slots, frames + PARTS);
}

// ---- estimates ----

static uint64_t rotated(uint64_t x, int bits) {
    return x << bits | x >> (64 - bits);
}

// XXH64 of one 64-bit number (Collet's specification of xxHash).
static uint64_t hash(uint64_t number, uint64_t seed) {
    constexpr uint64_t prime1 = 0x9e3779b185ebca87, prime2 = 0xc2b2ae3d27d4eb4f, prime3 = 0x165667b19e3779f9,
                       prime4 = 0x85ebca77c2b2ae63, prime5 = 0x27d4eb2f165667c5;
    uint64_t x = seed + prime5 + sizeof number;
    x ^= rotated(number * prime2, 31) * prime1;
    x = rotated(x, 27) * prime1 + prime4;
    x = (x ^ x >> 33) * prime2;
    x = (x ^ x >> 29) * prime3;
    return x ^ x >> 32;
}

// The least of a page's counters; adds `more` to all of them.
static uint32_t count(struct policy_state *s, uint32_t page, uint32_t more) {
    const uint64_t id = (s->view->number != nullptr ? s->view->number(s->view->pager, page) : page) + 1;
    uint32_t place = (uint32_t)hash(id, 0x12345678), least = UINT32_MAX;
    const uint32_t step = (uint32_t)hash(id, 0x12344321);
    for (uint32_t i = 0; i < HASHES; i++, place += step) {
        uint32_t *counter = &s->counter[place % s->counters];
        if (*counter < least) least = *counter;
        *counter += more;
    }
    return least;
}

static void count_use(struct policy_state *s, uint32_t page) {
    count(s, page, 1);
    if (++s->uses < (uint64_t)SAMPLE * s->main_most) return;
    s->uses = 0;
    for (uint32_t i = 0; i < s->counters; i++) s->counter[i] /= 2;
}

// ---- parts ----

static uint32_t oldest(const struct policy_state *s, uint8_t part) {
    return list_first(s->slots, s->frames + part);
}

static void leave(struct policy_state *s, uint32_t slot) {
    list_remove(s->slots, slot);
    s->counts[s->part_of[slot]]--;
}

static void join(struct policy_state *s, uint32_t slot, uint8_t part) {
    list_append(s->slots, s->frames + part, slot);
    s->counts[part]++;
    s->part_of[slot] = part;
}

static void move(struct policy_state *s, uint32_t slot, uint8_t part) {
    leave(s, slot);
    join(s, slot, part);
}

// Into the main part: on probation, but filling the segments from the lower one.
static void admit(struct policy_state *s, uint32_t slot) {
    const bool low = s->counts[PROBATION] < s->probation_most || s->counts[PROTECTED] >= s->protected_most;
    move(s, slot, low ? PROBATION : PROTECTED);
}

// Judges pages of the window until one loses or there are none, and condemns at least one page.
static void judge(struct policy_state *s) {
    for (bool lost = false; !lost;) {
        const bool full = s->counts[PROBATION] + s->counts[PROTECTED] >= s->main_most;
        const uint32_t displaced = oldest(s, s->counts[PROBATION] > 0 ? PROBATION : PROTECTED);
        if (s->counts[WINDOW] == 0) {
            move(s, displaced, CONDEMNED);
            return;
        }
        const uint32_t candidate = oldest(s, WINDOW), page = s->page_in[candidate];
        lost = full && count(s, page, 0) <= count(s, s->page_in[displaced], 0);
        if (full) move(s, lost ? candidate : displaced, CONDEMNED);
        if (!lost) admit(s, candidate);
        count(s, page, 1);
    }
}

static uint32_t wtinylfu_victim(struct policy_state *s, uint32_t) {
    if (s->counts[CONDEMNED] == 0) judge(s);
    return oldest(s, CONDEMNED);
}

static void wtinylfu_removed(struct policy_state *s, uint32_t, uint32_t slot) {
    leave(s, slot);
}

static void wtinylfu_inserted(struct policy_state *s, uint32_t page, uint32_t slot) {
    s->page_in[slot] = page;
    s->loaded = slot;
    join(s, slot, WINDOW);
    count(s, page, 1);
}

static void wtinylfu_touched(struct policy_state *s, uint32_t slot) {
    if (!used_again(&s->loaded, slot)) return;
    const uint8_t part = s->part_of[slot];
    if (part == WINDOW) move(s, slot, WINDOW);
    if (part == WINDOW || part == CONDEMNED) return; // condemned: by an instruction that needs several pages at once
    count_use(s, s->page_in[slot]);
    move(s, slot, PROTECTED);
    if (s->counts[PROTECTED] <= s->protected_most) return;
    move(s, oldest(s, PROTECTED), PROBATION);
    if (s->counts[PROBATION] > s->probation_most) move(s, oldest(s, PROBATION), CONDEMNED);
}

static uint32_t wtinylfu_surplus(struct policy_state *s) {
    return s->counts[CONDEMNED] == 0 ? POLICY_NONE : oldest(s, CONDEMNED);
}

const struct policy policy_wtinylfu = {
    .name = "wtinylfu",
    .title = "W-TinyLFU (sees every reference)",
    .source = "Einziger, Friedman, Manes, ACM Transactions on Storage 2017",
    .sees = POLICY_SEES_REFERENCES,
    .hashes = true,
    .minimum = 2, // one in the window, one in the main part
    .state_size = wtinylfu_state_size,
    .start = wtinylfu_start,
    .victim = wtinylfu_victim,
    .removed = wtinylfu_removed,
    .inserted = wtinylfu_inserted,
    .touched = wtinylfu_touched,
    .surplus = wtinylfu_surplus,
};
