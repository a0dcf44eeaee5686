// SPDX-License-Identifier: MIT
// Read-ahead of the aligned cluster of pages that a missing page is in, for programs that touch pages near one another
// in no order. How large a cluster is, is learnt: it doubles while most pages read ahead are touched, and halves while
// most are dropped, down to the page alone; then every so often a cluster of two is tried again.
//
// Reading a cluster of neighbours at each fault: Levy and Lipman, "Virtual memory management in the VAX/VMS operating
// system", IEEE Computer 15(3), 1982, where its size is set by hand. Learning the size from the pages that were of use
// is our own; Linux does alike for swap space.
#include "libos/pager/readahead.h"

constexpr uint32_t FIRST_CLUSTER = 8;
constexpr uint32_t OUTCOMES = 32; // touched or dropped pages between two changes of size
constexpr uint32_t PATIENCE = 64; // misses before a cluster is tried again

struct readahead_state {
    uint32_t pages, most;
    uint32_t cluster;        // pages, a power of 2
    uint32_t hits, outcomes; // since the last change
    uint32_t misses;         // since clusters are of one page
};

static void around_start(struct readahead_state *state, const struct readahead_view *view) {
    state->pages = view->pages;
    state->most = view->most;
    state->cluster = 1;
    while (2 * state->cluster <= state->most && state->cluster < FIRST_CLUSTER) state->cluster *= 2;
}

static void learn(struct readahead_state *state, bool hit) {
    state->hits += hit;
    if (++state->outcomes < OUTCOMES) return;
    if (4 * state->hits >= 3 * OUTCOMES && 2 * state->cluster <= state->most)
        state->cluster *= 2;
    else if (2 * state->hits < OUTCOMES && state->cluster > 1)
        state->cluster /= 2;
    state->hits = state->outcomes = state->misses = 0;
}

static struct readahead_range around_fault(struct readahead_state *state, const struct readahead_fault *fault) {
    if (fault->hit) {
        learn(state, true);
        return (struct readahead_range){};
    }
    if (state->cluster == 1) {
        if (state->most < 2 || ++state->misses < PATIENCE) return (struct readahead_range){};
        state->cluster = 2;
        state->hits = state->outcomes = state->misses = 0;
    }
    const uint32_t first = fault->page & ~(state->cluster - 1), left = state->pages - first;
    return (struct readahead_range){first, state->cluster < left ? state->cluster : left};
}

static void around_wasted(struct readahead_state *state, uint32_t) {
    learn(state, false);
}

const struct readahead readahead_around = {
    .name = "around",
    .title = "the aligned cluster around a missing page, as large as has been of use",
    .source = "Levy and Lipman, IEEE Computer 15(3), 1982",
    .state_bytes = sizeof(struct readahead_state),
    .start = around_start,
    .fault = around_fault,
    .wasted = around_wasted,
};
