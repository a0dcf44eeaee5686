// SPDX-License-Identifier: MIT
// What unix's parts need of one another.
#pragma once
#include "libos/core/map.h"
#include "libos/core/upcall.h"
#include "libos/pager/pager.h"

constexpr uint64_t REGIONS_FIRST = MAP_BASE + 0x3000'0000;
constexpr uint64_t HEAP_MOST_PAGES = (REGIONS_FIRST - MAP_HEAP) / EXO_PAGE_SIZE;

struct swap_space {
    uint64_t block, blocks;
};

struct swap_space swap_take(uint64_t pages); // up to `pages` blocks of swap space, for good; blocks 0: none left
const struct policy *memory_policy(void);    // of the argument `policy`

// Fills in what the start arguments say of every region: policy, frames, seed, recording, read-ahead and clusters.
// Name, place and pages are set already, as the frames it gives depend on them.
void memory_options(struct pager_options *options);

void memory_leave(void); // the pager's statistics; called once, before the PE ends
void region_leave(void); // what region.c knows for them

void unix_syscall(struct upcall_syscall *call); // serves a foreign system call
