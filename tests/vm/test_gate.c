// SPDX-License-Identifier: MIT
// Calls through gates that work: what goes over in registers, whose state is kept, who pays.
#include "tests/vm/gate.h"

constexpr uint64_t KERNEL = 0xffff'8000'0000'0000;

TEST(a_call_carries_every_register_and_the_kernels_two_words) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 0x1234'5678'9abc'def0);
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    CHECK(message_is(&served, 100));
    CHECK_EQUAL(served.rax, 0x1234'5678'9abc'def0);
    CHECK_EQUAL(served.rdi, rig_page()->id);
    CHECK_EQUAL(served_rsp, child_stack(&server.child, EXO_UPCALL_gate));
    CHECK_EQUAL(served.rflags & ~0x44ull, 0x202); // zero and parity are the handler's own test
    CHECK_EQUAL(served.r11, 0x202);
    CHECK_EQUAL(served.rcx, (uint64_t)serves_echo);
    server_release(&server);
}

TEST(a_reply_carries_every_register_back) {
    struct server server = server_new(CHILD_SHARED, serves_other, 1);
    struct message message = message_of(100);
    reply = message_of(5000);
    reply.rdi = 77;
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    CHECK(message_is(&message, 5000));
    CHECK_EQUAL(message.rdi, 77);
    CHECK_EQUAL(message.rflags & ~0x44ull, 0x202);
    CHECK_EQUAL(message.r11, 0x202);
    CHECK(message.rcx < KERNEL);
    server_release(&server);
}

TEST(a_thousand_calls_go_and_come) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 1);
    served_count = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        struct message message = message_of(i);
        rig_context("call", i);
        CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
        CHECK_EQUAL(message.r8, message_of(i).r8 + 1);
    }
    CHECK_EQUAL(served_count, 1000);
    server_release(&server);
}

TEST(each_side_has_its_own_fs_base) {
    struct server server = server_new(CHILD_SHARED, serves_other, 1);
    struct message message = message_of(100);
    reply = message_of(5000);
    reply.fs = 0x7777; // the callee's own, from its reply on
    message.fs = 0x5555;
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(served.fs, 0);
    CHECK_EQUAL(message.fs, 0x5555);
    message.fs = 0x6666;
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(served.fs, 0x7777);
    CHECK_EQUAL(message.fs, 0x6666);
    server_release(&server);
}

// Sets AC, NT, DF and the arithmetic flags, and calls.
enum exo_error call_with_flags(exo_handle gate);
__asm__(".text\ncall_with_flags:\n pushq %rbx\n pushq %rbp\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
        "movq $~63, %rax\n pushfq\n orq $0x44cd5, (%rsp)\n popfq\n syscall\n"
        "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbp\n popq %rbx\n ret\n");

TEST(flags_of_the_caller_do_not_reach_the_callee) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 1);
    served.rflags = 0;
    CHECK_EQUAL(call_with_flags(server.gate), EXO_OK);
    CHECK_EQUAL(served.rflags & ~0x44ull, 0x202);
    server_release(&server);
}

// A server in an address space of its own: it looks at its PE page and a page that only it has, and answers in
// registers.
extern const char serves_isolated[];
__asm__(".text\nserves_isolated:\n movq 0x1ff008, %rsi\n movq 0x100000, %rdx\n incq 0x100000\n"
        "movq $~29, %rax\n syscall\n ud2\n");

