// SPDX-License-Identifier: MIT
// What unix's parts need of one another.
#pragma once
#include "libos/core/map.h"
#include "libos/core/upcall.h"
#include "libos/pager/policy.h"

constexpr uint64_t REGIONS_FIRST = 0x3000'0000;
constexpr uint64_t HEAP_MOST_PAGES = (REGIONS_FIRST - MAP_HEAP) / EXO_PAGE_SIZE;

struct swap_space {
    uint64_t block, blocks;
};

struct swap_space swap_take(uint64_t pages); // up to `pages` blocks of swap space, for good; blocks 0: none left
const struct policy *memory_policy(void);    // of the argument `policy`
uint64_t memory_budget(uint64_t pages, const struct policy *policy); // frames for a region

void memory_leave(void); // the pager's statistics; called once, before the PE ends
void region_leave(void); // what region.c knows for them

void unix_syscall(struct upcall_syscall *call); // serves a foreign system call
