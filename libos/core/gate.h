// SPDX-License-Identifier: MIT
// Calls through gates (pe/gate.h) from C: eleven words go over in registers and come back.
//
//   void pe_on_gate(struct gate_message *message) {     // the server: define this, the linker finds it
//       message->words[0] = lookup(message->caller, message->words[0]);
//   }                                                   // returning replies
//   …
//   gate_serve();                                       // its main ends here
//
//   struct gate_message message = {.words = {key}};     // the client
//   if (gate_call(gate, &message) == EXO_OK) use(message.words[0]);
//
//   gate_send(gate, &message);                          // or, if it wants no reply
//
// pe_on_gate runs on the stack of whoever called gate_serve, one call at a time. It may fault, make calls, take events
// and use vector registers. What it leaves in those is wiped before the reply, else one client could read there what
// belongs to another; a client's own are left as they are, so it tells the server what they hold. x87 registers are not
// wiped.
#pragma once
#include "pe/gate.h"

constexpr unsigned GATE_WORDS = 11; // in rsi rdx r8 r9 r10 rbx rbp r12 r13 r14 r15

struct gate_message {
    uint64_t caller; // the server sees: the caller's id …
    uint64_t number; // … and the gate's number. Not used in a call and a reply
    uint64_t words[GATE_WORDS];
};

// Calls, and takes the reply's words. Errors: those of gate_call; the words are then unchanged. Handlers of events that
// came meanwhile run before it returns, unless events are held.
enum exo_error gate_call(exo_handle gate, struct gate_message *message);

// The same one way: the server has the words, and nothing comes back. Returns when a slice of this PE's begins.
enum exo_error gate_send(exo_handle gate, const struct gate_message *message);

// Serves calls for ever, through gates that others have made or that exo_gate_make makes.
[[noreturn]] void gate_serve(void);

// A call has come. There is no default.
[[gnu::weak]] void pe_on_gate(struct gate_message *message);
