// SPDX-License-Identifier: MIT
// Where functions lie, by what a program has for unwinding its stack: its section `.eh_frame` (System V ABI for AMD64,
// 4.2.4; Linux Standard Base, core, 10.6), which stripped programs have too. Pure: nothing in it is trusted.
#pragma once
#include "pe/types.h"

struct extent {
    uint64_t first, bytes;
};

// The next function at or behind *at in `section`, whose first byte has this address; *at is then behind it. False:
// there is none any more. The caller begins with 0. Entries of a form that compilers don't use are passed over.
bool extent_next(const uint8_t *section, uint64_t bytes, uint64_t address, uint64_t *at, struct extent *found);
