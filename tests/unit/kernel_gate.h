// SPDX-License-Identifier: MIT
// What the tests of gates share: three PEs, of which a may call b through a gate with the number 7.
#pragma once
#include "tests/unit/kernel_world.h"

static struct other a, b, c;
static exo_handle to_b; // a's gate into b, number 7

constexpr exo_vaddr ENTRY = {0x7000}, STACK = {0x8000};
constexpr uint64_t EVERY_EVENT = ~0ull;

// A gate into `to`, in the table of `from`.
static inline exo_handle gate_between(const struct other *from, const struct other *to, uint64_t number,
                                      uint64_t rights) {
    const exo_handle made = {MUST(host_gate_make(first, to->handle, number, 1))};
    return (exo_handle){MUST(host_binding_grant(first, made, from->handle, number, 1, rights))};
}

// b begins at its gate entry, with who has called it and the gate's number.
static inline void expect_b_entered(void) {
    cr_expect_eq(host_current(), b.pe);
    cr_expect_eq(b.pe->context.rip, ENTRY.raw);
    cr_expect_eq(b.pe->context.rsp, STACK.raw);
    cr_expect_eq(b.pe->context.rdi, a.pe->id);
    cr_expect_eq(b.pe->context.rax, 7);
}

static inline void rest(const struct other *other) {
    pe_page(other->pe)->pending = 0;
    MUST(host_gate_reply(other->pe));
    cr_assert_eq(other->pe->state, EXO_PE_RESTING);
}

static struct other server(void) {
    const struct other other = make_other((exo_frame){0}, 0, 0);
    MUST(host_pe_set_entry(first, other.handle, EXO_UPCALL_gate, ENTRY, STACK));
    pe_page(other.pe)->mask = EVERY_EVENT;
    return other;
}

// Positions: 0 the first PE, 1 a. b and c rest, and have no slices.
static inline void begin(void) {
    world_begin();
    a = server();
    b = server();
    c = server();
    MUST(host_slice_set(first, SLICES, 1, a.handle));
    to_b = gate_between(&a, &b, 7, EXO_EXECUTE | EXO_WRITE);
    rest(&b);
    rest(&c);
}
