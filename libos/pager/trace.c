// SPDX-License-Identifier: MIT
// Keeping and reporting the times of fault steps. Stamps are in program order, so a step lasts until the next begins.
#include "libos/pager/trace.h"
#include "libos/pager/latency.h"

static struct {
    const struct pager_region *region;
    uint32_t page;
    uint64_t time[FAULT_STEPS];
} kept[TRACE_FAULTS];
static unsigned begun; // faults, those not kept included

// Step 3 starts a new record, with the kernel's times of 1 and 2.
static void keep(const struct pager_region *region, uint32_t page, unsigned step) {
    if (step == 3) begun++;
    if (begun > TRACE_FAULTS) return;
    typeof(&kept[0]) fault = &kept[begun - 1];
    if (step == 3) {
        fault->region = region;
        fault->page = page;
        fault->time[0] = machine_kernel_time(1);
        fault->time[1] = machine_kernel_time(2);
    }
    fault->time[step - 1] = machine_time();
}

void trace_stamp(const struct pager_region *region, uint32_t page, unsigned step) {
    if (region->options.trace) keep(region, page, step);
    if (region->latency == nullptr) return;
    if (step == 3) latency_begin(region->latency);
    if (step == 8) latency_end(region->latency);
}

void trace_report(void) {
    unsigned faults = begun < TRACE_FAULTS ? begun : TRACE_FAULTS;
    for (unsigned i = 0; i < faults; i++) {
        for (unsigned step = 1; step <= FAULT_STEPS; step++) {
            if (kept[i].time[step - 1] == 0) continue;
            machine_report("{\"event\":\"step\",\"job\":%lu,\"fault\":%u,\"step\":%u,\"time\":%lu,\"page\":%u}",
                           kept[i].region->options.job, i + 1, step, kept[i].time[step - 1], kept[i].page);
        }
    }
    begun = 0;
}
