// SPDX-License-Identifier: MIT
// Pages that come and go, see resident.h.
//
// The mean of pages in memory is that of Denning's and of Prieve and Fabry's definitions: at each reference the pages
// are counted that are there once it is served. So the sum grows by what was there before each change, times the
// references since the change before.
#include "libos/pager/resident.h"
#include "libos/pager/sequence.h"
#include "libos/pager/streak.h"
#include "libos/pager/transit.h"

// Whether a slot holds a page that may go: the instruction in progress would not have it brought in again at once.
static bool may_go(const struct pager_region *region, uint32_t slot) {
    return slot < region->used && region->page_in[slot] != POLICY_NONE
           && !streak_needs(region_address(region, region->page_in[slot]));
}

bool resident_can_spare(const struct pager_region *region) {
    for (uint32_t slot = 0; slot < region->used; slot++) {
        if (may_go(region, slot)) return true;
    }
    return false;
}

// What the policy is asked, and what is done if its choice cannot go, is what sim/simulate.c does.
uint32_t resident_victim(struct pager_region *region, uint32_t incoming) {
    const struct policy *policy = region->options.policy;
    uint32_t slot = 0;
    if (!resident_can_spare(region)) {
        machine_fail("region %s: an instruction needs more pages at once than the %u frames hold", region->options.name,
                     region->resident);
    }
    for (uint32_t tries = 0; tries <= region->slots - region->resident; tries++) {
        REGION_TIMED(region, slot = policy->victim(region->state, incoming));
        if (slot >= region->slots) {
            machine_fail("region %s: policy %s chose slot %u of %u", region->options.name, policy->name, slot,
                         region->slots);
        }
        if (slot < region->used && region->page_in[slot] != POLICY_NONE) break;
    }
    while (!may_go(region, slot)) slot = slot + 1 >= region->used ? 0 : slot + 1;
    return slot;
}

static void write_back(struct pager_region *region, uint32_t slot, uint32_t victim) {
    const bool started = machine_disk_start(EXO_RING_WRITE, region_frame(region, slot), region_block(region, victim));
    const enum exo_error error = started ? machine_disk_finish() : EXO_DEVICE;
    if (error != EXO_OK) region_disk_failed(region, error, "write-back", victim);
    region->stored[victim] = PAGE_STORED;
}

static void count_time(struct pager_region *region) {
    const uint64_t now = resident_time(region);
    if (now == RESIDENT_NO_TIME) return;
    region->sum += region->resident * (now - region->sum_time);
    region->sum_time = now;
}

void resident_evict(struct pager_region *region, uint32_t slot) {
    const uint32_t victim = region->page_in[slot];
    uint64_t old = record_bits(region, slot);
    record_loses(region, victim);
    if (region->entries[victim] & EXO_ENTRY_PRESENT) old |= machine_unbind(region_address(region, victim));
    region->slot_of[victim] = POLICY_NONE;
    region->statistics.sequence = sequence_add(region->statistics.sequence, victim);
    const bool dirty = old & EXO_ENTRY_DIRTY;
    region->statistics.writebacks += dirty;
    if (region->transit != nullptr)
        transit_evict(region, slot, victim, dirty || region->stored[victim] == PAGE_OWED);
    else {
        if (dirty) write_back(region, slot, victim);
        budget_give(region->budget, region->frame_of[slot]);
    }
    record_clear(region, slot, EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY);
    count_time(region);
    region->page_in[slot] = POLICY_NONE;
    region->empty[region->empty_count++] = slot;
    region->resident--;
    const struct policy *policy = region->options.policy;
    if (policy->removed != nullptr) REGION_TIMED(region, policy->removed(region->state, victim, slot));
}

// Outside of a fault a policy is asked in the name of a page that is never in memory, the one behind the last: it may
// look the page up among those that it remembers.
void resident_release(struct pager_region *region) {
    resident_evict(region, resident_victim(region, (uint32_t)region->options.pages));
}

void resident_shrink(struct pager_region *region, uint32_t incoming) {
    while (region->resident > region->limit) resident_evict(region, resident_victim(region, incoming));
}

void resident_ask_another(struct pager_region *region) {
    struct pager_region *most = nullptr;
    if (region->transit != nullptr || region->budget->free_count != 0 || region->resident >= region->limit) return;
    const uint32_t least = region->resident == 0 ? 1 : region->resident + 2;
    for (unsigned i = 0; i < pager_region_count; i++) {
        struct pager_region *other = &pager_regions[i];
        if (other->budget != region->budget || other->resident < least || !resident_can_spare(other)) continue;
        const bool more = most == nullptr || other->resident > most->resident;
        if (more || (other->resident == most->resident && other->options.rank < most->options.rank)) most = other;
    }
    if (most != nullptr) resident_release(most);
}

void resident_give_up_surplus(struct pager_region *region) {
    const struct policy *policy = region->options.policy;
    for (;;) {
        uint32_t slot;
        REGION_TIMED(region, slot = policy->surplus(region->state));
        if (slot == POLICY_NONE) return;
        if (slot >= region->used || region->page_in[slot] == POLICY_NONE) {
            machine_fail("region %s: policy %s gives up slot %u, which holds no page", region->options.name,
                         policy->name, slot);
        }
        if (!may_go(region, slot)) return;
        resident_evict(region, slot);
    }
}

void resident_fill(struct pager_region *region, uint32_t page, uint32_t number) {
    const uint32_t slot = resident_next_slot(region);
    count_time(region);
    if (region->empty_count != 0)
        region->empty_count--;
    else
        region->used++;
    region->resident++;
    region->slot_of[page] = slot;
    region->page_in[slot] = page;
    if (region->transit != nullptr)
        transit_settle(region, number, slot);
    else
        region->frame_of[slot] = number;
    const struct policy *policy = region->options.policy;
    if (policy->inserted != nullptr) REGION_TIMED(region, policy->inserted(region->state, page, slot));
}

uint64_t resident_time(const struct pager_region *region) {
    return region->recorder != nullptr           ? record_time(region)
           : region->options.position != nullptr ? *region->options.position
                                                 : RESIDENT_NO_TIME;
}

uint64_t resident_sum(const struct pager_region *region, uint64_t references) {
    if (resident_time(region) == RESIDENT_NO_TIME || references == UINT64_MAX) return RESIDENT_NO_TIME;
    return region->sum + region->resident * (references - region->sum_time);
}
