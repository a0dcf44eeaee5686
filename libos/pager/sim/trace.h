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

// References that one instruction makes and that get through only when all their pages are in memory together: those of
// a trace from `first` on, in the order in which it makes them.
constexpr unsigned GROUP_MOST = 16;
struct group {
    uint32_t first, count; // 2 to GROUP_MOST
    uint16_t late;         // those, by their bits, that read their page until all pages are in memory, and then write
};

struct trace {
    char *name;
    uint32_t *reference; // page << 1 | write
    size_t length, room; // length < UINT32_MAX
    uint64_t *number;    // original page number of each page
    uint32_t pages;      // distinct pages, below 2^31
    uint32_t numbers_room;
    uint32_t *bucket; // hash table from original number to page
    uint32_t buckets;
    bool has_writes;     // lines say R or W
    struct group *group; // in the order of their first references
    size_t groups, groups_room;
    uint32_t widest; // most different pages of a group: so many frames are needed; 0 if there is none
    bool last_late;  // trace_late was said of the last reference
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

// Adds one more reference of the instruction that makes the last one, or `late`: the last one, which writes, does so
// when all pages of its instruction are there. False: there is none before, or the instruction has GROUP_MOST.
[[nodiscard]] bool trace_join(struct trace *trace, uint64_t page, bool write);
void trace_late(struct trace *trace);

// The group that a position is in, or null.
const struct group *trace_group_at(const struct trace *trace, size_t at);

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
