// SPDX-License-Identifier: MIT
// Calls through gates that fail, and attacks by them: forged and stale handles, circles, replies that nobody waits for,
// PEs and gates that go away in the middle.
#include "tests/vm/gate.h"

TEST(forged_handles_are_refused_and_leave_every_register) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 1);
    const uint64_t index = server.gate.raw & 0xffff, generation = server.gate.raw >> 16;
    const uint64_t near[] = {
        index + 1,                                 // a free place, with a generation that nothing has
        (generation + 2) << 16 | index,            // the next use of the gate's own place
        (generation - 2) << 16 | index,            // an earlier one
        generation << 16 | (index + 1),            //
        1ull << 48 | server.gate.raw,              // bits above the generation
        1ull << 63 | server.gate.raw,              //
        (generation + (1ull << 32)) << 16 | index, //
        0xffff'ffffull << 16 | index,              // the generation that retires
        0xffff'ffffull << 16 | (index + 1),        //
        0xffff,                                    // past the table
        server.gate.raw | 0xffff,                  //
        ~0ull,
    };
    served_count = 0;
    for (unsigned i = 0; i < sizeof near / sizeof *near + sizeof RIG_FORGED / sizeof *RIG_FORGED + 1; i++) {
        const unsigned others = sizeof near / sizeof *near;
        const uint64_t forged = i < others ? near[i] : i == others ? 0 : RIG_FORGED[i - others - 1];
        const bool asks_one_way = (forged | EXO_ONE_WAY) == FRAMES.raw; // by a handle that is none of a gate
        struct message message = message_of(100);
        rig_context("handle", forged);
        CHECK_EQUAL(call_through((exo_handle){forged}, &message), asks_one_way ? EXO_KIND : EXO_HANDLE);
        CHECK(message.rbx == 101 && message.rbp == 105 && message.r12 == 109 && message.r15 == 112);
        CHECK_ERROR(exo_gate_post((exo_handle){forged}, 1, 2, 3, 4), HANDLE);
    }
    CHECK_EQUAL(served_count, 0);
    server_release(&server);
}

// What a binding looks like in a table, for a forgery in the caller's own memory, which lies behind its table.
struct forgery {
    uint64_t previous, next, table, first, count, callee;
    uint32_t generation;
    uint16_t depth, uses;
    uint8_t kind, rights, dying, reserved;
    int32_t callable;
};
static_assert(sizeof(struct forgery) == 64);
static exo_handle forged_handle;
static uint64_t calls_the_forgery(uint64_t seed) {
    struct message message = message_of(seed);
    return call_through(forged_handle, &message);
}

TEST(a_gate_forged_behind_the_table_is_none) {
    constexpr uint64_t direct_map = 0xffff'8000'0000'0000, places = EXO_PAGE_SIZE / sizeof(struct forgery);
    struct server server = server_new(CHILD_SHARED, serves_echo, 1);
    struct child caller = child_new(CHILD_SHARED, calls_the_forgery);
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    CHECK_EQUAL(frame.raw, caller.frames.raw + 3); // private, page, bindings, and this
    struct forgery *forgery = rig_map(RIG_WINDOW, frame, EXO_READ | EXO_WRITE);
    *forgery = (struct forgery){
        .first = 666,
        .count = 1,
        .callee = direct_map + (server.child.frames.raw << EXO_PAGE_SHIFT),
        .generation = 1,
        .depth = 1,
        .kind = EXO_KIND_GATE,
        .rights = EXO_EXECUTE,
        .callable = ~0,
    };
    forged_handle = (exo_handle){1 << 16 | places};
    served_count = 0;
    child_run(&caller, 100);
    CHECK_EQUAL(caller.state.status, EXO_HANDLE);
    CHECK_EQUAL(served_count, 0);
    rig_unmap(RIG_WINDOW);
    child_release(&caller);
    server_release(&server);
    rig_release(frame, 1);
}

TEST(other_kinds_and_missing_rights_are_refused) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 1);
    struct message message = message_of(100);
    const exo_handle others[] = {FRAMES, DISK, SLICES, CONSOLE, POWER, server.child.pe};
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        rig_context("binding", i);
        CHECK_EQUAL(call_through(others[i], &message), EXO_KIND);
        CHECK_ERROR(exo_gate_post(others[i], 1, 2, 3, 4), KIND);
    }
    const exo_handle posts = rig_derive(server.gate, 1, 1, EXO_WRITE),
                     calls = rig_derive(server.gate, 1, 1, EXO_EXECUTE);
    CHECK_EQUAL(call_through(posts, &message), EXO_RIGHTS);
    CHECK_ERROR(exo_gate_post(calls, 1, 2, 3, 4), RIGHTS);
    CHECK_EQUAL(call_through(calls, &message), EXO_OK);
    OK(exo_gate_post(posts, 1, 2, 3, 4));
    server_release(&server);
}

