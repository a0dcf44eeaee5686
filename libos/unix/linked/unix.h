// SPDX-License-Identifier: MIT
// What unix's parts need of one another.
#pragma once
#include "libos/core/map.h"
#include "libos/core/upcall.h"
#include "libos/pager/pager.h"
#include "libos/unix/linked/assign.h"

constexpr uint64_t REGIONS_FIRST = MAP_BASE + 0x3000'0000;
constexpr uint64_t HEAP_MOST_PAGES = (REGIONS_FIRST - MAP_HEAP) / EXO_PAGE_SIZE;

struct swap_space {
    uint64_t block, blocks;
};

struct swap_space swap_take(uint64_t pages); // up to `pages` blocks of swap space, for good; blocks 0: none left
void *memory_place(uint64_t pages);          // a range of addresses for a region, for good; null: no room

const struct assignment *memory_assignment(void); // of the arguments `policy` and `frames`; wrong ones end the PE
struct assigned *memory_assigned(const char *region);

// Fills in what the start arguments say of a region: policy, frames, seed, recording, read-ahead and clusters. Name,
// place and pages are set already, as the frames it gives depend on them.
void memory_options(struct pager_options *options, const struct assigned *assigned);

// Pages of the heap's region that malloc and sbrk leave to declared regions. Attaches it.
struct memory_range {
    char *first;
    uint64_t pages;
};
struct memory_range memory_beyond_heap(void);

uint64_t declare_room(void); // pages that the heap's region has for declared regions; 0: the application has none
void declare_leave(void);    // says which names of the map were no region's

void memory_leave(void); // the pager's statistics; called once, before the PE ends
void region_leave(void); // what region.c knows for them

void unix_syscall(struct upcall_syscall *call); // serves a foreign system call
