// SPDX-License-Identifier: MIT
// Times of the eight steps of a fault, for regions attached with `trace`. The first TRACE_FAULTS faults are kept.
#pragma once
#include "libos/pager/region.h"

constexpr unsigned FAULT_STEPS = 8;
constexpr unsigned TRACE_FAULTS = 256;

void trace_stamp(const struct pager_region *region, uint32_t page, unsigned step);

// Step `step` (3 to 8) of the present fault begins. Regions of which nobody wants to know are not slowed down: they
// test one byte.
static inline void trace_step(const struct pager_region *region, uint32_t page, unsigned step) {
    if (region->stamped) trace_stamp(region, page, step);
}

// Reports what was kept as events "step".
void trace_report(void);