TEST(a_narrower_gate_tells_its_own_number) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 1);
    const exo_handle wide = {OK(exo_gate_make(server.child.pe, 100, 50))};
    struct message message = message_of(100);
    for (uint64_t number = 100; number < 150; number += 7) {
        const exo_handle one = rig_derive(wide, number, 1, EXO_EXECUTE);
        CHECK_EQUAL(call_through(one, &message), EXO_OK);
        CHECK_EQUAL(served.rax, number);
        rig_drop(one);
        CHECK_EQUAL(call_through(one, &message), EXO_HANDLE);
    }
    server_release(&server);
}

// --- Circles

static exo_handle back, own;
static void calls_back(void) {
    struct message message = message_of(1);
    const struct message kept = served;
    const enum exo_error first = call_through(back, &message), second = call_through(own, &message);
    served = kept;
    served.r8 = first == EXO_BUSY && second == EXO_BUSY ? 500 : first;
}

TEST(a_circle_of_calls_and_a_call_to_oneself_are_refused) {
    struct server server = server_new(CHILD_SHARED, serves_then, 1);
    const exo_handle here = {OK(exo_gate_make(SELF, 0, 1))};
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(here, &message), EXO_BUSY);
    back = child_grant(&server.child, here, 0, 1, EXO_EXECUTE);
    own = child_grant(&server.child, server.gate, 1, 1, EXO_EXECUTE);
    serves_code = calls_back;
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(message.r8, 501);
    CHECK_EQUAL(rig_revoke(here), EXO_OK);
    rig_drop(here);
    server_release(&server);
}

TEST(a_pe_that_waits_or_has_never_rested_is_not_entered) {
    struct child child = child_new(CHILD_SHARED, comes_to_rest);
    const exo_handle gate = {OK(exo_gate_make(child.pe, 0, 1))};
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(gate, &message), EXO_BUSY);
    child_start(&child, 0);
    CHECK_EQUAL(call_through(gate, &message), EXO_BUSY);
    child_release(&child);
}

TEST(nobody_rests_without_a_gate_entry) {
    struct child child = child_new(CHILD_SHARED, comes_to_rest);
    OK(exo_pe_set_entry(child.pe, EXO_UPCALL_gate, (exo_vaddr){0}, (exo_vaddr){0}));
    child_run(&child, 0);
    CHECK_EQUAL(child.state.end, EXO_END_EXIT);
    CHECK_EQUAL(child.state.status, EXO_STATE);
    child_release(&child);
}

// --- Calls without a reply

TEST(a_callee_that_exits_does_not_keep_its_caller) {
    struct server server = server_new(CHILD_SHARED, child_on_gate, 1);
    struct message message = message_of(100);
    message.fs = 0x4444;
    CHECK_EQUAL(call_through(server.gate, &message), EXO_BROKEN);
    CHECK_EQUAL(message.fs, 0x4444);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_STATE);
    CHECK_ERROR(exo_gate_post(server.gate, 1, 2, 3, 4), STATE);
    CHECK(child_go(&server.child, 0));
    CHECK_EQUAL(server.child.state.status, CHILD_BY(gate));
    server_release(&server);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_HANDLE); // it went with its PE
}

TEST(a_caller_goes_on_without_flags_of_an_earlier_preemption) {
    struct server server = server_new(CHILD_SHARED, child_on_gate, 1);
    struct message message = message_of(100);
    gate_wait_with_flag(rig_page());
    CHECK_EQUAL(call_through(server.gate, &message), EXO_BROKEN);
    CHECK_EQUAL(message.rflags & ~0x8d5ull, 0x202);
    server_release(&server);
}

extern const char serves_badly[];
__asm__(".text\nserves_badly:\n movq 0x30000000, %rax\n ud2\n");

