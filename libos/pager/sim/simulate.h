// SPDX-License-Identifier: MIT
// The host simulator: a policy, a reference string and a number of frames give the counts that the pager has on the
// machine, from the same policy sources.
#pragma once
#include "libos/pager/policy.h"
#include "libos/pager/sim/trace.h"

struct simulation {
    const struct policy *policy;
    const struct trace *trace;
    uint32_t frames;   // at least the policy's minimum
    uint64_t seed;     // 1 is what all stated counts are for
    bool zero_filled;  // pages have no contents until written back once: first touch does not read. Else all read
    bool starts_clear; // the papers' convention for a new page's A bit (struct policy_view)
    bool drop_repeats; // a reference to the same page as the one before it counts, but is not shown to the policy
    bool changes;      // the trace is of changes of page: who follows them (group.c) is not told of a page that is open
    bool renumbered;   // policies that hash numbers hash the renumbered pages, as a pager does whose pages these are
    void (*evicted)(void *context, uint32_t page);     // told of every victim, with the trace's own page; may be null
    void (*faulted)(void *context, uint64_t position); // told of every fault; may be null
    void *context;
};

struct simulation_counts {
    uint64_t references, faults, writebacks, reads;
    uint64_t resident_sum; // of the pages in memory over all references: divided by them, the mean resident set
    uint64_t sequence;     // digest of the victims' pages in their order, see libos/pager/sequence.h
};

// Runs it. False, with nothing run, if there are fewer frames than the policy or an instruction of the trace needs.
[[nodiscard]] bool simulate(const struct simulation *simulation, struct simulation_counts *counts);
