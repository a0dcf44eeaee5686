// SPDX-License-Identifier: MIT
// Slices: who runs when, yield and wait, overrun and its price, and how events arrive.
#include "tests/unit/kernel_world.h"

static struct other a, b;

// Positions: 0 the first PE, 1 a, 2 b.
static void begin(void) {
    world_begin();
    a = make_other((exo_frame){0}, 0, 0);
    b = make_other((exo_frame){0}, 0, 0);
    MUST(host_slice_set(first, SLICES, 1, a.handle));
    MUST(host_slice_set(first, SLICES, 2, b.handle));
}

TestSuite(kernel_slice, .init = begin, .fini = world_end);

// Runs until the slice of whoever runs is over.
static void slice_passes(void) {
    host_tick();
    if (arch_cpu()->grace) host_tick();
}

Test(kernel_slice, go_round_the_positions_in_order) {
    struct pe *const order[] = {a.pe, b.pe, first, a.pe, b.pe, first};
    for (unsigned i = 0; i < 6; i++) {
        slice_passes();
        cr_expect_eq(host_current(), order[i], "slice %u", i);
        cr_expect_eq(host_deadline(), 5'000'000);
    }
    cr_expect_eq(pe_page(a.pe)->slices, 2);
}

Test(kernel_slice, are_given_in_proportion_to_positions_whatever_the_others_do) {
    for (unsigned position = 3; position < 8; position++) MUST(host_slice_set(first, SLICES, position, a.handle));
    unsigned of_a = 0, of_b = 0;
    for (unsigned i = 0; i < 80; i++) {
        slice_passes();
        if (host_current() == a.pe) of_a++;
        // b wants more than its share: it yields, waits with an event pending, and never gives the CPU up in time.
        if (host_current() == b.pe) {
            of_b++;
            pe_page(b.pe)->pending = ~0ull;
            MUST(host_pe_wait(b.pe));
            cr_assert_eq(host_current(), b.pe);
        }
    }
    cr_expect_eq(of_a, 60);
    cr_expect_eq(of_b, 10);
}

Test(kernel_slice, a_yield_to_nobody_ends_the_slice) {
    MUST(host_pe_yield(first, EXO_NO_HANDLE));
    cr_expect_eq(host_current(), a.pe);
    MUST(host_pe_yield(a.pe, EXO_NO_HANDLE));
    cr_expect_eq(host_current(), b.pe);
}

Test(kernel_slice, a_directed_yield_gives_the_rest_of_the_slice_and_no_more) {
    MUST(host_pe_yield(first, b.handle));
    cr_expect_eq(host_current(), b.pe);
    cr_expect_eq(arch_cpu()->position, 0);
    host_tick(); // the first PE's slice is over
    cr_expect_eq(host_current(), a.pe);
    slice_passes();
    cr_expect_eq(host_current(), b.pe); // its own slice, undiminished
}

Test(kernel_slice, a_directed_yield_needs_execute_and_a_ready_pe) {
    const exo_handle viewer = {
        MUST(host_binding_derive(first, b.handle, b.frames.raw, 1, EXO_READ | EXO_WRITE | EXO_OWN))};
    EXPECT(RIGHTS, host_pe_yield(first, viewer));
    EXPECT(KIND, host_pe_yield(first, FRAMES));
    EXPECT(HANDLE, host_pe_yield(first, (exo_handle){1ull << 63}));
    MUST(host_pe_wait(b.pe));
    EXPECT(STATE, host_pe_yield(first, b.handle));
    cr_expect_eq(host_current(), first);
}

Test(kernel_slice, a_pe_that_waits_is_passed_over_until_an_event) {
    pe_page(a.pe)->pending = 0;
    MUST(host_pe_wait(a.pe));
    cr_expect_eq(host_current(), b.pe);
    for (unsigned i = 0; i < 4; i++) {
        slice_passes();
        cr_expect_neq(host_current(), a.pe);
    }
    cr_expect_eq(a.pe->state, EXO_PE_WAITING);
    upcall_post(a.pe, EXO_EVENT_disk);
    cr_expect_eq(a.pe->state, EXO_PE_READY);
}

Test(kernel_slice, waiting_returns_at_once_if_an_unmasked_event_is_pending) {
    pe_page(a.pe)->pending = 1 << EXO_EVENT_disk;
    MUST(host_pe_wait(a.pe));
    cr_expect_eq(host_current(), a.pe);
    pe_page(a.pe)->mask = 1 << EXO_EVENT_disk | 1 << EXO_EVENT_slice_begin;
    MUST(host_pe_wait(a.pe));
    cr_expect_eq(a.pe->state, EXO_PE_WAITING);
    upcall_post(a.pe, EXO_EVENT_disk); // masked: sleeps on
    cr_expect_eq(a.pe->state, EXO_PE_WAITING);
    upcall_post(a.pe, EXO_EVENT_ended);
    cr_expect_eq(a.pe->state, EXO_PE_READY);
}

