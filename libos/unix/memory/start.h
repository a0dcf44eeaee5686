// SPDX-License-Identifier: MIT
// How an instance's memory is divided, once its size is known.
#pragma once
#include "libos/unix/memory/page.h"

struct memory_plan {
    const struct policy *policy;
    uint64_t seed;
    uint64_t budget;                  // frames
    uint64_t swap_first, swap_blocks; // on the disk
    uint32_t leaves;                  // level-1 tables there can be
};

// Ends the PE with one line if the plan cannot be had.
void memory_divide(const struct memory_plan *plan);

// Bytes of tables that a budget needs, at most.
uint64_t memory_price(const struct policy *policy, uint64_t slots, uint64_t swap_blocks);

// The policy of a name. Ends the PE with one line if there is none, or it cannot be used here.
const struct policy *memory_policy(const char *name);
