// SPDX-License-Identifier: MIT
// Gates: the deadline of a caller that gets no reply.
#include "tests/unit/kernel_gate.h"

TestSuite(kernel_gate_late, .init = begin, .fini = world_end);

constexpr uint64_t SLICE = 5'000'000; // ticks are nanoseconds here

static void deadline_of(const struct other *other, uint64_t slices) {
    pe_page(other->pe)->call_deadline = arch_ticks() + slices * SLICE;
}

static void expect_late(const struct other *other) {
    cr_expect_eq(other->pe->state, EXO_PE_READY);
    cr_expect_eq(other->pe->context.rax, EXO_LATE);
    EXPECT_BOOKS();
}

Test(kernel_gate_late, a_caller_goes_on_in_its_first_slice_after_its_deadline) {
    host_tick();
    cr_assert_eq(host_current(), a.pe);
    deadline_of(&a, 4);
    MUST(host_gate_call(a.pe, to_b));
    host_tick(); // 1: the first PE's
    host_tick(); // 2: a's
    cr_expect_eq(host_current(), b.pe);
    host_tick();
    host_tick(); // 4
    cr_expect_eq(host_current(), a.pe);
    expect_late(&a);
    cr_expect_null(b.pe->caller);
    EXPECT(BUSY, host_gate_call(a.pe, to_b)); // the callee is not at rest
    MUST(host_pe_yield(first, b.handle));
    MUST(host_gate_reply(b.pe)); // it reaches nobody
    cr_expect_eq(a.pe->context.rax, EXO_LATE);
    cr_expect_eq(b.pe->state, EXO_PE_RESTING);
}

Test(kernel_gate_late, no_deadline_is_none) {
    host_tick();
    pe_page(a.pe)->call_deadline = 0;
    MUST(host_gate_call(a.pe, to_b));
    for (unsigned i = 0; i < 100; i++) host_tick();
    cr_expect_eq(a.pe->state, EXO_PE_CALLING);
}

Test(kernel_gate_late, a_reply_in_time_is_no_error) {
    host_tick();
    deadline_of(&a, 3);
    MUST(host_gate_call(a.pe, to_b));
    MUST(host_gate_reply(b.pe));
    cr_expect_eq(a.pe->context.rax, EXO_OK);
    for (unsigned i = 0; i < 10; i++) host_tick();
    cr_expect_eq(a.pe->context.rax, EXO_OK);
}

Test(kernel_gate_late, in_a_chain_of_calls_the_one_that_is_late_goes_on) {
    const exo_handle to_c = gate_between(&b, &c, 2, EXO_EXECUTE);
    host_tick();
    MUST(host_gate_call(a.pe, to_b));
    deadline_of(&b, 1);
    MUST(host_gate_call(b.pe, to_c));
    host_tick();
    host_tick();
    cr_expect_eq(host_current(), b.pe);
    expect_late(&b);
    cr_expect_eq(a.pe->state, EXO_PE_CALLING);
    cr_expect_null(c.pe->caller);
    MUST(host_gate_reply(b.pe));
    cr_expect_eq(a.pe->context.rax, EXO_OK);
}

Test(kernel_gate_late, the_outermost_caller_that_is_late_goes_on_first) {
    const exo_handle to_c = gate_between(&b, &c, 2, EXO_EXECUTE);
    host_tick();
    deadline_of(&a, 1);
    MUST(host_gate_call(a.pe, to_b));
    deadline_of(&b, 1);
    MUST(host_gate_call(b.pe, to_c));
    host_tick();
    host_tick();
    expect_late(&a);
    cr_expect_eq(b.pe->state, EXO_PE_CALLING); // it has no slice any more in which it could go on
}

Test(kernel_gate_late, comes_also_when_everybody_waits) {
    host_tick();
    deadline_of(&a, 10);
    MUST(host_gate_call(a.pe, to_b));
    pe_page(first)->mask = ~0ull;
    MUST(host_pe_wait(b.pe));
    MUST(host_pe_wait(first));
    cr_assert_null(host_current());
    unsigned ticks = 0;
    while (host_current() == nullptr && ticks < 20) cr_expect_neq((ticks++, host_tick(), host_deadline()), 0);
    cr_expect_eq(host_current(), a.pe);
    cr_expect_leq(ticks, 11);
    expect_late(&a);
}

Test(kernel_gate_late, without_one_nobody_wakes_an_idle_cpu) {
    host_tick();
    MUST(host_gate_call(a.pe, to_b));
    pe_page(first)->mask = ~0ull;
    MUST(host_pe_wait(b.pe));
    MUST(host_pe_wait(first));
    cr_assert_null(host_current());
    host_tick();
    cr_expect_eq(host_deadline(), 0);
}

Test(kernel_gate_late, a_caller_without_slices_goes_on_when_somebody_yields_to_it) {
    MUST(host_slice_set(first, SLICES, 1, EXO_NO_HANDLE));
    MUST(host_pe_yield(first, a.handle));
    deadline_of(&a, 2);
    MUST(host_gate_call(a.pe, to_b));
    host_tick();
    cr_assert_eq(host_current(), first);
    EXPECT(STATE, host_pe_yield(first, a.handle));
    host_tick();
    EXPECT(OK, host_pe_yield(first, a.handle));
    cr_expect_eq(host_current(), a.pe);
    expect_late(&a);
}

Test(kernel_gate_late, one_that_is_long_past_ends_each_call_with_the_callees_slice) {
    pe_page(a.pe)->call_deadline = 1;
    for (unsigned round = 0; round < 3; round++) {
        while (host_current() != a.pe) host_tick();
        MUST(host_gate_call(a.pe, to_b));
        cr_expect_eq(host_current(), b.pe); // for the rest of this slice
        host_tick();
        host_tick();
        expect_late(&a);
        MUST(host_pe_yield(first, b.handle));
        rest(&b);
    }
}
