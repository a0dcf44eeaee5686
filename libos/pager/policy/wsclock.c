// SPDX-License-Identifier: MIT
// WSClock: the working-set policy with CLOCK's hand. A page that was accessed since the hand last came gets the present
// as its time of last use and loses A; one that has not been used for longer than the window has left the working set
// and goes, a clean one at once. If a whole turn finds no clean one, the first dirty one that has left goes, and if
// none has left, the page whose use is longest ago. Deviations from the paper. Time is counted in faults of the region,
// not in the process's instructions, so that runs repeat; so the window is a number of faults, half as many as there
// are frames. (As many as there are frames would be too long: the hand, which passes a page more often than that, would
// find none that has left.) A policy cannot start writes, so a dirty page is passed over instead of being scheduled for
// cleaning. The number of frames is fixed: where the paper suspends a process because nothing has left its working set,
// a page goes. State: the time of last use of each slot, the hand, the number of faults. Pitfall: while nothing has
// left the working set, every frame is looked at for each victim.
#include "libos/pager/policy/clock.h"

struct policy_state {
    const struct policy_view *view;
    uint64_t now, window;
    uint32_t hand;
    uint64_t used[]; // time of last use of the page in each slot, as far as the hand knows
};

static size_t wsclock_state_size(uint32_t frames, uint32_t) {
    return sizeof(struct policy_state) + frames * sizeof(uint64_t);
}

static void wsclock_start(struct policy_state *s, const struct policy_view *view) {
    s->view = view;
    s->window = view->frames / 2;
}

static void wsclock_fault(struct policy_state *s, uint32_t) {
    s->now++;
}

static uint32_t wsclock_victim(struct policy_state *s, uint32_t) {
    const struct policy_view *view = s->view;
    const uint64_t now = s->now, window = s->window;
    uint32_t left = POLICY_NONE, oldest = POLICY_NONE, hand = s->hand;
    uint64_t longest_ago = UINT64_MAX;
    struct look look;
    look_begin(&look);
    for (uint32_t i = 0; i < view->frames; i++) {
        const uint32_t slot = hand;
        const uint8_t bits = look_at(&look, view, slot);
        hand = clock_next(slot, view->frames);
        if (bits & POLICY_ACCESSED) {
            view->clear_accessed(view->pager, slot);
            s->used[slot] = now;
        }
        const uint64_t used = s->used[slot];
        if (now - used > window) {
            if (!(bits & POLICY_DIRTY)) {
                s->hand = hand;
                return slot;
            }
            if (left == POLICY_NONE) left = slot;
        }
        if (used < longest_ago) {
            longest_ago = used;
            oldest = slot;
        }
    }
    const uint32_t slot = left != POLICY_NONE ? left : oldest;
    s->hand = clock_next(slot, view->frames);
    return slot;
}

static void wsclock_inserted(struct policy_state *s, uint32_t, uint32_t slot) {
    s->used[slot] = s->now;
}

const struct policy policy_wsclock = {
    .name = "wsclock",
    .title = "WSClock, window of C/2 faults",
    .source = "Carr, Hennessy, SOSP 1981",
    .sees = POLICY_SEES_BITS,
    .minimum = 1,
    .state_size = wsclock_state_size,
    .start = wsclock_start,
    .fault = wsclock_fault,
    .victim = wsclock_victim,
    .inserted = wsclock_inserted,
};
