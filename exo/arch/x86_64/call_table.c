// SPDX-License-Identifier: MIT
// The handlers for entry.S, last number first, because rax is negative there. Calls that may switch go through a stub
// there that saves the caller first; the reply through a gate begins in gate.S. Numbers that are none yet are refused.
#include "exo/call.h"

void gate_reply(void); // gate.S
static struct exo_result call_none(void) {
    return (struct exo_result){EXO_CALL, 0};
}

#define CALL(number, name, ...)
#define CALL_SWITCHING(number, name, ...) void switching_##name(void);
#define CALL_MESSAGE(...)
#include "pe/calls.def"
#undef CALL

#define HANDLER(number, handler) [EXO_CALLS - 1 - number] = (const void *)handler,
#define CALL(number, name, ...) HANDLER(number, call_##name)
#define CALL_SWITCHING(number, name, ...) HANDLER(number, switching_##name)
#define CALL_MESSAGE(number, name, ...) HANDLER(number, MESSAGE_##name)
#define MESSAGE_gate_reply gate_reply
#define MESSAGE_gate_call call_gate_call // what gate.S has refused
extern const void *const call_table[EXO_CALLS];
#pragma clang diagnostic ignored "-Winitializer-overrides"
const void *const call_table[EXO_CALLS] = {
    [0 ... EXO_CALLS - 1] = (const void *)call_none,
#include "pe/calls.def"
};