TEST(the_callee_runs_in_its_own_address_space_and_the_caller_again_in_its_own) {
    struct server server = server_new(CHILD_ISOLATED, serves_isolated, 1);
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    child_map(&server.child, 0x10'0000, frame, EXO_READ | EXO_WRITE);
    volatile uint64_t *word = rig_map(RIG_WINDOW, frame, EXO_READ | EXO_WRITE);
    *word = 40;
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(message.rsi, server.child.page->id);
    CHECK_EQUAL(message.rdx, 40);
    CHECK_EQUAL(*word, 41);
    rig_unmap(RIG_WINDOW);
    server_release(&server);
    rig_release(frame, 1);
}

// The save area that exceptions go to changes with the PE: a fault in the callee is the callee's, one behind it the
// caller's.
static void faults_there(void) {
    (void)*(volatile uint64_t *)0x3000'0000;
}
extern const char serves_fault[];
__asm__(".text\nserves_fault:\n movq server_page(%rip), %rcx\n movq 72(%rcx), %rsi\n movq 56(%rcx), %rdx\n"
        "movq $0, 72(%rcx)\n movq $~29, %rax\n syscall\n ud2\n");

TEST(a_fault_of_the_callee_is_upcalled_there_and_the_callers_own_still_here) {
    struct server server = server_new(CHILD_SHARED, serves_then, 1);
    const exo_vaddr handler = {(uint64_t)serves_fault}, stack = {child_stack(&server.child, EXO_UPCALL_fault)};
    OK(exo_pe_set_entry(server.child.pe, EXO_UPCALL_fault, handler, stack)); // replies from there
    serves_code = faults_there;
    struct message message = message_of(100);
    rig_page()->exception.cr2 = 0;
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(message.rsi, 1); // busy, in the callee's area
    CHECK_EQUAL(message.rdx, 0x3000'0000);
    CHECK_EQUAL(rig_page()->exception.cr2, 0);
    CHECK(!rig_reads((const void *)0x3000'1000));
    CHECK_EQUAL(rig_fault_address, 0x3000'1000);
    CHECK_EQUAL(server.child.page->exception.cr2, 0x3000'0000);
    server_release(&server);
}

static void calls_foreign(void) {
    __asm__ volatile("movl $60, %%eax; syscall" ::: "rax", "rcx", "r11", "memory");
}
extern const char serves_syscall[];
__asm__(".text\nserves_syscall:\n movq server_page(%rip), %rcx\n movq 32(%rcx), %rsi\n"
        "movq $0, 72(%rcx)\n movq $~29, %rax\n syscall\n ud2\n");

TEST(a_foreign_system_call_of_the_callee_is_upcalled_there) {
    struct server server = server_new(CHILD_SHARED, serves_then, 1);
    const exo_vaddr handler = {(uint64_t)serves_syscall}, stack = {child_stack(&server.child, EXO_UPCALL_syscall)};
    OK(exo_pe_set_entry(server.child.pe, EXO_UPCALL_syscall, handler, stack));
    serves_code = calls_foreign;
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(message.rsi, 60);
    server_release(&server);
}

// --- Who pays

static volatile uint64_t others_turns;
static uint64_t yields_always(uint64_t argument) {
    while (argument == 0) {
        others_turns++;
        (void)exo_pe_yield(EXO_NO_HANDLE);
    }
    return 0;
}

// Computes until its caller has begun some more slices, with values in vector registers that must outlast them.
static void spins_for_slices(void) {
    const uint64_t until = rig_page()->slices + 4;
    __asm__ volatile("movq %0, %%xmm0\n 1: cmpq %0, %1\n jb 1b" ::"r"(until), "m"(rig_page()->slices)
                     : "xmm0", "memory");
    uint64_t kept;
    __asm__ volatile("movq %%xmm0, %0" : "=r"(kept));
    served.r8 = kept == until ? 1000 : 0;
}

TEST(a_callee_goes_on_in_its_callers_slices_and_takes_nobody_elses) {
    struct server server = server_new(CHILD_SHARED, serves_then, 1);
    struct child other = child_new(CHILD_SHARED, yields_always);
    OK(exo_slice_set(SLICES, 1, other.pe));
    child_start(&other, 0);
    serves_code = spins_for_slices;
    others_turns = 0;
    const uint64_t before = rig_page()->slices;
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(message.r8, 1001);
    CHECK(message.rsi == message_of(100).rsi && message.r15 == message_of(100).r15);
    CHECK_EQUAL(rig_page()->slices, before + 4);
    CHECK_EQUAL(others_turns, 4); // one between each two of the caller's
    CHECK_EQUAL(server.child.page->slices, 0);
    child_release(&other);
    server_release(&server);
}

// --- Nesting

static exo_handle inner;
static void calls_on(void) {
    struct message message = message_of(900);
    const struct message outer = served;
    const enum exo_error error = call_through(inner, &message);
    const uint64_t caller = served.rdi;
    served = outer;
    served.r8 = error == EXO_OK && message.r8 == message_of(900).r8 + 1 ? caller : 0;
}

TEST(a_callee_calls_on) {
    struct server last = server_new(CHILD_SHARED, serves_echo, 2);
    struct server middle = server_new(CHILD_SHARED, serves_then, 1);
    inner = child_grant(&middle.child, last.gate, 2, 1, EXO_EXECUTE);
    serves_code = calls_on;
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(middle.gate, &message), EXO_OK);
    CHECK_EQUAL(message.r8, middle.child.page->id + 1); // whom the last one saw
    CHECK_EQUAL(message.rdi, 1);                        // the middle's own number
    server_release(&middle);
    server_release(&last);
}

// --- Events and posts

TEST(an_event_at_rest_enters_with_no_caller) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 1);
    served_events = served_count = 0;
    server.child.page->mask = ~(1ull << EXO_EVENT_message);
    OK(exo_gate_post(server.gate, 1, 2, 3, 4));
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_BUSY); // it does not rest any more
    CHECK(message.rbx == 101 && message.rbp == 105 && message.r12 == 109 && message.r15 == 112); // as after any call
    CHECK(!child_go(&server.child, 3));
    CHECK_EQUAL(served_events, 1);
    CHECK_EQUAL(server.child.state.state, EXO_PE_RESTING);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(served_count, 1);
    server_release(&server);
}

static exo_handle to_itself;
static void posts_to_itself(void) {
    (void)exo_gate_post(to_itself, 1, 2, 3, 4);
}

TEST(a_pe_with_an_event_due_replies_and_does_not_rest) {
    struct server server = server_new(CHILD_SHARED, serves_then, 1);
    to_itself = child_grant(&server.child, server.gate, 1, 1, EXO_WRITE);
    serves_code = posts_to_itself;
    served_events = 0;
    server.child.page->mask = ~(1ull << EXO_EVENT_message);
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK); // the reply came all the same
    CHECK_EQUAL(message.rsi, message_of(100).rsi);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_BUSY);
    CHECK(!child_go(&server.child, 3));
    CHECK_EQUAL(served_events, 1);
    CHECK_EQUAL(server.child.state.state, EXO_PE_RESTING);
    server_release(&server);
}

