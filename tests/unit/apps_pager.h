// SPDX-License-Identifier: MIT
// A pager on Linux for testing applications: FIFO, a few frames, real page faults (SIGSEGV), contents kept elsewhere
// while a page is out, and faults of its own on request. Applications built with -Dmalloc=paged_malloc live in it.
//
//   apps_pager_start(16, APPS_PAGER_LOSES, 100);     // at the 100th reload of a page, hand out an empty one
//   status = matmul_main(3, (char *[]){"matmul", "n=64", "block=16", nullptr});
//   apps_pager_statistics.faults …
#pragma once
#include <stddef.h>
#include <stdint.h>

enum apps_pager_defect {
    APPS_PAGER_SOUND,
    APPS_PAGER_LOSES,    // hands out a page of zeros
    APPS_PAGER_MIXES_UP, // hands out another page's contents
    APPS_PAGER_FORGETS,  // the write-back that should have kept this page did not happen
    APPS_PAGER_TEARS,    // only the first half of the page is right
    APPS_PAGER_FLIPS,    // one bit of the page is wrong
    APPS_PAGER_DEFECTS,
};

// The contents that a page begins with; null for zeros.
typedef void apps_pager_initial(uint64_t page, uint64_t words[512]);

// Starts paging malloc's memory with that many frames; `defect` strikes once, at the first reload from the nth on (1
// is the first) of a page for which it makes a difference. Once per process (Criterion gives each test its own).
void apps_pager_start(unsigned frames, enum apps_pager_defect defect, uint64_t nth);

struct apps_pager_statistics {
    uint64_t faults, writebacks,
        reloads;     // reloads: of pages that had been written back, or had contents from the start
    uint64_t pages;  // different ones touched
    uint64_t struck; // times the defect did its harm
};
extern struct apps_pager_statistics apps_pager_statistics;

void *paged_malloc(size_t bytes);
void paged_free(void *memory);
void *region_open(uint64_t pages, apps_pager_initial *initial);
