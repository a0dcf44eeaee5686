// SPDX-License-Identifier: MIT
// The handlers for entry.S, last number first, because rax is negative there. Calls that may switch go through a stub
// there that saves the caller first.
#include "exo/call.h"

#define CALL(number, name, ...)
#define CALL_SWITCHING(number, name, ...) void switching_##name(void);
#include "pe/calls.def"
#undef CALL

#define CALL(number, name, ...) [EXO_CALLS - 1 - number] = (const void *)call_##name,
#define CALL_SWITCHING(number, name, ...) [EXO_CALLS - 1 - number] = (const void *)switching_##name,
extern const void *const call_table[EXO_CALLS];
const void *const call_table[EXO_CALLS] = {
#include "pe/calls.def"
};
