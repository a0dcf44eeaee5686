// SPDX-License-Identifier: MIT
// A budget: frames of the pager, known by number, that are in a slot of a region, in transit, or free. A region has a
// budget of its own, or several have one together (pager_options.budget).
#pragma once
#include "libos/pager/machine.h"

struct pager_budget {
    exo_frame *frames;   // by number, from 0 on
    char *window;        // number → the frame's memory, at window + number pages
    uint32_t count;      // numbers with a frame; all of them, unless frames come and go
    uint32_t most;       // numbers
    uint32_t free_count; // of them those of no region
    uint32_t *free;      // and which: a stack, at first with 0 on top
    bool levels;         // frames move from larger regions to smaller ones that fault (pager_budget_level)
};

// One more budget, of so many frames. Null: no memory for its tables, or too few frames are left.
struct pager_budget *budget_make(uint32_t frames);

// The same without any frames, with room for so many.
struct pager_budget *budget_open(uint32_t most);

// A frame that no region has: budget->free_count is not 0.
static inline uint32_t budget_take(struct pager_budget *budget) {
    return budget->free[--budget->free_count];
}

static inline void budget_give(struct pager_budget *budget, uint32_t number) {
    budget->free[budget->free_count++] = number;
}
