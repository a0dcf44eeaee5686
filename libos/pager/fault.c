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
#include "libos/pager/sequence.h"
#include "libos/pager/streak.h"
#include "libos/pager/trace.h"
#include "libos/pager/transit.h"

struct fault {
    struct pager_region *region;
    bool transit;    // the region has frames in transit
    uint32_t page;   // faulting, in the region
    uint32_t slot;   // that it will have
    uint32_t frame;  // that it will have, by its number in the region; without transit the slot's own
    uint32_t victim; // page that had the slot; POLICY_NONE: the slot was free
    bool reads;      // the page comes from disk
    bool stuck;      // the instruction doesn't get through, because its pages are taken from it again
};

// Calls into the policy are timed; this is the only place that knows how.
#define TIMED(region, call)                                                                                            \
    do {                                                                                                               \
        uint64_t begin_ = machine_time();                                                                              \
        call;                                                                                                          \
        (region)->statistics.policy_time += machine_time() - begin_;                                                   \
    } while (0)

// The next slot from the policy's choice on whose page the stuck instruction doesn't need.
static uint32_t slot_not_needed(const struct fault *fault) {
    const struct pager_region *region = fault->region;
    for (uint32_t i = 0; i < region->slots; i++) {
        uint32_t slot = (fault->slot + i) % region->slots;
        if (!streak_holds(region_address(region, region->page_in[slot]))) return slot;
    }
    machine_fail("region %s: an instruction needs more pages at once than the %u frames hold", region->options.name,
                 region->slots);
}

static void fault_choose(struct fault *fault) {
    struct pager_region *region = fault->region;
    const struct policy *policy = region->options.policy;
    trace_step(region, fault->page, 3);
    if (policy->fault != nullptr) TIMED(region, policy->fault(region->state, fault->page));
    if (region->used < region->slots) {
        fault->slot = region->used;
        fault->victim = POLICY_NONE;
        return;
    }
    TIMED(region, fault->slot = policy->victim(region->state, fault->page));
    if (fault->slot >= region->slots) {
        machine_fail("region %s: policy %s chose slot %u of %u", region->options.name, policy->name, fault->slot,
                     region->slots);
    }
    if (fault->stuck) fault->slot = slot_not_needed(fault);
    fault->victim = region->page_in[fault->slot];
}

static void disk_or_fail(const struct fault *fault, enum exo_error error, const char *what, uint32_t page) {
    if (error == EXO_OK) return;
    machine_fail("region %s: page %u: %s failed, error %lu, block %lu", fault->region->options.name, page, what,
                 (uint64_t)error, region_block(fault->region, page));
}

static void write_back(const struct fault *fault) {
    struct pager_region *region = fault->region;
    const uint32_t victim = fault->victim;
    bool started = machine_disk_start(EXO_RING_WRITE, region->frames[fault->slot], region_block(region, victim));
    disk_or_fail(fault, started ? machine_disk_finish() : EXO_DEVICE, "write-back", victim);
    region->stored[victim] = PAGE_STORED;
}

static void fault_unbind(struct fault *fault) {
    struct pager_region *region = fault->region;
    uint32_t victim = fault->victim;
    trace_step(region, fault->page, 4);
    if (victim == POLICY_NONE) return;
    uint64_t old = record_bits(region, fault->slot);
    if (region->entries[victim] & EXO_ENTRY_PRESENT) old |= machine_unbind(region_address(region, victim));
    region->slot_of[victim] = POLICY_NONE;
    region->statistics.sequence = sequence_add(region->statistics.sequence, victim);
    const bool dirty = old & EXO_ENTRY_DIRTY;
    region->statistics.writebacks += dirty;
    if (fault->transit)
        transit_evict(region, fault->slot, victim, dirty || region->stored[victim] == PAGE_OWED);
    else if (dirty)
        write_back(fault);
    record_clear(region, fault->slot, EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY);
    const struct policy *policy = region->options.policy;
    if (policy->removed != nullptr) TIMED(region, policy->removed(region->state, victim, fault->slot));
}

static void fault_read(struct fault *fault) {
    struct pager_region *region = fault->region;
    trace_step(region, fault->page, 5);
    if (fault->transit) {
        fault->frame = transit_fetch(region, fault->page);
        return;
    }
    fault->frame = fault->slot;
    fault->reads = region->stored[fault->page];
    if (!fault->reads) {
        machine_zero(region->window + fault->frame * EXO_PAGE_SIZE);
        return;
    }
    if (!machine_disk_start(EXO_RING_READ, region->frames[fault->frame], region_block(region, fault->page))) {
        disk_or_fail(fault, EXO_DEVICE, "read", fault->page);
    }
    region->statistics.reads++;
}

static void fault_await(struct fault *fault) {
    trace_step(fault->region, fault->page, 6);
    if (fault->transit)
        disk_or_fail(fault, transit_await(fault->region, fault->frame), "read", fault->page);
    else if (fault->reads)
        disk_or_fail(fault, machine_disk_finish(), "read", fault->page);
}

static void fault_bind(struct fault *fault) {
    struct pager_region *region = fault->region;
    const struct policy *policy = region->options.policy;
    trace_step(region, fault->page, 7);
    if (!machine_bind(region_address(region, fault->page), region->frames[fault->frame])) {
        machine_fail("region %s: the kernel refused to bind page %u", region->options.name, fault->page);
    }
    if (fault->transit) transit_settle(region, fault->frame, fault->slot);
    region->slot_of[fault->page] = fault->slot;
    region->page_in[fault->slot] = fault->page;
    if (fault->slot == region->used) region->used++;
    if (policy->inserted != nullptr) TIMED(region, policy->inserted(region->state, fault->page, fault->slot));
}

static void fault_resume(struct fault *fault) {
    fault->region->statistics.faults++;
    trace_step(fault->region, fault->page, 8); // returning from the handler is what resumes
}

bool pager_fault(const struct exo_exception *exception) {
    struct fault fault = {.region = region_of(exception->cr2)};
    if (fault.region == nullptr) return false;
    fault.page = (uint32_t)((exception->cr2 - fault.region->options.first.raw) / EXO_PAGE_SIZE);
    if (fault.region->entries[fault.page] & EXO_ENTRY_PRESENT) return false;
    unsigned times = streak_follow(exception);
    if (record_fault(fault.region, fault.page, times > 1)) return true;
    fault.transit = fault.region->transit != nullptr;
    if (fault.transit) transit_collect();
    fault.stuck = times > STREAK_PATIENCE;
    fault_choose(&fault);
    fault_unbind(&fault);
    fault_read(&fault);
    fault_await(&fault);
    fault_bind(&fault);
    fault_resume(&fault);
    return true;
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
