// SPDX-License-Identifier: MIT
// A read-ahead policy: which pages to read before they are asked for. Pure decisions over page numbers, as a
// replacement policy's are (policy.h). One C file, one `const struct readahead`.
//
//   struct readahead_state { uint32_t pages, most, last; };      // all it remembers; each file defines its own
//   static struct readahead_range my_fault(struct readahead_state *s, const struct readahead_fault *fault) { … }
//   const struct readahead readahead_my = { .name = "my", .fault = my_fault, … };
//   and the line READAHEAD(my) in readahead/readaheads.def
//
// It is told of the first touch of every page that is not in one of the replacement policy's frames, whether the disk
// has to be waited for (a miss) or the page had been read ahead (a hit), and answers with a range of pages. The pager
// reads those of the range that are on disk and not in memory, in rising order, as far as frames and the disk's ring
// allow; so a range may overlap what is there, and a policy may find pages missing that it asked for.
//
// The pager holds at most 2 × `most` pages read ahead and not yet touched when memory is full; then the oldest are
// dropped for new ones. What a region has of frames not yet in use may hold more.
#pragma once
#include <stddef.h>
#include <stdint.h>

// What a policy is told when it starts.
struct readahead_view {
    uint32_t pages; // page numbers are below this
    uint32_t most;  // pages that one answer should have at most; at least 1
};

struct readahead_fault {
    uint32_t page;
    bool hit;        // it had been read ahead, or was being read
    bool sequential; // the program has said that it goes through these pages in rising order
};

struct readahead_range {
    uint32_t first, count; // count 0: nothing
};

struct readahead_state; // each policy's file defines its own

struct readahead {
    const char *name;   // as in the start argument: lower case, digits, '_'
    const char *title;  // a line for people
    const char *source; // paper or definition
    size_t state_bytes; // the pager zeroes them before `start`
    void (*start)(struct readahead_state *state, const struct readahead_view *view);
    struct readahead_range (*fault)(struct readahead_state *state, const struct readahead_fault *fault);
    void (*wasted)(struct readahead_state *state, uint32_t page); // it was dropped without a touch; may be null
};

// All that are built in, in the order of readaheads.def; the list ends with a null pointer. `none` is not among them:
// a region without read-ahead has a null pointer for it.
extern const struct readahead *const readaheads[];

// The read-ahead policy of a name, or null.
const struct readahead *readahead_find(const char *name);
