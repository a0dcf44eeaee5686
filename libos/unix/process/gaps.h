// SPDX-License-Identifier: MIT
// Functions of a program in the order of their addresses, and the gaps between them: bytes that only fill up to where
// the next one begins, and that nothing reaches. Pure.
#pragma once
#include "pe/types.h"

struct function {
    uint64_t first;
    uint32_t bytes;    // 0: not known
    uint8_t gap, used; // bytes of the gap behind it that can be used, and that are
    bool entered : 1;  // code begins here, and not only something
    bool looked : 1;   // `gap` is known
    bool covered : 1;  // one that begins before ends behind its end
};

constexpr unsigned GAP_MOST = 63, GAP_LEAST = 5;

// Puts them in order, and one of those that begin at the same address, the longest, in the place of all. One whose
// length is not known ends, at the latest, where the next begins. The new count.
unsigned functions_order(struct function *list, unsigned count);

// The bytes from a function's end to where the next one begins. 0: it overlaps with another, or reaches to it, or there
// is no next one.
uint64_t gap_behind(const struct function *list, unsigned count, unsigned index);

// Of code whose instructions sites_reach (sites.h) has found: is what follows the first `bytes` reached by no way that
// leads through them? They end with an instruction that goes elsewhere; at a function's end also with a call, which
// then does not return.
bool gap_is_closed(const uint8_t *code, uint64_t bytes, const uint8_t *reached, bool function_end);

// The first gap inside of a function with room for a jump of five bytes: what fills up from an instruction that goes
// elsewhere, and begins in [from, to), to one that is reached. `bytes`: there is none.
uint64_t gap_inside(const uint8_t *code, uint64_t bytes, const uint8_t *reached, uint64_t from, uint64_t to);

// Are these bytes nothing but what assemblers and linkers fill up with: int3, and instructions that do nothing?
bool gap_is_filler(const uint8_t *gap, uint64_t bytes);
