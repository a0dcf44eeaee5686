// SPDX-License-Identifier: MIT
// Gates: who can call whom, whose slices that takes, and what becomes of a call whose caller, callee or gate goes away.
#include "tests/unit/kernel_gate.h"

TestSuite(kernel_gate, .init = begin, .fini = world_end);

Test(kernel_gate, a_call_enters_the_callee_with_the_callers_id_and_the_number) {
    MUST(host_gate_call(a.pe, to_b));
    expect_b_entered();
    cr_expect_eq(a.pe->state, EXO_PE_CALLING);
    EXPECT_BOOKS();
}

Test(kernel_gate, a_reply_goes_to_the_caller_once) {
    MUST(host_gate_call(a.pe, to_b));
    MUST(host_gate_reply(b.pe));
    cr_expect_eq(host_current(), a.pe);
    cr_expect_eq(b.pe->state, EXO_PE_RESTING);
    upcall_post(b.pe, EXO_EVENT_disk); // masked
    cr_expect_eq(b.pe->state, EXO_PE_RESTING);
    pe_page(b.pe)->mask = 0;
    upcall_post(b.pe, EXO_EVENT_disk);
    a.pe->context.rax = 99;
    pe_page(b.pe)->pending = 0;
    MUST(host_gate_reply(b.pe)); // again: there is nobody
    cr_expect_eq(a.pe->context.rax, 99);
    cr_expect_eq(a.pe->state, EXO_PE_READY);
}

Test(kernel_gate, an_event_at_rest_begins_at_the_gate_entry_with_no_caller) {
    pe_page(b.pe)->mask = 0;
    b.pe->context = (struct exo_context){.rip = 1, .rdi = 2};
    upcall_post(b.pe, EXO_EVENT_disk);
    cr_expect_eq(b.pe->state, EXO_PE_READY);
    cr_expect_eq(b.pe->context.rip, ENTRY.raw);
    cr_expect_eq(b.pe->context.rdi, 0);
    EXPECT(BUSY, host_gate_call(a.pe, to_b));
}

