// SPDX-License-Identifier: MIT
// Uses after the load. `touched` is called for every reference, the one that faulted included; policies that promote
// or count a page when it is used *again* leave that one out.
//
//   inserted: s->loaded = slot;      touched: if (!used_again(&s->loaded, slot)) return;
#pragma once
#include "libos/pager/policy.h"

// Is this reference more than the access that loaded the page? `loaded` is the slot whose load has not been followed by
// its own access yet, or POLICY_NONE.
static inline bool used_again(uint32_t *loaded, uint32_t slot) {
    const bool again = slot != *loaded;
    *loaded = POLICY_NONE;
    return again;
}
