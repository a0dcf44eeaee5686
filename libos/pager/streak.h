// SPDX-License-Identifier: MIT
// The instruction in progress: the one that faults, until another one does. An instruction may need several pages at
// once (an operand that lies across two pages, several operands in memory) and is begun again after each fault, so it
// gets through only when all of them are in memory together.
//
// A fault is one more of the same instruction if it comes from the same place with the same registers: its operands
// are then at the same addresses, and nothing else has faulted in between. Pages that such faults have brought in are
// not taken for its further ones, whatever the policy wants; else MRU, which takes the page used last, would let an
// instruction with two pages fault for ever. The simulator does the same with the pages that a trace joins
// (sim/group.c).
#pragma once
#include "pe/pe.h"

// Takes a fault into account. Absent: its page is not in memory; if this instruction had brought it in before, it has
// got through meanwhile, and this is its next time. Returns the number of the instruction in progress, which none
// before it had; never 0.
uint64_t streak_follow(const struct exo_exception *exception, bool absent);

// A fault of the instruction has brought in the page that begins at `address`; whether one has.
void streak_brought(exo_vaddr address);
bool streak_needs(exo_vaddr address);

constexpr unsigned STREAK_PAGES = 16; // that one instruction may need

// Ends the PE: the instruction in progress needs more than STREAK_PAGES.
[[noreturn]] void streak_too_long(void);