Test(kernel_slice, when_all_wait_the_cpu_idles_until_somebody_wakes) {
    pe_page(first)->pending = pe_page(a.pe)->pending = pe_page(b.pe)->pending = 0;
    MUST(host_pe_wait(first));
    pe_page(a.pe)->pending = 0;
    MUST(host_pe_wait(a.pe));
    pe_page(b.pe)->pending = 0;
    MUST(host_pe_wait(b.pe));
    cr_expect_null(host_current());
    host_tick();
    cr_expect_null(host_current());
    upcall_post(b.pe, EXO_EVENT_disk);
    host_disk_run(0); // any interrupt
    cr_expect_eq(host_current(), b.pe);
}

Test(kernel_slice, the_end_is_announced_to_those_who_listen_and_overrun_costs_a_slice) {
    MUST(host_pe_set_entry(first, a.handle, EXO_UPCALL_interrupt, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    slice_passes();
    cr_assert_eq(host_current(), a.pe);
    pe_page(a.pe)->pending = pe_page(a.pe)->interrupt_busy = 0;
    host_tick();
    cr_expect_eq(host_current(), a.pe);
    cr_expect(pe_page(a.pe)->pending & 1 << EXO_EVENT_slice_end);
    cr_expect_eq(a.pe->context.rip, 0x1000);
    cr_expect_eq(host_deadline(), 100'000);
    host_tick(); // it did not yield
    cr_expect_eq(host_current(), b.pe);
    cr_expect_eq(pe_page(a.pe)->excess, 1);
    slice_passes();
    cr_expect_eq(host_current(), first);
    slice_passes();
    cr_expect_eq(host_current(), b.pe); // a has paid
    slice_passes();
    slice_passes();
    cr_expect_eq(host_current(), a.pe);
}

Test(kernel_slice, a_pe_that_yields_within_the_grace_time_owes_nothing) {
    MUST(host_pe_set_entry(first, a.handle, EXO_UPCALL_interrupt, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    slice_passes();
    host_tick();
    MUST(host_pe_yield(a.pe, EXO_NO_HANDLE));
    cr_expect_eq(host_current(), b.pe);
    cr_expect_eq(pe_page(a.pe)->excess, 0);
    cr_expect_eq(a.pe->excess, 0);
}

// P7: otherwise whoever may yield to a PE could make it pay for what it did not use.
Test(kernel_slice, a_yield_within_the_grace_time_lays_no_debt_on_another) {
    const exo_handle to_b = {MUST(host_binding_grant(first, b.handle, a.handle, b.frames.raw, 1, EXO_EXECUTE))};
    MUST(host_pe_set_entry(first, a.handle, EXO_UPCALL_interrupt, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    slice_passes();
    cr_assert_eq(host_current(), a.pe);
    host_tick();
    MUST(host_pe_yield(a.pe, to_b));
    host_tick();
    cr_expect_eq(b.pe->excess, 0);
    cr_expect_eq(pe_page(b.pe)->excess, 0);
}

// P7: who may give positions to PEs can neither get away without paying, nor have another pay.
Test(kernel_slice, a_position_that_changes_hands_takes_no_debt_along) {
    MUST(host_pe_set_entry(first, a.handle, EXO_UPCALL_interrupt, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    const exo_handle positions = {MUST(host_binding_grant(first, SLICES, a.handle, 1, 1, EXO_WRITE))};
    const exo_handle of_b = {MUST(host_binding_grant(first, b.handle, a.handle, b.frames.raw, 1, EXO_WRITE))};
    slice_passes();
    cr_assert_eq(host_current(), a.pe);
    pe_page(a.pe)->pending = pe_page(a.pe)->interrupt_busy = 0;
    host_tick();
    MUST(host_slice_set(a.pe, positions, 1, of_b));
    host_tick();
    cr_expect_eq(b.pe->excess, 0);
    cr_expect_eq(a.pe->excess, 1);
}

// A holder that is destroyed while another runs on its slice pays nothing any more, in a frame that may be another's.
Test(kernel_slice, a_holder_that_is_destroyed_in_its_slice_is_forgotten) {
    MUST(host_pe_set_entry(first, b.handle, EXO_UPCALL_interrupt, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    const exo_handle to_b = {MUST(host_binding_grant(first, b.handle, a.handle, b.frames.raw, 1, EXO_EXECUTE))};
    const exo_handle of_a = {MUST(host_binding_grant(first, a.handle, b.handle, a.frames.raw, 1, EXO_OWN))};
    slice_passes();
    pe_page(b.pe)->pending = pe_page(b.pe)->interrupt_busy = 0;
    MUST(host_pe_yield(a.pe, to_b));
    EXPECT(OK, REPEAT(host_pe_destroy(b.pe, of_a)));
    MUST(host_frame_retype(first, FRAMES, a.frames, 2, EXO_FRAME_DATA));
    host_run(b.pe);
    pe_page(b.pe)->pending = pe_page(b.pe)->interrupt_busy = 0;
    arch_timer_set(1);
    host_tick();
    host_tick();
    const uint64_t *words = arch_frame(a.frames);
    for (unsigned i = 0; i < 2 * EXO_PAGE_SIZE / 8; i++) cr_assert_eq(words[i], 0);
}

Test(kernel_slice, a_slice_of_a_pe_that_ended_goes_to_the_next) {
    MUST(host_pe_exit(a.pe, 0));
    slice_passes();
    for (unsigned i = 0; i < 6; i++) {
        cr_expect_neq(host_current(), a.pe);
        slice_passes();
    }
    MUST(host_slice_set(first, SLICES, 2, EXO_NO_HANDLE));
    for (unsigned i = 0; i < 6; i++) {
        slice_passes();
        cr_expect_eq(host_current(), first);
    }
}

Test(kernel_slice, events_enter_once_and_not_while_masked_or_busy) {
    MUST(host_pe_set_entry(first, a.handle, EXO_UPCALL_interrupt, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    struct exo_pe_page *page = pe_page(a.pe);
    a.pe->context.rip = 0x7777;
    slice_passes();
    cr_assert_eq(host_current(), a.pe);
    cr_expect_eq(page->pending, 1 << EXO_EVENT_slice_begin);
    cr_expect_eq(page->interrupt.rip, 0x7777);
    cr_expect_eq(a.pe->context.rip, 0x1000);
    cr_expect_eq(page->interrupt_busy, 1);
    a.pe->context.rip = 0x8888; // somewhere in the handler
    upcall_post(a.pe, EXO_EVENT_disk);
    host_disk_run(0);
    cr_expect_eq(a.pe->context.rip, 0x8888); // busy
    page->interrupt_busy = 0;
    page->exception.busy = 1;
    host_disk_run(0);
    cr_expect_eq(a.pe->context.rip, 0x8888); // in an exception handler
    page->exception.busy = 0;
    page->mask = ~0ull;
    host_disk_run(0);
    cr_expect_eq(a.pe->context.rip, 0x8888); // masked
    page->mask = 0;
    host_disk_run(0);
    cr_expect_eq(a.pe->context.rip, 0x1000);
    cr_expect_eq(page->interrupt.rip, 0x8888);
}

Test(kernel_slice, a_pe_without_an_interrupt_entry_is_never_interrupted) {
    a.pe->context.rip = 0x7777;
    slice_passes();
    cr_assert_eq(host_current(), a.pe);
    cr_expect_eq(a.pe->context.rip, 0x7777);
    host_tick();
    cr_expect_eq(host_current(), b.pe); // and has no grace time
    cr_expect_eq(pe_page(a.pe)->excess, 0);
}

Test(kernel_slice, positions_outside_the_binding_are_refused) {
    EXPECT(RANGE, host_slice_set(first, SLICES, EXO_SLICE_POSITIONS, a.handle));
    EXPECT(RANGE, host_slice_set(first, SLICES, UINT64_MAX, a.handle));
    const exo_handle some = {MUST(host_binding_derive(first, SLICES, 5, 2, EXO_READ))};
    EXPECT(RIGHTS, host_slice_set(first, some, 5, a.handle));
    EXPECT(KIND, host_slice_set(first, FRAMES, 5, a.handle));
    EXPECT(KIND, host_slice_set(first, SLICES, 5, FRAMES));
    EXPECT(HANDLE, host_slice_set(first, SLICES, 5, (exo_handle){99}));
}

Test(kernel_slice, positions_are_emptied_only_by_the_end_of_a_binding_that_could_assign_them) {
    const exo_handle reading = {MUST(host_binding_derive(first, SLICES, 1, 2, EXO_READ))};
    MUST(host_binding_drop(first, reading));
    cr_expect_eq(arch_cpu()->vector[1], a.pe);
    const exo_handle assigning = {MUST(host_binding_derive(first, SLICES, 1, 1, EXO_READ | EXO_WRITE))};
    MUST(host_binding_drop(first, assigning));
    cr_expect_eq(arch_cpu()->vector[1], nullptr);
    cr_expect_eq(arch_cpu()->vector[2], b.pe);
}
