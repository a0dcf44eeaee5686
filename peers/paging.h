// SPDX-License-Identifier: MIT
// What is paged in, in which order, and how that is measured: the same for every system that is measured beside
// Bindery, and for Bindery itself (apps/bench_paging.c). Freestanding.
//
//   paging_shuffle(order);
//   struct paging_pass pass = paging_sweep(memory, order, PAGING_FILE_RANDOM);
//   if (pass.wrong != 0) …                       // a page did not hold what was put there
//
// A pass touches PAGING_PAGES pages once each: it reads a page's first and last word and compares both with what only
// this page holds. Instructions are counted by the markers around a pass and after every PAGING_STEP pages
// (peers/counter), time by the time-stamp counter. One compiler makes this code for all systems, so what differs is
// what is under it.
//
// The file has two parts. The first PAGING_PAGES pages are read in order. Of the rest, only one page in each group of
// PAGING_SPREAD is ever touched, in random order: there nothing is gained by reading a page's neighbours too, and the
// whole is larger than any of the machines' memory, so each system had better bring in what is asked for. Pages that
// are never touched need not hold anything.
#ifndef PEERS_PAGING_H
#define PEERS_PAGING_H
#include "peers/marker.h"
#include <stdint.h>

enum {
    PAGING_PAGES = 16384, // 64 MiB
    PAGING_SPREAD = 8,    // the second part of the file is 512 MiB
    PAGING_MEMORY = 8192, // pages of memory that swapping has
    PAGING_FAULTS = 256,  // single faults measured
    PAGING_STEP = 256,
    PAGING_WORDS = 4096 / sizeof(uint64_t),
};

// What is measured, by its number in markers. tools/peers/disk.py has the same list.
enum paging_op {
    PAGING_NOTHING, // two markers in a row
    PAGING_MAJOR_FAULT,
    PAGING_FILE_SEQUENTIAL,
    PAGING_FILE_RANDOM,
    PAGING_SWAP_SEQUENTIAL,
    PAGING_SWAP_RANDOM,
};

struct paging_pass {
    uint64_t ticks; // of the time-stamp counter
    uint64_t wrong; // pages that did not hold their number
};

// What the first and the last word of a page hold; another one for each page, and never 0.
static inline uint64_t paging_number(uint64_t page) {
    return (page + 1) * 0x9e3779b97f4a7c15u;
}

static inline void paging_fill(uint64_t *memory, uint64_t page) {
    memory[page * PAGING_WORDS] = memory[(page + 1) * PAGING_WORDS - 1] = paging_number(page);
}

__attribute__((always_inline)) static inline uint64_t paging_time(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

static inline void paging_in_order(uint32_t order[PAGING_PAGES]) {
    for (uint32_t i = 0; i < PAGING_PAGES; i++) order[i] = i;
}

// A random order, always the same (Fisher and Yates; Knuth's MMIX generator).
static inline void paging_shuffle(uint32_t order[PAGING_PAGES]) {
    uint64_t state = 1;
    paging_in_order(order);
    for (uint32_t left = PAGING_PAGES; left > 1; left--) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const uint32_t at = (uint32_t)((state >> 33) % left), page = order[at];
        order[at] = order[left - 1];
        order[left - 1] = page;
    }
}

// Makes of an order of groups one of pages: in each group another member.
static inline void paging_spread(uint32_t order[PAGING_PAGES]) {
    for (uint32_t i = 0; i < PAGING_PAGES; i++)
        order[i] = order[i] * PAGING_SPREAD + (uint32_t)(paging_number(order[i]) >> 61);
}

// Its first word is read first, which is the access that faults.
__attribute__((always_inline)) static inline uint64_t paging_is_wrong(const volatile uint64_t *memory, uint32_t page) {
    const volatile uint64_t *words = memory + (uint64_t)page * PAGING_WORDS;
    return words[0] != paging_number(page) || words[PAGING_WORDS - 1] != paging_number(page);
}

// Touches all pages of an order. `op` must be a constant.
__attribute__((always_inline)) static inline struct paging_pass
paging_sweep(const uint64_t *memory, const uint32_t order[PAGING_PAGES], const enum paging_op op) {
    uint64_t wrong = 0;
    MARKER(MARKER_BEGIN | op);
    const uint64_t before = paging_time();
    for (unsigned i = 0; i < PAGING_PAGES; i += PAGING_STEP) {
        for (unsigned j = i; j < i + PAGING_STEP; j++) wrong += paging_is_wrong(memory, order[j]);
        MARKER(MARKER_STEP | op);
    }
    const uint64_t after = paging_time();
    MARKER(MARKER_END | op);
    return (struct paging_pass){after - before, wrong};
}

// Single faults: the first PAGING_FAULTS pages of an order, each between markers of its own.
static inline struct paging_pass paging_faults(const volatile uint64_t *memory, const uint32_t order[PAGING_PAGES]) {
    struct paging_pass pass = {0, 0};
    for (unsigned i = 0; i < PAGING_FAULTS; i++) {
        const volatile uint64_t *word = memory + (uint64_t)order[i] * PAGING_WORDS;
        const uint64_t before = paging_time();
        MARKER(MARKER_BEGIN | PAGING_MAJOR_FAULT);
        (void)*word;
        MARKER(MARKER_END | PAGING_MAJOR_FAULT);
        pass.ticks += paging_time() - before;
        pass.wrong += paging_is_wrong(memory, order[i]);
    }
    return pass;
}

static inline void paging_nothing(void) {
    for (unsigned i = 0; i < PAGING_STEP; i++) {
        MARKER(MARKER_BEGIN | PAGING_NOTHING);
        MARKER(MARKER_END | PAGING_NOTHING);
    }
}

#endif
