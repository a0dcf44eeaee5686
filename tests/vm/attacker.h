// SPDX-License-Identifier: MIT
// A child that makes random calls: every number, arguments of which most make sense, flags and stack pointers that
// make none. What it draws depends on its seed alone.
//
// It runs isolated, so all it can write are its stack, its PE page, and what it comes to map. It keeps its place in the
// page's resume_rip, and notes there which calls have succeeded (attacker_succeeded).
#pragma once
#include "tests/vm/child.h"

constexpr unsigned ATTACKERS = 3, ATTACKER_HANDLES = 16, ATTACKER_AIMS = 8;

// What it is told, in a page that it can read at its argument.
struct attacker_order {
    uint64_t seed;
    exo_handle handles[ATTACKER_HANDLES];      // 0: none
    exo_handle frames, tables, rings;          // of them, those of `region`, of its tables, of its ring,
    exo_handle blocks, slices, pes[ATTACKERS]; // of its blocks of the disk, its positions, and all attackers
    exo_frame region, root;
    uint64_t region_count;
    exo_frame aims[ATTACKER_AIMS]; // of others: what it should not reach
    exo_frame ring;                // mapped at ATTACKER_RING
};
constexpr uint64_t ATTACKER_ORDER = 0x10'0000, ATTACKER_RING = 0x10'1000;

// The child's code; its argument is ATTACKER_ORDER.
uint64_t attacks(uint64_t order);

// A bit for each number of a call that has succeeded.
static inline uint64_t attacker_succeeded(const struct child *child) {
    return child->page->interrupt_resume_rip;
}
