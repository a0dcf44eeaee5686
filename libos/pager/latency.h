// SPDX-License-Identifier: MIT
// How many instructions faults took, and when they were: kept for regions attached with `measure`, reported at the end.
//
// Instructions of a fault: what the time-stamp counter says from step 3 to step 8 (fault.c) less what it says of waits
// for the disk in between. That is the policy, unbinding and binding, issuing reads and writes, the kernel's part of
// each, and a clock or disk interrupt that happens to fall in between. Steps 1, 2 and 8, before and after the pager,
// are the same few instructions in every fault and are not in it. The histogram has eight buckets for each power of
// two.
//
// When: in the same instructions without waits, since the first fault in any region. Time is kept in at most
// TIMELINE_INTERVALS intervals of equal length; when they are used up, neighbours are joined and the length doubles.
//
// Measuring costs about 90 instructions a fault, of which 30 are in the fault's own number; a region that is not
// measured has two more for each wait. The memory is bounded, whatever the run. Under other clocks than -icount's all
// this is in ticks, not instructions.
#pragma once
#include "libos/pager/region.h"

constexpr unsigned LATENCY_BUCKETS = 240; // the last one ends at 2^32
constexpr unsigned TIMELINE_INTERVALS = 128;
constexpr unsigned TIMELINE_SHORTEST = 10; // the first intervals have 2^10 instructions

struct timeline {
    unsigned shift; // intervals have 2^shift instructions
    uint64_t faults[TIMELINE_INTERVALS];
};

struct latency {
    uint64_t begun, waited; // of the present fault: the clock, and the waits until then
    uint64_t faults[LATENCY_BUCKETS];
    struct timeline timeline;
};

// The bucket of a number of instructions, and the least number in a bucket.
unsigned latency_bucket(uint64_t instructions);
uint64_t latency_least(unsigned bucket);

// One fault, `at` so many instructions.
void timeline_add(struct timeline *timeline, uint64_t at);

// Makes the region's latency if it is to be measured. False: no memory.
[[nodiscard]] bool latency_attach(struct pager_region *region);

// Step 3 of a fault begins, and its step 8.
void latency_begin(struct latency *latency);
void latency_end(struct latency *latency);

// Reports what was kept as an event "timeline" and, a part of the buckets each, events "latency".
void latency_report(const struct pager_region *region);
