// SPDX-License-Identifier: MIT
// Regions with a policy each and frames that they have together, simulated on one reference string: what the pager does
// with a budget that levels (pager_budget_level in pager.h).
#pragma once
#include "libos/pager/sim/simulate.h"

constexpr unsigned POOL_MOST = 8;

// A region has the pages whose numbers in the trace are from `first` on, and its policy has frames for as many at most.
// The last region has all that are in no other, too.
struct pool_region {
    const struct policy *policy;
    uint64_t first, pages;
};

// Reads POLICY:FIRST+PAGES. The result is what is wrong, or null; the text is changed.
const char *pool_region_read(struct pool_region *region, char *text);

struct simulation_pool {
    struct simulation common; // trace, frames of all together, and how; its policy is not looked at
    unsigned count;
    struct pool_region region[POOL_MOST];
};

// Runs it: counts of each region, in their order, `references` of its own pages. False, with nothing run: there are
// fewer frames than a policy needs.
[[nodiscard]] bool simulate_pool(const struct simulation_pool *pool, struct simulation_counts counts[POOL_MOST]);
