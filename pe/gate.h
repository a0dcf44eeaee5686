// SPDX-License-Identifier: MIT
// Gates: protected control transfer from one PE into another.
//
// A call (gate_call) enters the PE that the gate leads into at its `gate` entry, in its own address space and on the
// entry's stack. The registers are the message. A reply (gate_reply) goes back in the same way.
//
//   register                    as the callee finds it           as the caller finds it again
//   rax                         the gate's number                EXO_OK from a reply, or the kernel's error
//   rdi                         the caller's id, never 0         from the callee's reply
//   rbx rbp rdx rsi r8-r10      the caller's                     from the callee's reply
//   r12-r15, xmm, x87, MXCSR    the caller's                     from the callee's reply
//   base of GS, selectors       the caller's                     from the callee's reply
//   rsp, base of FS             the entry's; the callee's own    its own
//   rcx, r11, flags             changed                          changed
//
// So both sides save what they want to keep, and set the control words of x87 and SSE before they rely on them. After
// an error no message has been delivered, and none has come back: the registers are the caller's own, as after any
// call; but after BROKEN or LATE it has been delivered, and they are undefined.
//
// The callee must be at rest: it has no context then, and begins at its gate entry when it is called, or, with rdi 0,
// when an event is pending and not masked. The first reply, to nobody, brings a PE to rest. It serves one call at a
// time; who else calls gets BUSY. Its caller's slices are its own until it replies (and those of its caller's caller).
// Events that come to the caller meanwhile stay pending; look at them after the call, as after a fault.
//
// While the callee does not reply, the caller's slices go to it. Who does not trust it puts a deadline into the PE page
// before the call: `call_deadline`, a value of the time-stamp counter. From then on, as soon as a slice of the caller's
// begins, or somebody yields to the caller, it goes on with LATE; the callee loses the slices, and its reply reaches
// nobody. (So who serves strangers holds a slice of its own, to come to an end of what it was called for.) The deadline
// stands until the library OS takes it away, for every call that the PE makes; 0 is none. Behind 64 calls in calls, no
// deadline is looked at. Others can break a call off, too, and the caller goes on with BROKEN: whoever revokes the
// gate's source, or destroys the callee.
//
// A one-way call wants no reply: gate_call with exo_one_way(gate) instead of the gate. The callee is entered in the
// same way, and can't tell; but it gets the rest of this slice only, and its reply, which goes nowhere, brings it to
// rest. The caller stays ready. In its next slice it goes on behind the call with OK, and keeps what a reply would
// leave it: rsp and the base of FS; what else is in registers is undefined. A callee that needs longer than the slice
// goes on in slices of its own; without any it is BUSY to everybody until somebody yields to it.
//
// A message of four words can also be posted (gate_post) into the PE page, whatever its PE does: nobody is entered, and
// the poster goes on at once.
#pragma once
#include "pe/pe.h"
#include "pe/stubs.h"

// What gate_call takes for a one-way call through a gate.
static inline exo_handle exo_one_way(exo_handle gate) {
    return (exo_handle){gate.raw & ~EXO_ONE_WAY};
}

// Brings the PE to rest for the first time. Returns only if it can't: STATE, there is no gate entry.
static inline enum exo_error exo_gate_rest(void) {
    enum exo_error error;
    __asm__ volatile("syscall"
                     : "=a"(error)
                     : "0"(~(uint64_t)EXO_CALL_gate_reply)
                     : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
    return error;
}
