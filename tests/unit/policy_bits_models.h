// SPDX-License-Identifier: MIT
// Models of policies that run on bits: each written from the definition alone, over whole pages and with plain arrays,
// as slow as that may be. They decide and simulate at once, know no slots and no lists, and share no code with the
// policies, whose victims must be theirs one by one.
#pragma once
#include "libos/pager/sim/trace.h"

// What a model is asked to run and what it finds.
struct model {
    const struct trace *trace;
    uint32_t frames;
    bool starts_clear;  // A of a new page stays clear at its first access
    unsigned most_uses; // s3fifo: what a page's counter of uses goes up to; 1 is an accessed bit
    bool real_numbers;  // car: the target is not rounded
    uint32_t *victims;  // as many as the trace has references
    uint64_t evictions, faults;
};

void model_wsclock(struct model *model);
void model_car(struct model *model);
void model_s3fifo(struct model *model);
void model_mglru(struct model *model);
