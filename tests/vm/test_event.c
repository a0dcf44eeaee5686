// SPDX-License-Identifier: MIT
// Events: the mask, pending bits, the interrupt save area, waiting.
#include "tests/vm/child.h"

#define BIT(event) (1ull << EXO_EVENT_##event)

static void set_pending(uint64_t set, uint64_t clear) {
    __atomic_fetch_and(&rig_page()->pending, ~clear, __ATOMIC_SEQ_CST);
    __atomic_fetch_or(&rig_page()->pending, set, __ATOMIC_SEQ_CST);
}

static uint64_t nothing(uint64_t argument) {
    return argument;
}
static uint64_t yields_once(uint64_t argument) {
    (void)exo_pe_yield(EXO_NO_HANDLE);
    return argument;
}
static uint64_t waits(uint64_t argument) {
    (void)exo_pe_wait();
    return argument;
}

// Gives a child a slice of its own, so that it gets the event slice_begin.
static struct child with_slice(child_code *code, uint64_t mask) {
    struct child child = child_new(CHILD_SHARED, code);
    child.page->mask = mask;
    rig_need(exo_slice_set(SLICES, 1, child.pe).error == EXO_OK, "a slice can't be set");
    return child;
}

TEST(an_event_enters_the_interrupt_entry) {
    struct child child = with_slice(nothing, ~BIT(slice_begin));
    child_start(&child, 5);
    OK(exo_pe_yield(EXO_NO_HANDLE));
    CHECK(child_go(&child, 0));
    CHECK_EQUAL(child.state.status, CHILD_BY(interrupt));
    CHECK_EQUAL(child.page->pending, BIT(slice_begin)); // the library OS clears it, not the kernel
    CHECK_EQUAL(child.page->interrupt_busy, 1);
    CHECK_EQUAL(child.page->interrupt.rip, (uint64_t)nothing);
    CHECK_EQUAL(child.page->interrupt.rdi, 5);
    CHECK_EQUAL(child_registers(&child, EXO_UPCALL_interrupt)->rflags & ~0x202ull, 0);
    child_release(&child);
}

TEST(a_masked_event_stays_pending_and_arrives_when_unmasked) {
    struct child child = with_slice(yields_once, ~0ull);
    child_start(&child, 6);
    OK(exo_pe_yield(EXO_NO_HANDLE));
    CHECK(!child_go(&child, 0));
    CHECK_EQUAL(child.page->pending, BIT(slice_begin));
    CHECK_EQUAL(child.page->interrupt_busy, 0);
    child.page->mask = 0;
    OK(exo_pe_yield(EXO_NO_HANDLE));
    CHECK(child_go(&child, 0));
    CHECK_EQUAL(child.state.status, CHILD_BY(interrupt));
    child_release(&child);
}

TEST(an_event_waits_while_a_save_area_is_in_use) {
    for (unsigned which = 0; which < 2; which++) {
        rig_context("save area", which);
        struct child child = with_slice(yields_once, 0);
        if (which == 0)
            child.page->interrupt_busy = 1;
        else
            child.page->exception.busy = 1;
        child_start(&child, 0x42);
        OK(exo_pe_yield(EXO_NO_HANDLE));
        OK(exo_pe_yield(EXO_NO_HANDLE));
        CHECK(child_go(&child, 0));
        CHECK_EQUAL(child.state.status, 0x42);
        CHECK_EQUAL(child.page->pending & BIT(slice_begin), BIT(slice_begin));
        child_release(&child);
    }
}

TEST(several_events_enter_once) {
    struct child child = with_slice(nothing, 0);
    child.page->pending = BIT(disk) | BIT(ended);
    child_start(&child, 0);
    OK(exo_pe_yield(EXO_NO_HANDLE));
    CHECK(child_go(&child, 0));
    CHECK_EQUAL(child.state.status, CHILD_BY(interrupt));
    CHECK_EQUAL(child.page->pending, BIT(slice_begin) | BIT(disk) | BIT(ended));
    child_release(&child);
}

TEST(a_pe_without_an_interrupt_entry_is_not_disturbed) {
    struct child child = with_slice(yields_once, 0);
    OK(exo_pe_set_entry(child.pe, EXO_UPCALL_interrupt, (exo_vaddr){0}, (exo_vaddr){0}));
    child_start(&child, 0x43);
    OK(exo_pe_yield(EXO_NO_HANDLE));
    OK(exo_pe_yield(EXO_NO_HANDLE));
    CHECK(child_go(&child, 0));
    CHECK_EQUAL(child.state.status, 0x43);
    child_release(&child);
}

// Stopped in the middle of a loop by the end of its slice, with every register set.
extern const char full_loop[];
__asm__(".text\nfull_loop:\n movq $1, %rax\n movq $2, %rbx\n movq $3, %rcx\n movq $4, %rdx\n movq $5, %rsi\n"
        "movq $7, %rbp\n movq $8, %r8\n movq $9, %r9\n movq $10, %r10\n movq $11, %r11\n movq $12, %r12\n"
        "movq $13, %r13\n movq $14, %r14\n movq $15, %r15\n std\n 1: jmp 1b\n");

