// SPDX-License-Identifier: MIT
// Gates: calls that want no reply.
#include "tests/unit/kernel_gate.h"
#include "pe/gate.h"

TestSuite(kernel_gate_one_way, .init = begin, .fini = world_end);

Test(kernel_gate_one_way, enters_the_callee_as_a_call_does_and_leaves_the_caller_ready) {
    MUST(host_gate_call(a.pe, exo_one_way(to_b)));
    expect_b_entered();
    cr_expect_eq(a.pe->state, EXO_PE_READY);
    cr_expect_eq(a.pe->context.rax, EXO_OK);
    cr_expect_null(b.pe->caller);
    EXPECT_BOOKS();
    EXPECT(BUSY, host_gate_call(first, (exo_handle){MUST(host_gate_make(first, b.handle, 1, 1))}));
}

Test(kernel_gate_one_way, has_a_reply_that_reaches_nobody) {
    MUST(host_gate_call(a.pe, exo_one_way(to_b)));
    a.pe->context.rax = 99;
    MUST(host_gate_reply(b.pe));
    cr_expect_eq(b.pe->state, EXO_PE_RESTING);
    cr_expect_eq(a.pe->context.rax, 99);
    MUST(host_gate_call(a.pe, exo_one_way(to_b))); // and again
    cr_expect_eq(host_current(), b.pe);
}

Test(kernel_gate_one_way, gives_the_rest_of_the_slice_and_no_other) {
    host_tick();
    cr_assert_eq(host_current(), a.pe);
    MUST(host_gate_call(a.pe, exo_one_way(to_b)));
    host_tick();
    cr_expect_eq(host_current(), first);
    host_tick();
    cr_expect_eq(host_current(), a.pe);
    cr_expect_eq(b.pe->state, EXO_PE_READY); // it goes on when somebody gives it time
    MUST(host_pe_yield(first, b.handle));
    cr_expect_eq(host_current(), b.pe);
}

Test(kernel_gate_one_way, is_paid_for_by_the_slices_holder) {
    MUST(host_pe_set_entry(first, b.handle, EXO_UPCALL_interrupt, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    host_tick();
    MUST(host_gate_call(a.pe, exo_one_way(to_b)));
    pe_page(b.pe)->mask = 0;
    host_tick();
    cr_assert(arch_cpu()->grace);
    host_tick();
    cr_expect_eq(b.pe->excess, 0);
    cr_expect_eq(a.pe->excess, 1);
}

Test(kernel_gate_one_way, is_refused_as_a_call_is) {
    EXPECT(RIGHTS, host_gate_call(a.pe, exo_one_way(gate_between(&a, &b, 1, EXO_WRITE))));
    EXPECT(KIND, host_gate_call(first, exo_one_way(FRAMES)));
    EXPECT(HANDLE, host_gate_call(a.pe, exo_one_way((exo_handle){to_b.raw + 2 * EXO_ONE_WAY})));
    EXPECT(BUSY, host_gate_call(a.pe, exo_one_way(gate_between(&a, &a, 1, EXO_EXECUTE))));
    EXPECT(BUSY, host_gate_call(a.pe, exo_one_way(gate_between(&a, (struct other[]){server()}, 1, EXO_EXECUTE))));
    cr_expect_eq(host_current(), a.pe);
}

Test(kernel_gate_one_way, is_asked_for_by_what_is_no_handle_for_another_call) {
    EXPECT(HANDLE, host_gate_post(a.pe, exo_one_way(to_b), 1, 2, 3, 4));
    EXPECT(HANDLE, host_binding_read(a.pe, exo_one_way(to_b)));
    EXPECT(HANDLE, host_binding_drop(a.pe, exo_one_way(to_b)));
}

Test(kernel_gate_one_way, ends_with_neither_pe) {
    MUST(host_gate_call(a.pe, exo_one_way(to_b)));
    MUST(host_binding_drop(a.pe, to_b)); // nobody's call is broken off
    cr_expect_eq(b.pe->state, EXO_PE_READY);
    EXPECT(OK, REPEAT(host_pe_destroy(first, b.handle)));
    cr_expect_eq(a.pe->state, EXO_PE_READY);
    cr_expect_eq(a.pe->context.rax, EXO_OK);
    EXPECT_BOOKS();
}
