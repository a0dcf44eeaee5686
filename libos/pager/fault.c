// SPDX-License-Identifier: MIT
// The page fault, from the library OS's side. Eight steps, as the literature gives them; those done here are
// functions, called in order by pager_fault:
//
//   1  kernel                 detects the fault                                    exo/arch/x86_64
//   2  kernel                 finds the PE's entry and upcalls it                  exo/arch/x86_64, libos/core/entry.S
//   3  library OS             chooses a slot: a free one, or the policy's victim   fault_choose
//   4  library OS → kernel    unbinds the victim; if dirty, writes it back         fault_unbind
//   5  library OS → kernel    issues the disk read, or fills with zeros            fault_read
//   6  kernel → library OS    the read completes                                   fault_await
//   7  library OS → kernel    binds the page to the frame                          fault_bind
//   8  library OS             resumes the application, without the kernel          fault_resume, libos/core/entry.S
//
// All that is known of the fault in progress is in one struct. Nothing is allocated. The handler runs with the save
// area busy, so a fault of its own ends the PE: it touches only memory that is always mapped.
//
// The victim is unbound before it is written, so that nothing changes it meanwhile, and the old entry that unbinding
// returns has the exact dirty bit. The new page is bound with A = D = 0 and full rights: the restarted access sets the
// bits in hardware, without a second fault.
//
// With read-ahead or clustered write-back, steps 4 to 6 of the frame are transit.c's: the victim's frame need not be
// the new page's, and whatever is read or written besides is not waited for.
#include "libos/pager/region.h"
#include "libos/pager/resident.h"
#include "libos/pager/streak.h"
#include "libos/pager/trace.h"
#include "libos/pager/transit.h"

struct fault {
    struct pager_region *region;
    bool transit;    // the region has frames in transit
    uint32_t page;   // faulting, in the region
    uint32_t slot;   // of the victim
    uint32_t victim; // page that goes for it; POLICY_NONE: none has to
    uint32_t frame;  // that it will have, by its number in the budget
    bool reads;      // the page comes from disk
};

// Pages beyond the region's limit, and those that the policy gives up besides, leave here. A victim that is chosen
// leaves in the next step.
static void fault_choose(struct fault *fault) {
    struct pager_region *region = fault->region;
    const struct policy *policy = region->options.policy;
    trace_step(region, fault->page, 3);
    if (policy->fault != nullptr) REGION_TIMED(region, policy->fault(region->state, fault->page));
    if (policy->sees < POLICY_SEES_REFERENCES) resident_give_up(region);
    resident_shrink(region, fault->page);
    fault->victim = POLICY_NONE;
    if (region->resident == 0 || region->budget->levels) resident_ask_another(region);
    if (resident_has_room(region)) return;
    fault->slot = resident_victim(region, fault->page);
    fault->victim = region->page_in[fault->slot];
}

static void fault_unbind(struct fault *fault) {
    trace_step(fault->region, fault->page, 4);
    if (fault->victim != POLICY_NONE) resident_evict(fault->region, fault->slot);
}

static void fault_read(struct fault *fault) {
    struct pager_region *region = fault->region;
    trace_step(region, fault->page, 5);
    if (fault->transit) {
        fault->frame = transit_fetch(region, fault->page);
        return;
    }
    fault->frame = budget_take(region->budget);
    fault->reads = region->stored[fault->page];
    if (!fault->reads) {
        machine_zero(region_memory(region, fault->frame));
        return;
    }
    const exo_frame frame = region->budget->frames[fault->frame];
    if (!machine_disk_start(EXO_RING_READ, frame, region_block(region, fault->page)))
        region_disk_failed(region, EXO_DEVICE, "read", fault->page);
    region->statistics.reads++;
}

static void fault_await(struct fault *fault) {
    enum exo_error error = EXO_OK;
    trace_step(fault->region, fault->page, 6);
    if (fault->transit)
        error = transit_await(fault->region, fault->frame);
    else if (fault->reads)
        error = machine_disk_finish();
    if (error != EXO_OK) region_disk_failed(fault->region, error, "read", fault->page);
}

static void fault_bind(struct fault *fault) {
    struct pager_region *region = fault->region;
    trace_step(region, fault->page, 7);
    if (!machine_bind(region_address(region, fault->page), region->budget->frames[fault->frame])) {
        machine_fail("region %s: the kernel refused to bind page %u", region->options.name, fault->page);
    }
    resident_fill(region, fault->page, fault->frame);
    streak_brought(region_address(region, fault->page));
    if (region->recorder != nullptr) record_served(region, fault->page);
}

static void fault_resume(struct fault *fault) {
    fault->region->statistics.faults++;
    trace_step(fault->region, fault->page, 8); // returning from the handler is what resumes
}

[[gnu::noinline]] static bool serve(struct pager_region *region, uint32_t page) {
    struct fault fault = {.region = region, .page = page, .transit = region->transit != nullptr};
    if (fault.transit) transit_collect();
    fault_choose(&fault);
    fault_unbind(&fault);
    fault_read(&fault);
    fault_await(&fault);
    fault_bind(&fault);
    fault_resume(&fault);
    return true;
}

bool pager_fault(const struct exo_exception *exception) {
    struct pager_region *region = region_of(exception->cr2);
    if (region == nullptr) return false;
    const uint32_t page = (uint32_t)((exception->cr2 - region->options.first.raw) / EXO_PAGE_SIZE);
    if (region->entries[page] & EXO_ENTRY_PRESENT) return false;
    const uint64_t streak = streak_follow(exception, region->slot_of[page] == POLICY_NONE);
    if (region->recorder != nullptr) {
        if (region->latency != nullptr) machine_steady(); // a policy that sees references is measured here, too
        if (record_serve(region, page, streak)) return true;
    }
    return serve(region, page);
}

void pager_refuse(const struct exo_exception *exception) {
    const struct pager_region *region = region_of(exception->cr2);
    const char *access = exception->error & 16 ? "fetch from" : exception->error & 2 ? "write to" : "read of";
    if (region == nullptr) {
        machine_fail("%s address %#lx by instruction %#lx: nothing is mapped there", access, exception->cr2,
                     exception->rip);
    }
    machine_fail("%s address %#lx by instruction %#lx: page %lu of region %s does not allow it", access, exception->cr2,
                 exception->rip, (exception->cr2 - region->options.first.raw) / EXO_PAGE_SIZE, region->options.name);
}