TEST(an_interrupted_context_is_complete) {
    struct child child = child_new_at(CHILD_SHARED, full_loop);
    child.page->mask = ~BIT(slice_end);
    OK(exo_slice_set(SLICES, 1, child.pe));
    child_start(&child, 6);
    OK(exo_pe_yield(EXO_NO_HANDLE));
    CHECK(child_go(&child, 0));
    CHECK_EQUAL(child.state.status, CHILD_BY(interrupt));
    const volatile struct exo_context *c = &child.page->interrupt;
    const uint64_t found[] = {c->rax, c->rbx, c->rcx, c->rdx, c->rsi, c->rdi, c->rbp, c->r8,
                              c->r9,  c->r10, c->r11, c->r12, c->r13, c->r14, c->r15};
    constexpr uint64_t wanted[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (unsigned i = 0; i < 15; i++) CHECK_EQUAL(found[i], wanted[i]);
    CHECK_EQUAL(c->rsp, child_stack(&child, EXO_UPCALL_start) - 8);
    CHECK_EQUAL(c->rflags & 0x400, 0x400);
    CHECK_EQUAL(child_registers(&child, EXO_UPCALL_interrupt)->rflags & ~0x202ull, 0);
    child_release(&child);
}

TEST(waiting_ends_at_once_if_an_event_is_pending) {
    rig_page()->mask = ~BIT(ended);
    set_pending(BIT(ended), 0);
    OK(exo_pe_wait());
    CHECK(rig_page()->pending & BIT(ended));
    set_pending(0, BIT(ended));
    rig_page()->mask = ~0ull;
}

TEST(a_waiting_pe_has_no_slices_and_no_directed_yields) {
    struct child child = with_slice(waits, ~BIT(disk));
    child_start(&child, 0x44);
    for (unsigned i = 0; i < 3; i++) OK(exo_pe_yield(EXO_NO_HANDLE));
    CHECK(!child_go(&child, 5));
    CHECK_EQUAL(child.state.state, EXO_PE_WAITING);
    CHECK_EQUAL(child.page->slices, 1);
    CHECK_ERROR(exo_pe_yield(child.pe), STATE);
    child_release(&child);
}

TEST(the_end_of_a_child_wakes_its_creator) {
    struct child child = with_slice(nothing, ~0ull);
    rig_page()->mask = ~BIT(ended);
    set_pending(0, BIT(ended));
    child_start(&child, 1);
    OK(exo_pe_wait()); // the child runs meanwhile, as nobody else can
    CHECK(rig_page()->pending & BIT(ended));
    CHECK(child_go(&child, 0));
    set_pending(0, BIT(ended));
    rig_page()->mask = ~0ull;
    child_release(&child);
}

TEST(a_masked_event_does_not_end_waiting) {
    struct child first = with_slice(nothing, ~0ull), second = child_new(CHILD_SHARED, nothing);
    rig_page()->mask = ~BIT(ended);
    set_pending(BIT(slice_begin) | BIT(slice_end) | BIT(disk), BIT(ended));
    child_start(&first, 1);
    OK(exo_pe_wait()); // would return at once if what is masked counted
    CHECK(child_go(&first, 0));
    set_pending(0, ~0ull);
    rig_page()->mask = ~0ull;
    child_release(&first);
    child_release(&second);
}

TEST(no_wake_up_is_lost_between_looking_and_waiting) {
    // The child ends at any moment around the creator's look at its pending bits; the creator must always come back.
    rig_page()->mask = ~BIT(ended);
    for (unsigned round = 0; round < 50; round++) {
        rig_context("round", round);
        set_pending(0, BIT(ended));
        struct child child = with_slice(round % 2 ? nothing : yields_once, ~0ull);
        child_start(&child, 1);
        for (unsigned i = 0; i < round % 5; i++) OK(exo_pe_yield(EXO_NO_HANDLE));
        while (!(rig_page()->pending & BIT(ended))) OK(exo_pe_wait());
        CHECK(child_go(&child, 0));
        child_release(&child);
        rig_rewind();
    }
    set_pending(0, BIT(ended));
    rig_page()->mask = ~0ull;
}

TEST(a_pe_can_write_what_it_likes_into_its_own_page) {
    // Nothing in the page but mask and busy flags means anything to the kernel.
    struct child child = child_new(CHILD_SHARED, yields_once);
    volatile uint8_t *bytes = (volatile uint8_t *)child.page;
    for (unsigned i = 0; i < EXO_PAGE_SIZE; i++) bytes[i] = 0xff;
    child_run(&child, 9);
    CHECK_EQUAL(child.state.status, 9);
    child_release(&child);
}