// The context in which the callee was preempted is not the one in which it begins at rest.
static void is_preempted_and_posts(void) {
    gate_wait_with_flag(rig_page());
    posts_to_itself();
}

TEST(a_pe_with_an_event_due_begins_anew_whatever_it_was_preempted_in) {
    struct server server = server_new(CHILD_SHARED, serves_then, 1);
    to_itself = child_grant(&server.child, server.gate, 1, 1, EXO_WRITE);
    serves_code = is_preempted_and_posts;
    served_events = 0;
    server.child.page->mask = ~(1ull << EXO_EVENT_message);
    struct message message = message_of(100);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK);
    served_rsp = served_count = 0;
    CHECK(!child_go(&server.child, 3));
    CHECK_EQUAL(served_events, 1);
    CHECK_EQUAL(served_count, 0); // no call
    CHECK_EQUAL(served_rsp, child_stack(&server.child, EXO_UPCALL_gate));
    CHECK_EQUAL(served.rflags & GATE_FLAG, 0);
    server_release(&server);
}

TEST(posts_arrive_with_the_kernels_word_for_who_sent_them) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 9);
    volatile struct exo_pe_page *page = server.child.page;
    for (uint64_t i = 0; i < EXO_MESSAGES; i++) OK(exo_gate_post(server.gate, i, 20 + i, 30 + i, 40 + i));
    CHECK_ERROR(exo_gate_post(server.gate, 1, 2, 3, 4), FULL);
    CHECK_EQUAL(page->posted - page->taken, EXO_MESSAGES);
    CHECK(page->pending & 1ull << EXO_EVENT_message);
    for (uint64_t i = 0; i < EXO_MESSAGES; i++) {
        const volatile struct exo_message *message = &page->messages[i];
        rig_context("message", i);
        CHECK_EQUAL(message->caller, rig_page()->id);
        CHECK_EQUAL(message->number, 9);
        CHECK(message->words[0] == i && message->words[1] == 20 + i);
        CHECK(message->words[2] == 30 + i && message->words[3] == 40 + i);
    }
    page->taken += 1;
    OK(exo_gate_post(server.gate, 1, 2, 3, 4));
    server_release(&server);
}
