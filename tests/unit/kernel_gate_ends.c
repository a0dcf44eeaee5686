// SPDX-License-Identifier: MIT
// Gates: how they are made, narrowed and taken back; posting; calls that end without a reply.
#include "tests/unit/kernel_gate.h"

TestSuite(kernel_gate_ends, .init = begin, .fini = world_end);

// a's call has come back without an answer.
#define EXPECT_BROKEN()                                                                                                \
    do {                                                                                                               \
        cr_expect_eq(a.pe->state, EXO_PE_READY);                                                                       \
        cr_expect_eq(a.pe->context.rax, EXO_BROKEN);                                                                   \
        EXPECT_BOOKS();                                                                                                \
    } while (0)

Test(kernel_gate_ends, a_callee_that_exits) {
    MUST(host_gate_call(a.pe, to_b));
    MUST(host_pe_exit(b.pe, 0));
    EXPECT_BROKEN();
    EXPECT(STATE, host_gate_call(a.pe, to_b));
    EXPECT(STATE, host_gate_post(a.pe, to_b, 1, 2, 3, 4));
}

Test(kernel_gate_ends, a_callee_that_is_destroyed_and_its_gates_with_it) {
    MUST(host_gate_call(a.pe, to_b));
    EXPECT(OK, REPEAT(host_pe_destroy(first, b.handle)));
    EXPECT_BROKEN();
    EXPECT(HANDLE, host_gate_call(a.pe, to_b));
}

Test(kernel_gate_ends, a_caller_that_is_destroyed) {
    MUST(host_gate_call(a.pe, to_b));
    EXPECT(OK, REPEAT(host_pe_destroy(first, a.handle)));
    cr_expect_null(b.pe->caller);
    cr_expect_eq(b.pe->state, EXO_PE_READY);
    MUST(host_gate_reply(b.pe)); // it reaches nobody
    cr_expect_eq(b.pe->state, EXO_PE_RESTING);
    cr_expect_eq(host_current(), first);
}

Test(kernel_gate_ends, the_middle_of_a_chain_that_is_destroyed) {
    const exo_handle to_c = gate_between(&b, &c, 2, EXO_EXECUTE);
    MUST(host_gate_call(a.pe, to_b));
    MUST(host_gate_call(b.pe, to_c));
    EXPECT(OK, REPEAT(host_pe_destroy(first, b.handle)));
    EXPECT_BROKEN();
    cr_expect_null(c.pe->caller);
    MUST(host_gate_reply(c.pe));
    cr_expect_eq(c.pe->state, EXO_PE_RESTING);
}

// P3: a call in flight is a use of the gate, and ends with it.
Test(kernel_gate_ends, a_gate_that_is_revoked) {
    const exo_handle made = {MUST(host_gate_make(first, b.handle, 0, 100))};
    const exo_handle granted = {MUST(host_binding_grant(first, made, a.handle, 3, 2, EXO_ALL & ~EXO_OWN & ~EXO_READ))};
    const exo_handle one = {MUST(host_binding_derive(a.pe, granted, 4, 1, EXO_EXECUTE))};
    MUST(host_gate_call(a.pe, one));
    cr_expect_eq(b.pe->context.rax, 4);
    EXPECT(OK, REPEAT(host_binding_revoke(first, made)));
    EXPECT_BROKEN();
    cr_expect_null(b.pe->caller);
    EXPECT(HANDLE, host_gate_call(a.pe, one));
    MUST(host_gate_reply(b.pe));
    cr_expect_eq(a.pe->context.rax, EXO_BROKEN);
    MUST(host_gate_call(a.pe, to_b)); // another gate is untouched
}

Test(kernel_gate_ends, another_gate_that_is_revoked_leaves_the_call_alone) {
    const exo_handle made = {MUST(host_gate_make(first, b.handle, 0, 100))};
    MUST(host_binding_grant(first, made, a.handle, 3, 1, EXO_EXECUTE));
    MUST(host_gate_call(a.pe, to_b));
    EXPECT(OK, REPEAT(host_binding_revoke(first, made)));
    cr_expect_eq(a.pe->state, EXO_PE_CALLING);
    cr_expect_eq(b.pe->caller, a.pe);
}

Test(kernel_gate_ends, a_gate_is_narrowed_like_every_binding) {
    const exo_handle made = {MUST(host_gate_make(first, b.handle, 10, 5))};
    EXPECT(RANGE, host_binding_derive(first, made, 9, 1, EXO_EXECUTE));
    EXPECT(RANGE, host_binding_derive(first, made, 14, 2, EXO_EXECUTE));
    EXPECT(RIGHTS, host_binding_derive(first, made, 10, 1, EXO_READ));
    EXPECT(RIGHTS, host_binding_derive(first, made, 10, 1, EXO_OWN));
    MUST(host_binding_derive(first, made, 12, 1, EXO_EXECUTE));
    MUST(host_binding_read(first, made));
    const struct exo_binding *read = (struct exo_binding *)pe_page(first)->args;
    cr_expect(read->kind == EXO_KIND_GATE && read->first == 10 && read->count == 5);
    cr_expect_eq(read->rights, EXO_EXECUTE | EXO_WRITE | EXO_GRANT);
}

