// SPDX-License-Identifier: MIT
// Faults of one instruction that has not got through yet. An instruction may need several pages at once, and is
// restarted from its beginning after each fault; so it gets through only when all of them are in memory together. A
// policy that takes the page just brought in (LIFO does, others may) would let it fault for ever.
//
// An instruction that faults again at the same place with the same registers has not got through. Registers that the
// handler does not see may have changed, so a few rounds are let pass before anything is done about it.
#pragma once
#include "pe/pe.h"

// Takes a fault, real or soft, into account. Returns how often the streak that it belongs to has had a fault at the
// same address: 1 for the first.
unsigned streak_follow(const struct exo_exception *exception);

// Whether the present streak has had a fault in the page that begins at `address`.
bool streak_holds(exo_vaddr address);

constexpr unsigned STREAK_PAGES = 16;   // that one instruction may need; more are forgotten, oldest first
constexpr unsigned STREAK_PATIENCE = 8; // faults at one address before the policy's choice is set aside
