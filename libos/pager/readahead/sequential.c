// SPDX-License-Identifier: MIT
// Read-ahead for pages touched in rising order. A window of pages is asked for; when its first page is touched, the
// next window is, twice as large up to the limit, so that the disk works on one window while the program works on the
// one before. Several such streams may go on at once, as in a merge or a matrix product.
//
// Doubling windows and asking at a marked page: Wu, Xi and Xu, "On the design of a new Linux readahead framework",
// ACM SIGOPS Operating Systems Review 42(5), 2008. Beginning only at the second page in a row: Smith, "Sequentiality
// and prefetching in database systems", ACM TODS 3(3), 1978. Deviations: a stream is found by its next page in a table
// of streams, not by the file position of a descriptor or by neighbours in the cache.
//
//   touched      asked for and not yet touched
//   ────────────┬───────────────────┬────────────────
//            at │               mark│             end
//               next page expected  touching this one, or any after it, asks for the next window
#include "libos/pager/readahead.h"

constexpr uint32_t STREAMS = 8;
constexpr uint32_t FIRST_WINDOW = 4;

struct readahead_state {
    uint32_t pages, most;
    uint32_t time;
    struct stream {
        uint32_t at, mark, end, window; // window 0: one page touched so far
        uint32_t used;                  // time of last use; 0: never
    } stream[STREAMS];
};

static void sequential_start(struct readahead_state *state, const struct readahead_view *view) {
    state->pages = view->pages;
    state->most = view->most;
}

// The stream that a page continues: it is the one expected, or one of those asked for (the program may skip some). If
// there is none, the one not used for longest, made a new stream that begins with this page.
static struct stream *stream_of(struct readahead_state *state, uint32_t page) {
    struct stream *oldest = &state->stream[0];
    for (unsigned i = 0; i < STREAMS; i++) {
        struct stream *stream = &state->stream[i];
        if (stream->used != 0 && page >= stream->at && page <= stream->end) return stream;
        if (stream->used < oldest->used) oldest = stream;
    }
    *oldest = (struct stream){.at = page, .mark = page, .end = page};
    return oldest;
}

static uint32_t grown(uint32_t window, uint32_t most) {
    const uint32_t larger = window == 0 ? FIRST_WINDOW : 2 * window;
    return larger < most ? larger : most;
}

static struct readahead_range sequential_fault(struct readahead_state *state, const struct readahead_fault *fault) {
    const uint32_t page = fault->page;
    struct stream *stream = stream_of(state, page);
    const bool begins = stream->used == 0;
    stream->used = ++state->time;
    stream->at = page + 1;
    if (begins && !fault->sequential) {
        stream->mark = stream->end = page + 1;
        return (struct readahead_range){};
    }
    // A miss where pages were asked for: they were not read, or have been dropped. Ask again from here.
    if (!fault->hit) stream->mark = stream->end = page + 1;
    if (page < stream->mark && fault->hit) return (struct readahead_range){};
    stream->window = fault->sequential ? state->most : grown(stream->window, state->most);
    const uint32_t first = stream->end > page ? stream->end : page + 1, left = state->pages - first;
    const uint32_t count = stream->window < left ? stream->window : left;
    stream->mark = first;
    stream->end = first + count;
    return (struct readahead_range){first, count};
}

const struct readahead readahead_sequential = {
    .name = "sequential",
    .title = "windows that double while pages are touched in rising order",
    .source = "Wu, Xi and Xu, ACM SIGOPS OSR 42(5), 2008; Smith, ACM TODS 3(3), 1978",
    .state_bytes = sizeof(struct readahead_state),
    .start = sequential_start,
    .fault = sequential_fault,
};