Test(kernel_gate_ends, a_gate_is_made_by_who_may_configure_the_pe) {
    const exo_handle viewer = {
        MUST(host_binding_derive(first, b.handle, b.frames.raw, 1, EXO_READ | EXO_EXECUTE | EXO_OWN))};
    EXPECT(RIGHTS, host_gate_make(first, viewer, 0, 1));
    EXPECT(KIND, host_gate_make(first, FRAMES, 0, 1));
    EXPECT(HANDLE, host_gate_make(first, (exo_handle){1ull << 63}, 0, 1));
    EXPECT(VALUE, host_gate_make(first, b.handle, 0, 0));
    EXPECT(VALUE, host_gate_make(first, b.handle, UINT64_MAX, 2));
    MUST(host_gate_make(first, b.handle, UINT64_MAX, 1));
    MUST(host_gate_make(first, b.handle, 0, UINT64_MAX));
    const exo_handle no_execute = {MUST(host_binding_derive(first, b.handle, b.frames.raw, 1, EXO_WRITE | EXO_GRANT))};
    EXPECT(RIGHTS, host_gate_call(first, (exo_handle){MUST(host_gate_make(first, no_execute, 0, 1))}));
}

Test(kernel_gate_ends, a_gate_ends_with_the_binding_that_allowed_it) {
    const exo_handle narrow = {MUST(host_binding_derive(first, b.handle, b.frames.raw, 1, EXO_WRITE | EXO_EXECUTE))};
    const exo_handle gate = {MUST(host_gate_make(first, narrow, 0, 1))};
    EXPECT(OK, REPEAT(host_binding_revoke(first, narrow)));
    EXPECT(HANDLE, host_gate_call(first, gate));
}

Test(kernel_gate_ends, a_pe_makes_gates_into_itself) {
    MUST(host_pe_yield(first, a.handle));
    const exo_handle own = {MUST(host_gate_make(a.pe, EXO_NO_HANDLE, 5, 1))};
    cr_expect_eq(gate_callee(sb_find_any(&a.pe->bindings, own).binding), a.pe);
    MUST(host_gate_make(first, EXO_NO_HANDLE, 5, 1));
    EXPECT(OK, REPEAT(host_binding_revoke(first, a.handle))); // the authority of all that lead into a
    EXPECT(HANDLE, host_gate_post(a.pe, own, 1, 2, 3, 4));
}

Test(kernel_gate_ends, messages_are_kept_in_order_until_there_is_no_room) {
    struct exo_pe_page *page = pe_page(b.pe);
    for (uint64_t i = 0; i < EXO_MESSAGES; i++) MUST(host_gate_post(a.pe, to_b, i, 10, 20, 30));
    EXPECT(FULL, host_gate_post(a.pe, to_b, 99, 0, 0, 0));
    cr_expect_eq(page->posted, EXO_MESSAGES);
    for (uint64_t i = 0; i < EXO_MESSAGES; i++) {
        const struct exo_message *message = &page->messages[i];
        cr_expect(message->caller == a.pe->id && message->number == 7);
        cr_expect(message->words[0] == i && message->words[1] == 10 && message->words[2] == 20
                  && message->words[3] == 30);
    }
    page->taken = 3;
    for (uint64_t i = 0; i < 3; i++) MUST(host_gate_post(a.pe, to_b, 40 + i, 0, 0, 0));
    EXPECT(FULL, host_gate_post(a.pe, to_b, 99, 0, 0, 0));
    cr_expect_eq(page->messages[2].words[0], 42);
    cr_expect_eq(host_current(), a.pe); // the caller goes on
}

Test(kernel_gate_ends, a_post_wakes_who_rests_or_waits_if_it_wants_to_hear) {
    MUST(host_gate_post(a.pe, to_b, 1, 2, 3, 4));
    cr_expect_eq(b.pe->state, EXO_PE_RESTING);
    cr_expect(pe_page(b.pe)->pending & 1 << EXO_EVENT_message);
    pe_page(b.pe)->mask = 0;
    MUST(host_gate_post(a.pe, to_b, 1, 2, 3, 4));
    cr_expect_eq(b.pe->state, EXO_PE_READY);
    cr_expect_eq(b.pe->context.rdi, 0);
}

Test(kernel_gate_ends, a_wrong_count_of_taken_messages_harms_only_its_pe) {
    const uint32_t taken[] = {UINT32_MAX, 1, 1u << 31, 100};
    for (unsigned i = 0; i < sizeof taken / sizeof *taken; i++) {
        pe_page(b.pe)->taken = taken[i];
        pe_page(b.pe)->posted = taken[i] / 3;
        for (unsigned n = 0; n < 20; n++) (void)host_gate_post(a.pe, to_b, n, 0, 0, 0);
        EXPECT_BOOKS();
    }
}