TEST(a_callee_that_faults_to_death_does_not_keep_its_caller) {
    struct server server = server_new(CHILD_ISOLATED, serves_badly, 1);
    for (uint64_t upcall = 1; upcall < EXO_UPCALL_gate; upcall++)
        OK(exo_pe_set_entry(server.child.pe, upcall, (exo_vaddr){0}, (exo_vaddr){0}));
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_BROKEN);
    CHECK(child_go(&server.child, 0));
    CHECK_EQUAL(server.child.state.end, EXO_END_NO_ENTRY);
    CHECK(!rig_reads((const void *)0x3000'1000)); // our own faults still come to us
    server_release(&server);
}

// The callee's entry was taken away while it rested: it begins at address 0, and that is its end.
TEST(a_gate_entry_that_is_taken_away_harms_its_pe_only) {
    struct server server = server_new(CHILD_ISOLATED, serves_echo, 1);
    OK(exo_pe_set_entry(server.child.pe, EXO_UPCALL_gate, (exo_vaddr){0}, (exo_vaddr){0}));
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_BROKEN);
    CHECK(child_go(&server.child, 0));
    CHECK_EQUAL(server.child.state.status, CHILD_BY(fault));
    server_release(&server);
}

// A caller that is a child, so that the test can look on. Its status is what its call returned.
static exo_handle to_server;
static uint64_t makes_a_call(uint64_t seed) {
    struct message message = message_of(seed);
    return call_through(to_server, &message) | message.r8 << 8;
}

// Serves for ever.
extern const char serves_never[];
__asm__(".text\nserves_never:\n movq %rdi, %rbx\n 1: pause\n cmpl $0, never_stop(%rip)\n je 1b\n"
        "movl $77, %r8d\n movq $~29, %rax\n syscall\n ud2\n.bss\nnever_stop: .skip 4\n.text\n");
extern volatile uint32_t never_stop;

static struct child caller_of(const struct server *server) {
    struct child caller = child_new(CHILD_SHARED, makes_a_call);
    to_server = child_grant(&caller, server->gate, 1, 1, EXO_EXECUTE);
    never_stop = 0;
    child_start(&caller, 100);
    rig_need(!child_go(&caller, 3) && caller.state.state == EXO_PE_CALLING, "a caller does not call");
    return caller;
}

TEST(a_callee_that_never_returns_uses_only_its_callers_slices) {
    struct server server = server_new(CHILD_SHARED, serves_never, 1);
    struct child caller = caller_of(&server); // neither holds a position; the call was made in a slice of the test's
    const uint64_t before = rig_page()->slices;
    for (unsigned i = 0; i < 5; i++) OK(exo_pe_yield(EXO_NO_HANDLE));
    CHECK_EQUAL(rig_page()->slices, before + 5); // all are the test's
    CHECK_EQUAL(server.child.page->slices + caller.page->slices, 0);
    never_stop = 1;
    OK(exo_pe_yield(server.child.pe)); // it replies in a slice that is given to it; the caller goes on in its rest
    CHECK(child_go(&caller, 3));
    CHECK_EQUAL(caller.state.status, EXO_OK | 77 << 8);
    child_release(&caller);
    server_release(&server);
}

TEST(a_caller_with_a_deadline_gets_its_slices_back) {
    struct server server = server_new(CHILD_SHARED, serves_never, 1);
    const uint64_t slice = rig_machine()->slice_nanoseconds * (rig_machine()->ticks_per_second / 1000) / 1'000'000;
    struct message message = message_of(100);
    never_stop = 0;
    const uint64_t deadline = __builtin_ia32_rdtsc() + 3 * slice;
    rig_page()->call_deadline = deadline;
    CHECK_EQUAL(call_through(server.gate, &message), EXO_LATE);
    const uint64_t late = __builtin_ia32_rdtsc() - deadline;
    CHECK(late < slice + slice / 8); // at the end of the slice that it fell into
    CHECK_ERROR(exo_trap1(EXO_CALL_gate_call, server.gate.raw), BUSY);
    never_stop = 1;
    CHECK(!child_go(&server.child, 3)); // its reply reaches nobody
    CHECK_EQUAL(server.child.state.state, EXO_PE_RESTING);
    rig_page()->call_deadline = __builtin_ia32_rdtsc() + 3 * slice;
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK); // in time
    rig_page()->call_deadline = 0;
    server_release(&server);
}

TEST(a_caller_in_a_call_can_not_be_given_the_cpu) {
    struct server server = server_new(CHILD_SHARED, serves_never, 1);
    struct child caller = caller_of(&server);
    CHECK_ERROR(exo_pe_yield(caller.pe), STATE);
    child_release(&caller);
    server_release(&server);
}

