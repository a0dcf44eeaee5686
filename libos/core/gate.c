// SPDX-License-Identifier: MIT
// The C side of gate.S.
#include "libos/core/gate.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"

static_assert(offsetof(struct gate_message, number) == 8 && offsetof(struct gate_message, words) == 16);
static_assert(sizeof(struct gate_message) == 16 + 8 * 11); // as gate.S lays it out

enum exo_error gate_trap(exo_handle gate, struct gate_message *message);
void entry_gate(void);

enum exo_error gate_call(exo_handle gate, struct gate_message *message) {
    const uint64_t held = events_hold(); // the kernel brings none when the call comes back, so they are looked for
    const enum exo_error error = gate_trap(gate, message);
    events_release(held);
    return error;
}

enum exo_error gate_send(exo_handle gate, const struct gate_message *message) {
    struct gate_message nowhere = *message; // what its words are behind the call is undefined
    return gate_call(exo_one_way(gate), &nowhere);
}

void gate_serve(void) {
    if (pe_on_gate == nullptr) pe_fail("gate_serve, and there is no pe_on_gate");
    const exo_vaddr entry = {(uint64_t)entry_gate};
    const exo_vaddr stack = {(uint64_t)__builtin_frame_address(0) & ~15ull};
    if (exo_pe_set_entry(EXO_NO_HANDLE, EXO_UPCALL_gate, entry, stack).error != EXO_OK) __builtin_trap();
    (void)exo_gate_rest();
    __builtin_trap();
}
