// SPDX-License-Identifier: MIT
// Call sites of a function that can be rewritten: `mov $number, %eax; syscall`, side by side.
//
// A site is found by decoding a function from its first instruction as long as one instruction falls through to the
// next: behind a jump, a call, a return, or an instruction that is not known here, nothing is looked at. So what is
// found are instructions, if the function begins where its symbol says and a conditional jump may go both ways.
#pragma once
#include "pe/types.h"

constexpr unsigned SITE_BYTES = 7; // mov 5, syscall 2
constexpr unsigned SITE_MOVE = 5;

// The bytes of an instruction that falls through to the next; 0: it does not, or is not known, or `room` is too small.
unsigned site_length(const uint8_t *code, uint64_t room);

// The first site at or behind *at in the `bytes` of a function; *at is then behind it. False: there is none any more.
// The caller begins with 0 and leaves *at alone.
struct site {
    uint64_t at; // of the mov
    uint32_t number;
};
bool site_next(const uint8_t *code, uint64_t bytes, uint64_t *at, struct site *found);