TEST(a_callee_that_is_destroyed_does_not_keep_its_caller) {
    struct server server = server_new(CHILD_SHARED, serves_never, 1);
    struct child caller = caller_of(&server);
    server_release(&server);
    CHECK(child_go(&caller, 3));
    CHECK_EQUAL(caller.state.status & 0xff, EXO_BROKEN);
    child_release(&caller);
}

TEST(a_reply_to_a_caller_that_was_destroyed_reaches_nobody) {
    struct server server = server_new(CHILD_SHARED, serves_never, 1);
    struct child caller = caller_of(&server);
    child_release(&caller);
    never_stop = 1;
    CHECK(!child_go(&server.child, 3));
    CHECK_EQUAL(server.child.state.state, EXO_PE_RESTING);
    never_stop = 1;
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(message.r8, 77);
    server_release(&server);
}

TEST(a_call_through_a_gate_that_is_taken_back_is_broken_off) {
    struct server server = server_new(CHILD_SHARED, serves_never, 1);
    struct child caller = caller_of(&server);
    CHECK_EQUAL(rig_revoke(server.gate), EXO_OK);
    CHECK(child_go(&caller, 3));
    CHECK_EQUAL(caller.state.status & 0xff, EXO_BROKEN);
    never_stop = 1;
    CHECK(!child_go(&server.child, 3)); // its reply reaches nobody, and it rests
    CHECK_EQUAL(server.child.state.state, EXO_PE_RESTING);
    child_release(&caller);
    server_release(&server);
}

// A callee that made the gate itself takes it back in the middle of the call, and replies all the same.
static exo_handle its_own, its_client;
static uint64_t makes_a_gate_and_rests(uint64_t argument) {
    (void)argument;
    its_own.raw = exo_gate_make(SELF, 5, 1).value;
    to_server.raw = exo_binding_grant(its_own, its_client, 5, 1, EXO_EXECUTE).value;
    return exo_gate_rest();
}
static void takes_the_gate_back(void) {
    while (exo_binding_revoke(its_own).error == EXO_AGAIN) {
    }
}

TEST(a_callee_can_break_a_call_off_by_taking_its_gate_back) {
    struct child callee = child_new(CHILD_SHARED, makes_a_gate_and_rests);
    struct child caller = child_new(CHILD_SHARED, makes_a_call);
    const exo_vaddr entry = {(uint64_t)serves_then}, stack = {child_stack(&callee, EXO_UPCALL_gate)};
    OK(exo_pe_set_entry(callee.pe, EXO_UPCALL_gate, entry, stack));
    its_client = child_grant(&callee, caller.pe, caller.frames.raw, 1, EXO_WRITE);
    serves_code = takes_the_gate_back;
    served_count = 0;
    child_start(&callee, 0);
    CHECK(!child_go(&callee, 3));
    child_run(&caller, 100);
    CHECK_EQUAL(caller.state.status & 0xff, EXO_BROKEN);
    CHECK_EQUAL(served.rax, 5);
    CHECK_EQUAL(served_count, 1);
    CHECK(!child_go(&callee, 3));
    CHECK_EQUAL(callee.state.state, EXO_PE_RESTING);
    child_release(&caller);
    child_release(&callee);
}

// --- Replies

static uint64_t replies_at_once(uint64_t argument) {
    (void)argument;
    (void)exo_gate_rest(); // as a reply, which it owes nobody
    return 1;
}

TEST(a_second_reply_reaches_nobody) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 1);
    struct child liar = child_new(CHILD_SHARED, replies_at_once);
    struct server busy = server_new(CHILD_SHARED, serves_never, 1);
    struct child caller = caller_of(&busy);
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    server_page = server.child.page;
    server_page->mask = ~(1ull << EXO_EVENT_message);
    for (unsigned i = 0; i < 3; i++) { // each makes it reply again
        OK(exo_gate_post(server.gate, 1, 2, 3, 4));
        CHECK(!child_go(&server.child, 3));
        CHECK_EQUAL(server.child.state.state, EXO_PE_RESTING);
        server.child.page->taken++;
    }
    child_start(&liar, 0);
    CHECK(!child_go(&liar, 3));
    CHECK(!child_go(&caller, 0));
    CHECK_EQUAL(caller.state.state, EXO_PE_CALLING); // it waits for the right one
    child_release(&liar);
    child_release(&caller);
    server_release(&busy);
    server_release(&server);
}

TEST(numbers_that_are_no_call_yet_are_refused) {
    for (uint64_t number = EXO_CALL_gate_reply + 1; number < EXO_CALL_gate_call; number++) {
        rig_context("number", number);
        CHECK_ERROR(exo_trap0(number), CALL);
    }
}
