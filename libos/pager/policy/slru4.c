// SPDX-License-Identifier: MIT
// Segmented LRU with four segments of a quarter of the frames each: new pages enter the lowest, a use lifts a page to
// the next one, and a segment that grows too long gives its least recently used page back to the one below. The victim
// is the least recently used page of the lowest segment that has any.
// The paper has two segments. The rest is as in libCacheSim: filling, a new page enters the lowest segment with room,
// and frames beyond four times a quarter, three at most, lengthen the lowest. But when a page comes down into the
// lowest at a use, this is cut to a quarter again: what is too much is given up, though no page needs the frame. State:
// four lists over slots, 9 bytes a frame. Pitfalls: pages used four times stay long; in a few frames that are no
// multiple of four, giving pages up can cost nearly all hits.
#include "libos/pager/policy/list.h"
#include "libos/pager/policy/uses.h"

constexpr uint8_t SEGMENTS = 4;

struct policy_state {
    uint32_t frames; // heads of the segments follow the slots
    uint32_t most;   // slots in a segment
    uint32_t counts[SEGMENTS];
    uint32_t surplus; // pages of the lowest segment to give up
    uint32_t loaded;  // see uses.h
    uint8_t *segment_of;
    struct link slots[]; // slots, heads; then uint8_t[frames]
};

static size_t slru4_state_size(uint32_t frames, uint32_t) {
    return sizeof(struct policy_state) + (frames + (size_t)SEGMENTS) * sizeof(struct link) + frames;
}

static void slru4_start(struct policy_state *s, const struct policy_view *view) {
    s->frames = view->frames;
    s->most = view->frames / SEGMENTS;
    s->loaded = POLICY_NONE;
    s->segment_of = (uint8_t *)(s->slots + view->frames + SEGMENTS);
    list_clear_all(s->slots, view->frames + SEGMENTS);
}

static void leave(struct policy_state *s, uint32_t slot) {
    list_remove(s->slots, slot);
    s->counts[s->segment_of[slot]]--;
}

static void join(struct policy_state *s, uint32_t slot, uint8_t segment) {
    list_append(s->slots, s->frames + segment, slot);
    s->counts[segment]++;
    s->segment_of[slot] = segment;
}

static uint32_t slru4_victim(struct policy_state *s, uint32_t) {
    uint8_t segment = 0;
    while (s->counts[segment] == 0) segment++;
    return list_first(s->slots, s->frames + segment);
}

static void slru4_removed(struct policy_state *s, uint32_t, uint32_t slot) {
    leave(s, slot);
}

static void slru4_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    uint8_t segment = 0;
    while (segment < SEGMENTS && s->counts[segment] >= s->most) segment++;
    join(s, slot, segment == SEGMENTS ? 0 : segment);
    s->loaded = slot;
}

// Lifts a page, and lets those below take what is too much above them.
static void slru4_touched(struct policy_state *s, uint32_t slot) {
    if (!used_again(&s->loaded, slot)) return;
    uint8_t segment = s->segment_of[slot];
    leave(s, slot);
    if (segment + 1 < SEGMENTS) segment++;
    join(s, slot, segment);
    for (; segment > 0 && s->counts[segment] > s->most; segment--) {
        const uint32_t oldest = list_first(s->slots, s->frames + segment);
        leave(s, oldest);
        join(s, oldest, segment - 1);
        if (segment == 1 && s->counts[0] > s->most) s->surplus = s->counts[0] - s->most;
    }
}

static uint32_t slru4_surplus(struct policy_state *s) {
    if (s->surplus == 0) return POLICY_NONE;
    s->surplus--;
    return list_first(s->slots, s->frames);
}

const struct policy policy_slru4 = {
    .name = "slru4",
    .title = "segmented LRU, four segments (sees every reference)",
    .source = "Karedla, Love, Wherry, IEEE Computer 1994",
    .sees = POLICY_SEES_REFERENCES,
    .minimum = 4, // one a segment
    .state_size = slru4_state_size,
    .start = slru4_start,
    .victim = slru4_victim,
    .removed = slru4_removed,
    .inserted = slru4_inserted,
    .touched = slru4_touched,
    .surplus = slru4_surplus,
};
