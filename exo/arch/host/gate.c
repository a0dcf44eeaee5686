// SPDX-License-Identifier: MIT
// The short path of gates, as arch/x86_64/gate.S has it. There are no registers here, so no message but for the two
// words of the kernel's; the contexts say where caller and callee would go on.
#include "exo/arch/host/machine.h"
#include "exo/call.h"

struct exo_result short_path_gate_call(exo_handle handle) {
    const struct sb_found gate = gate_find(handle);
    if (gate.error != EXO_OK) return (struct exo_result){gate.error, 0};
    struct pe *caller = arch_current(), *callee = gate_callee(gate.binding);
    if (handle.raw & EXO_ONE_WAY) {
        caller->state = EXO_PE_CALLING;
        caller->calling = (uint64_t)((uint8_t *)gate.binding - (uint8_t *)caller->bindings.bindings);
        callee->caller = caller;
    } else {
        caller->context.rax = EXO_OK;
        caller->context.rflags = 0x202;
    }
    callee->state = EXO_PE_READY;
    gate_wake(callee);
    callee->context.rdi = caller->id;
    callee->context.rax = gate.binding->first;
    arch_cpu()->current = callee;
    return done(0);
}

struct exo_result short_path_gate_reply(void) {
    struct pe *callee = arch_current(), *caller = callee->caller;
    if (caller == nullptr) return call_gate_reply();
    gate_wake(callee);
    if ((pe_page(callee)->pending & ~pe_page(callee)->mask) == 0) callee->state = EXO_PE_RESTING;
    callee->caller = nullptr;
    caller->state = EXO_PE_READY;
    caller->context.rax = EXO_OK;
    arch_cpu()->current = caller;
    return done(0);
}
