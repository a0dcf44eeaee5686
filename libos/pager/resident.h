// SPDX-License-Identifier: MIT
// The pages of a region that are in memory: which slots they have, how they leave, and how many there were on average.
//
// Slots below region->used were filled at some time; of these the empty ones are in a stack, the one that became empty
// last on top. A page that comes takes that one, or if there is none, the next that was never filled.
#pragma once
#include "libos/pager/region.h"

// Whether a page may come without another's going: fewer pages than the region may have, and a frame is free.
static inline bool resident_has_room(const struct pager_region *region) {
    return region->resident < region->limit && (region->transit != nullptr || region->budget->free_count != 0);
}

// The slot that the next page gets.
static inline uint32_t resident_next_slot(const struct pager_region *region) {
    return region->empty_count != 0 ? region->empty[region->empty_count - 1] : region->used;
}

// The slot of the page that the policy wants to go, for the sake of a page that comes; asks again for empty slots. If
// the instruction in progress has brought that page in (streak.h), the page in the next slot with another one goes.
uint32_t resident_victim(struct pager_region *region, uint32_t incoming);

// Whether the region has a page in memory that the instruction in progress has not brought in.
bool resident_can_spare(const struct pager_region *region);

// Takes the page out of a slot: unbinds it, writes it back if it is dirty, and tells the policy. Its frame is free, or
// in transit.
void resident_evict(struct pager_region *region, uint32_t slot);

// Takes pages out that the policy has no use for, until it names one that the instruction in progress has brought in;
// and those beyond the region's limit.
void resident_shrink(struct pager_region *region, uint32_t incoming);
void resident_give_up_surplus(struct pager_region *region); // the policy has `surplus`
static inline void resident_give_up(struct pager_region *region) {
    if (region->options.policy->surplus != nullptr) resident_give_up_surplus(region);
}

// Takes one page out, of the policy's choice, when the region has no fault. There is a page in memory.
void resident_release(struct pager_region *region);

// If the region's budget has no free frame, takes one from the region with the most pages: if this one has none, or
// has two fewer than that. Called for a region without pages, and always where a budget levels.
void resident_ask_another(struct pager_region *region);

// The page is in memory: its frame is bound. In resident_next_slot.
void resident_fill(struct pager_region *region, uint32_t page, uint32_t number);

// The time that policies see, and the mean is taken over: the number of the reference that is being made.
constexpr uint64_t RESIDENT_NO_TIME = UINT64_MAX;
uint64_t resident_time(const struct pager_region *region);

// Sum of the pages in memory over all references so far, `references` of them; RESIDENT_NO_TIME if they are not
// counted.
uint64_t resident_sum(const struct pager_region *region, uint64_t references);
