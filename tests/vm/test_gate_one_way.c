// SPDX-License-Identifier: MIT
// One-way calls through gates: what goes over, what becomes of both sides, whose slices it takes.
#include "tests/vm/gate.h"

static enum exo_error send_through(exo_handle gate, struct message *message) {
    return call_through(exo_one_way(gate), message);
}

TEST(a_one_way_call_carries_every_register_and_the_kernels_two_words) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 0x1234'5678'9abc'def0);
    struct message message = message_of(100);
    CHECK_EQUAL(send_through(server.gate, &message), EXO_OK);
    CHECK(message_is(&served, 100));
    CHECK_EQUAL(served.rax, 0x1234'5678'9abc'def0);
    CHECK_EQUAL(served.rdi, rig_page()->id);
    CHECK_EQUAL(served_rsp, child_stack(&server.child, EXO_UPCALL_gate));
    CHECK_EQUAL(served.rflags & ~0x44ull, 0x202);
    server_release(&server);
}

TEST(nothing_of_the_callees_comes_back_from_a_one_way_call) {
    struct server server = server_new(CHILD_SHARED, serves_other, 1);
    struct message message = message_of(100);
    reply = message_of(5000);
    reply.rdi = 5000;
    reply.fs = 0x7777;
    message.fs = 0x5555;
    CHECK_EQUAL(send_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(message.fs, 0x5555); // the caller's own, with its stack pointer, by which it has come here
    CHECK_EQUAL(message.rflags & ~0x8d5ull, 0x202);
    const uint64_t *words = (const uint64_t *)&message;
    for (unsigned i = 0; i < sizeof message / sizeof *words; i++) {
        rig_context("register", i);
        CHECK(words[i] < 5000 || words[i] > 5020);
    }
    server_release(&server);
}

// Leaves in the kernel's context of this PE: rax 77, and the flag.
static void is_preempted(void) {
    __asm__ volatile("pushfq\n orq %1, (%%rsp)\n popfq\n movq %0, %%rcx\n movl $77, %%eax\n"
                     "1: cmpq %0, %%rcx\n je 1b" ::"m"(rig_page()->slices),
                     "i"(GATE_FLAG)
                     : "rax", "rcx", "memory", "cc");
}

TEST(a_one_way_caller_goes_on_with_ok_and_plain_flags_whatever_it_was_preempted_in) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 1);
    struct message message = message_of(100);
    is_preempted();
    CHECK_EQUAL(send_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(message.rflags & GATE_FLAG, 0);
    server_release(&server);
}

TEST(a_thousand_one_way_calls_are_served) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 1);
    served_count = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        struct message message = message_of(i);
        rig_context("call", i);
        CHECK_EQUAL(send_through(server.gate, &message), EXO_OK);
        CHECK_EQUAL(served.r15, message_of(i).r15);
    }
    CHECK_EQUAL(served_count, 1000);
    struct message message = message_of(7);
    CHECK_EQUAL(call_through(server.gate, &message), EXO_OK); // and one that is replied to
    CHECK_EQUAL(message.r8, message_of(7).r8 + 1);
    server_release(&server);
}

static volatile bool may_end;
static void spins(void) {
    while (!may_end) {
    }
}

TEST(the_callee_of_a_one_way_call_has_the_rest_of_the_slice_and_no_other) {
    struct server server = server_new(CHILD_SHARED, serves_then, 1);
    serves_code = spins;
    may_end = false;
    served_count = 0;
    const uint64_t before = rig_page()->slices;
    struct message message = message_of(100);
    CHECK_EQUAL(send_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(rig_page()->slices, before + 1); // its very next one
    CHECK_EQUAL(served_count, 1);
    message = message_of(100);
    CHECK_EQUAL(send_through(server.gate, &message), EXO_BUSY); // it is still at work
    CHECK(message.rbx == 101 && message.rbp == 105 && message.r12 == 109 && message.r15 == 112);
    may_end = true;
    CHECK(!child_go(&server.child, 3));
    CHECK_EQUAL(server.child.state.state, EXO_PE_RESTING);
    server_release(&server);
}

TEST(forged_one_way_handles_are_refused_and_leave_every_register) {
    struct server server = server_new(CHILD_SHARED, serves_echo, 1);
    const exo_handle posts = rig_derive(server.gate, 1, 1, EXO_WRITE);
    const uint64_t index = server.gate.raw & 0xffff, generation = server.gate.raw >> 16;
    const uint64_t near[] = {
        (generation + 1) << 16 | index,                // the next use of the gate's place
        (generation - 1 + (1ull << 32)) << 16 | index, // bits above the generation
        1ull << 63 | exo_one_way(server.gate).raw,     //
        0xffff'fffeull << 16 | index,                  // the generation that retires
        (generation - 1) << 16 | (index + 2),          // another place
        0,                                             // the place of no binding
        0xfffe'ffff,                                   // past the table
        exo_one_way(server.gate).raw | 0xffff,         //
    };
    served_count = 0;
    for (unsigned i = 0; i < sizeof near / sizeof *near; i++) {
        struct message message = message_of(100);
        rig_context("handle", near[i]);
        CHECK_EQUAL(call_through((exo_handle){near[i]}, &message), EXO_HANDLE);
        CHECK(message.rbx == 101 && message.rbp == 105 && message.r12 == 109 && message.r15 == 112);
    }
    struct message message = message_of(100);
    CHECK_EQUAL(send_through(posts, &message), EXO_RIGHTS);
    CHECK_EQUAL(send_through(FRAMES, &message), EXO_KIND);
    CHECK_ERROR(exo_gate_post(exo_one_way(posts), 1, 2, 3, 4), HANDLE);
    CHECK_EQUAL(served_count, 0);
    server_release(&server);
}

TEST(a_faulting_callee_of_a_one_way_call_takes_nobody_with_it) {
    struct server server = server_new(CHILD_SHARED, serves_then, 1);
    serves_code = (void (*)(void))0x3000'0000;
    struct message message = message_of(100);
    CHECK_EQUAL(send_through(server.gate, &message), EXO_OK);
    CHECK_EQUAL(send_through(server.gate, &message), EXO_STATE);
    server_release(&server);
}
