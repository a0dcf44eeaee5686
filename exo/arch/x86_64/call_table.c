// SPDX-License-Identifier: MIT
// The handlers by number, for entry.S. Calls that may switch go through a stub there that saves the caller first.
#include "exo/call.h"

#define CALL(number, name, ...)
#define CALL_SWITCHING(number, name, ...) void switching_##name(void);
#include "pe/calls.def"
#undef CALL

#define CALL(number, name, ...) [number] = (const void *)call_##name,
#define CALL_SWITCHING(number, name, ...) [number] = (const void *)switching_##name,
extern const void *const call_table[EXO_CALLS];
const void *const call_table[EXO_CALLS] = {
#include "pe/calls.def"
};
