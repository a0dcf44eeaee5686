// SPDX-License-Identifier: MIT
// System calls of a function, and which can be rewritten: all but that which returns from a signal's handler.
//
// A function is decoded from its first instruction on, along what falls through and to where direct jumps lead inside
// of it. A path ends at a return, an indirect jump, an instruction that is not known here. So what is found are
// instructions, if the function begins where it is said, a conditional jump may go both ways, and calls return to code.
// Pure: nothing outside of the `bytes` is read, whatever is in them.
#pragma once
#include "pe/types.h"

constexpr unsigned SITE_BYTES = 2; // of the instruction
constexpr unsigned MOVE_BYTES = 5; // of `mov $number, %eax`, and of other registers

// The bytes of an instruction that falls through to the next; 0: it does not, or is not known, or `room` is too small.
unsigned site_length(const uint8_t *code, uint64_t room);

// Marks each of the `bytes` at which an instruction begins that can be reached; the others are 0.
void sites_reach(const uint8_t *code, uint64_t bytes, uint8_t *reached);

// The first system call at or behind *at; *at is then behind it. False: there is none any more. The caller begins with
// 0 and leaves *at alone.
struct site {
    uint64_t instruction;
    bool rewritable;
    bool moves; // a mov of MOVE_BYTES stands directly before it, and no other instruction that is reached begins in it
};
bool site_next(const uint8_t *code, uint64_t bytes, const uint8_t *reached, uint64_t *at, struct site *found);
