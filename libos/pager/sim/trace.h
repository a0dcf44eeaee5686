// SPDX-License-Identifier: MIT
// A reference string in memory: read from a file, or generated.
//
//   struct trace *trace = trace_new("mine");
//   trace_read(trace, "mine.txt", error, sizeof error) or trace_generate(trace, "loop1100") or trace_add(trace, 7,
//   false) … trace->reference[i] … trace_free(trace);
//
// Pages are renumbered 0, 1, … in the order of their first use, so that tables indexed by page stay small whatever
// numbers the file has; `number` gives the original ones back.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct trace {
    char *name;
    uint32_t *reference; // page << 1 | write
    size_t length, room; // length < UINT32_MAX
    uint64_t *number;    // original page number of each page
    uint32_t pages;      // distinct pages, below 2^31
    uint32_t numbers_room;
    uint32_t *bucket; // hash table from original number to page
    uint32_t buckets;
    bool has_writes; // lines say R or W
};

static inline uint32_t reference_page(uint32_t reference) {
    return reference >> 1;
}

static inline bool reference_writes(uint32_t reference) {
    return reference & 1;
}

// Memory that runs out ends the program with a sentence, here and in trace_add.
struct trace *trace_new(const char *name);
void trace_free(struct trace *trace);
void trace_add(struct trace *trace, uint64_t page, bool write);

// Adds the references of a file, in one of the forms of formats.h, to the end of the file. On failure returns false and
// writes one line that names file, line or record, and what was expected.
[[nodiscard]] bool trace_read(struct trace *trace, const char *path, char *error, size_t error_size);

// Appends the generated trace of a name; false if there is none.
[[nodiscard]] bool trace_generate(struct trace *trace, const char *name);

// Every generated trace: name and a line for people. The list ends with a null name.
struct trace_recipe {
    const char *name, *title;
    void (*generate)(struct trace *trace);
};
extern const struct trace_recipe trace_recipes[];

// Position of the next reference to the same page, for each position; POLICY_NONE if none. To be freed.
uint32_t *trace_next_uses(const struct trace *trace);
