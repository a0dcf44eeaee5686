// SPDX-License-Identifier: MIT
// Times of the eight steps of a fault, for regions attached with `trace`. The first TRACE_FAULTS faults are kept.
#pragma once
#include "libos/pager/region.h"

constexpr unsigned FAULT_STEPS = 8;
constexpr unsigned TRACE_FAULTS = 256;

void trace_keep(const struct pager_region *region, uint32_t page, unsigned step);

// Step `step` (3 to 8) of the present fault begins. Step 3 starts a new record, with the kernel's times of 1 and 2.
static inline void trace_step(const struct pager_region *region, uint32_t page, unsigned step) {
    if (region->options.trace) trace_keep(region, page, step);
}

// Reports what was kept as events "step".
void trace_report(void);