Test(kernel_gate, an_event_at_rest_interrupts_the_gate_entry_if_there_is_a_handler) {
    MUST(host_pe_set_entry(first, b.handle, EXO_UPCALL_interrupt, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    pe_page(b.pe)->mask = 0;
    upcall_post(b.pe, EXO_EVENT_disk);
    MUST(host_pe_yield(first, b.handle));
    cr_expect_eq(b.pe->context.rip, 0x1000);
    cr_expect_eq(pe_page(b.pe)->interrupt.rip, ENTRY.raw);
    cr_expect_eq(pe_page(b.pe)->interrupt.rdi, 0);
}

Test(kernel_gate, a_pe_with_an_event_due_does_not_rest) {
    MUST(host_gate_call(a.pe, to_b));
    pe_page(b.pe)->pending = 1 << EXO_EVENT_disk;
    pe_page(b.pe)->mask = 0;
    MUST(host_gate_reply(b.pe));
    cr_expect_eq(host_current(), a.pe);
    cr_expect_eq(b.pe->state, EXO_PE_READY);
    cr_expect_eq(b.pe->context.rdi, 0);
    b.pe->context = (struct exo_context){.rip = 1, .rdi = 2};
    MUST(host_gate_reply(b.pe)); // to nobody
    cr_expect_eq(b.pe->state, EXO_PE_READY);
    cr_expect_eq(b.pe->context.rip, ENTRY.raw);
    cr_expect_eq(b.pe->context.rdi, 0);
    pe_page(b.pe)->pending = 0;
    MUST(host_gate_reply(b.pe));
    cr_expect_eq(b.pe->state, EXO_PE_RESTING);
}

Test(kernel_gate, nobody_rests_without_a_gate_entry) {
    const struct other other = make_other((exo_frame){0}, 0, 0);
    EXPECT(STATE, host_gate_reply(other.pe));
    cr_expect_eq(other.pe->state, EXO_PE_READY);
}

Test(kernel_gate, only_a_gate_with_the_right_can_be_called_or_posted_to) {
    const exo_handle post = gate_between(&a, &b, 1, EXO_WRITE), call = gate_between(&a, &b, 1, EXO_EXECUTE);
    EXPECT(RIGHTS, host_gate_call(a.pe, post));
    EXPECT(RIGHTS, host_gate_post(a.pe, call, 1, 2, 3, 4));
    EXPECT(KIND, host_gate_call(first, FRAMES));
    EXPECT(KIND, host_gate_post(first, FRAMES, 1, 2, 3, 4));
    EXPECT(HANDLE, host_gate_call(a.pe, EXO_NO_HANDLE));
    EXPECT(HANDLE, host_gate_call(a.pe, (exo_handle){to_b.raw + (1 << 16)}));
}

Test(kernel_gate, a_gate_leads_only_to_who_rests) {
    const exo_handle to_a = gate_between(&b, &a, 1, EXO_EXECUTE), to_self = gate_between(&a, &a, 1, EXO_EXECUTE);
    EXPECT(BUSY, host_gate_call(a.pe, to_self));
    MUST(host_gate_call(a.pe, to_b));
    EXPECT(BUSY, host_gate_call(b.pe, to_a)); // a circle
    const exo_handle of_c = gate_between(&c, &b, 1, EXO_EXECUTE);
    upcall_post(c.pe, EXO_EVENT_disk);
    pe_page(c.pe)->mask = 0;
    upcall_post(c.pe, EXO_EVENT_disk);
    EXPECT(BUSY, host_gate_call(c.pe, of_c)); // it serves another
    MUST(host_pe_wait(b.pe));
    EXPECT(BUSY, host_gate_call(c.pe, of_c)); // it waits, but not for calls
    MUST(host_pe_yield(first, EXO_NO_HANDLE));
    cr_expect_eq(a.pe->state, EXO_PE_CALLING);
}

Test(kernel_gate, calls_nest) {
    const exo_handle to_c = gate_between(&b, &c, 2, EXO_EXECUTE);
    MUST(host_gate_call(a.pe, to_b));
    MUST(host_gate_call(b.pe, to_c));
    cr_expect_eq(host_current(), c.pe);
    cr_expect_eq(c.pe->context.rdi, b.pe->id);
    MUST(host_gate_reply(c.pe));
    cr_expect_eq(host_current(), b.pe);
    MUST(host_gate_reply(b.pe));
    cr_expect_eq(host_current(), a.pe);
}

// --- Slices

static void slice_passes(void) {
    host_tick();
    if (arch_cpu()->grace) host_tick();
}

Test(kernel_gate, a_call_gives_the_rest_of_the_slice_and_the_next_ones_until_the_reply) {
    const exo_handle to_c = gate_between(&b, &c, 2, EXO_EXECUTE);
    slice_passes();
    cr_assert_eq(host_current(), a.pe);
    const uint64_t slices = pe_page(a.pe)->slices;
    MUST(host_gate_call(a.pe, to_b));
    slice_passes();
    cr_expect_eq(host_current(), first);
    slice_passes();
    cr_expect_eq(host_current(), b.pe); // which holds no position
    MUST(host_gate_call(b.pe, to_c));
    slice_passes();
    slice_passes();
    cr_expect_eq(host_current(), c.pe);
    cr_expect_eq(pe_page(a.pe)->slices, slices + 2); // they are still a's
    cr_expect_eq(pe_page(b.pe)->slices, 0);
    MUST(host_gate_reply(c.pe));
    MUST(host_gate_reply(b.pe));
    cr_expect_eq(host_current(), a.pe);
    cr_expect_eq(arch_cpu()->position, 1);
}

Test(kernel_gate, a_callee_that_waits_lets_the_holders_slices_pass) {
    MUST(host_gate_call(a.pe, to_b));
    pe_page(b.pe)->mask = ~(1ull << EXO_EVENT_disk);
    MUST(host_pe_wait(b.pe));
    for (unsigned i = 0; i < 3; i++) {
        cr_expect_eq(host_current(), first);
        slice_passes();
    }
    upcall_post(b.pe, EXO_EVENT_disk);
    slice_passes();
    cr_expect_eq(host_current(), b.pe);
}

// P7: b overruns a slice that was given to it, and pays nothing of its own.
Test(kernel_gate, an_overrun_in_a_call_is_the_holders) {
    MUST(host_pe_set_entry(first, b.handle, EXO_UPCALL_interrupt, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    slice_passes();
    cr_assert_eq(host_current(), a.pe);
    MUST(host_gate_call(a.pe, to_b));
    pe_page(b.pe)->mask = 0;
    host_tick();
    cr_expect(arch_cpu()->grace);
    host_tick();
    cr_expect_eq(b.pe->excess, 0);
    cr_expect_eq(a.pe->excess, 1);
    cr_expect_eq(host_current(), first);
    slice_passes();
    cr_expect_eq(host_current(), first); // a's next one is forfeited, although b would run in it
    cr_expect_eq(a.pe->excess, 0);
    slice_passes();
    cr_expect_eq(host_current(), b.pe);
}

Test(kernel_gate, a_long_chain_of_calls_is_followed_so_far_and_no_further) {
    // Only the bound of the walk is tested here: it ends. PEs in a row, each calling the next.
    struct other chain[68];
    for (unsigned i = 0; i < 68; i++) {
        chain[i] = server();
        if (i > 0) rest(&chain[i]);
    }
    MUST(host_slice_set(first, SLICES, 1, chain[0].handle));
    for (unsigned i = 0; i + 1 < 65; i++)
        MUST(host_gate_call(chain[i].pe, gate_between(&chain[i], &chain[i + 1], 1, EXO_EXECUTE)));
    bool awaited = false;
    cr_expect_eq(gate_runner(chain[0].pe, &awaited), chain[64].pe);
    MUST(host_gate_call(chain[64].pe, gate_between(&chain[64], &chain[65], 1, EXO_EXECUTE)));
    cr_expect_null(gate_runner(chain[0].pe, &awaited));
    cr_expect_eq(gate_runner(chain[1].pe, &awaited), chain[65].pe);
    slice_passes();
    cr_expect_eq(host_current(), first);
}
