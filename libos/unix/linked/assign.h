// SPDX-License-Identifier: MIT
// Which policy and how many frames each region has: what the start argument `policy` says, read once.
//
//   clock1                                            one policy for everything
//   index=clockpro@100,table=lifo@200,default=fifo    a map from regions to policies, with frames of their own after @
//
// A map ends with its default, which is for every region that it does not name. Regions without frames of their own
// have what is left of the total, together if there are several. Pure: no machine, so that the host tests it.
#pragma once
#include "libos/pager/policy.h"

constexpr unsigned ASSIGN_MOST = 8;
constexpr size_t ASSIGN_NAME = 32; // bytes of a region's name, at most: a-z, 0-9, '_'

struct assigned {
    char name[ASSIGN_NAME + 1]; // "default" for the last one of a map
    const struct policy *policy;
    uint64_t frames; // of its own; 0: what is left
    bool used;       // by a region of this name
};

struct assignment {
    struct assigned of[ASSIGN_MOST];
    unsigned count; // the last one is the default
    bool is_map;
    unsigned sharers; // without frames of their own
    uint64_t rest;    // of the total: for those; 0: no total was said
    char problem[160];
};

// Reads the argument's text; `total` is the number of frames that all regions have together, 0 if none was said.
// False: `problem` says what is wrong in a sentence.
[[nodiscard]] bool assign_read(struct assignment *assignment, const char *text, uint64_t total);

// What a region of a name has: its own, or the default.
struct assigned *assign_find(struct assignment *assignment, const char *name);

// Is it the name that a region may have?
bool assign_is_name(const char *name);
