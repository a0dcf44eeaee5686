// SPDX-License-Identifier: MIT
// The instance's memory: how it is divided, and what is told at the end.
//
// Arguments: policy=NAME (clock1); seed=N (1); frames=N, the budget: pages of processes and files in memory at the same
// time (what is left); heap=PAGES, the library OS's own structures; swap=BLOCK and swap_blocks=N (what the disk's
// directory says, but not more than 8 times the memory).
//
// Frames that are neither the heap's nor of the budget are kept for page tables and stacks. A policy's memory and the
// table of pages come from there too, before the budget is known.
#include "libos/core/arguments.h"
#include "libos/core/heap.h"
#include "libos/core/start.h"
#include "libos/unix/memory/machine.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/once.h"
#include "libos/unix/memory/slots.h"
#include "libos/unix/memory/start.h"
#include "libos/unix/memory/supply.h"
#include "libos/unix/memory/swap.h"
#include "libos/unix/memory/transfer.h"
#include "libos/unix/memory/vm.h"

constexpr uint64_t BUDGET_LEAST = 16;
constexpr uint64_t SPARE_SHARE = 128; // of the budget
constexpr uint32_t SLACK = 64;        // numbers of pages for what is between two states

const struct policy *memory_policy(const char *name) {
    const struct policy *policy = policy_find(name);
    if (policy == nullptr) machine_fail("argument policy=%s: there is no policy of this name", name);
    if (policy->sees >= POLICY_SEES_REFERENCES || policy->timed)
        machine_fail("policy=%s needs to see every reference: processes do not show them", name);
    return policy;
}

static void *need(void *block, const char *what) {
    if (block == nullptr) machine_fail("there is too little memory for %s", what);
    return block;
}

// Bytes that every page in memory costs besides its frame, with its share of numbers for pages that are not.
static uint64_t pages_for(uint64_t slots, uint64_t swap_blocks) {
    return swap_blocks + 3 * slots + SLACK;
}

uint64_t memory_price(const struct policy *policy, uint64_t slots, uint64_t swap_blocks) {
    const uint64_t pages = pages_for(slots, swap_blocks);
    return pages * sizeof(struct page) + slots * (sizeof(struct slot) + 2 * sizeof(uint32_t) + ONCE_PRICE)
           + policy->state_size((uint32_t)slots, (uint32_t)pages) + pages + swap_blocks / 8 + 16 * EXO_PAGE_SIZE;
}

// A budget's frames that are for pages on their way to the disk.
static uint64_t spares(uint64_t budget) {
    const uint64_t part = budget / SPARE_SHARE;
    return part < 2 ? 2 : part < TRANSFER_SPARES ? part : TRANSFER_SPARES;
}

void memory_divide(const struct memory_plan *plan) {
    const uint64_t spare = spares(plan->budget), slots = plan->budget - spare, frames = plan->budget + 1;
    memory = (struct memory){.policy = plan->policy, .slots = (uint32_t)slots, .zero_frame = (uint32_t)slots};
    if (plan->budget < BUDGET_LEAST || slots < plan->policy->minimum)
        machine_fail("%lu frames are too few: policy %s needs %lu, and programs %lu", plan->budget, plan->policy->name,
                     plan->policy->minimum + spare, BUDGET_LEAST);
    memory.page_count = (uint32_t)pages_for(slots, plan->swap_blocks);
    memory.private_most = (uint32_t)(plan->swap_blocks + slots - (slots / 2 < SWAP_KEPT ? slots / 2 : SWAP_KEPT));
    memory.page = need(machine_memory(memory.page_count * sizeof *memory.page), "the table of pages");
    memory.slot = need(machine_memory(slots * sizeof *memory.slot), "the table of slots");
    memory.dead = need(machine_memory(slots * sizeof *memory.dead), "the table of slots");
    memory.frame_number = need(machine_memory(frames * sizeof *memory.frame_number), "the table of frames");
    memory.policy_state =
        need(machine_memory(plan->policy->state_size((uint32_t)slots, memory.page_count)), "the policy's state");
    if (!swap_start(plan->swap_first, (uint32_t)plan->swap_blocks) || !objects_start((uint32_t)slots)
        || !supply_start(plan->leaves) || !once_start((uint32_t)slots))
        machine_fail("there is too little memory for the tables of swap space, files and leaves");
    memory.frames = need(machine_frames(frames, memory.frame_number), "the budget of frames");
    for (uint32_t slot = 0; slot < slots; slot++) memory.slot[slot] = (struct slot){NONE, slot};
    pages_start();
    vms_start();
    transfers_start(memory.zero_frame + 1, (uint32_t)spare);
    page_zero(frame_memory(memory.zero_frame));
    memory.view = slots_view(plan->seed);
    plan->policy->start(memory.policy_state, &memory.view);
    memory.count = (struct memory_statistics){};
}

void memory_filesystem(uint64_t first_block) {
    object_first_block = first_block;
}

struct memory_sizes memory_sizes(void) {
    struct memory_sizes sizes = {
        .frames = memory.slots,
        .frames_free = memory.slots - memory.used + memory.dead_count,
        .swap = swap_size(),
        .swap_free = swap_left(),
    };
    for (uint32_t slot = 0; slot < memory.used; slot++) {
        const struct page *page = &memory.page[memory.slot[slot].page];
        sizes.frames_cache += page->kind == PAGE_HELD && page->chunk->object->inode != nullptr;
    }
    return sizes;
}

void memory_report(void) {
    const struct memory_statistics *count = &memory.count;
    machine_report("{\"event\":\"memory\",\"job\":%lu,\"policy\":\"%s\",\"frames\":%u,\"faults\":%lu,\"misses\":%lu,"
                   "\"reads\":%lu,\"writes\":%lu,\"copied\":%lu,\"zeroed\":%lu,\"evictions\":%lu,\"forks\":%lu,"
                   "\"rescues\":%lu,\"peak\":%lu}",
                   start->job, memory.policy->name, memory.slots, count->faults, count->misses, count->reads,
                   count->writes, count->copied, count->zeroed, count->evictions, count->forks, count->rescues,
                   count->peak);
}
