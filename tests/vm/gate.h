// SPDX-License-Identifier: MIT
// Calls through gates with every register under the test's eye, and children that serve them.
//
//   struct server server = server_new(CHILD_SHARED, serves_echo, 7); // at rest; server.gate is a gate with the number
//   7 struct message message = message_of(100); call_through(server.gate, &message);                              //
//   the registers that came back server_release(&server);
#pragma once
#include "pe/gate.h"
#include "tests/vm/child.h"

// Registers, as they are loaded before a call and stored behind it (rcx, r11, rflags: stored only).
struct message {
    uint64_t rax, rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r12, r13, r14, r15;
    uint64_t xmm0, xmm15, fs, gs;
    uint64_t rcx, r11, rflags;
};

// Code to be preempted in: sets the alignment flag, which nothing obeys, and waits until the PE whose page it is has
// begun another slice.
static inline void gate_wait_with_flag(const volatile struct exo_pe_page *page) {
    __asm__ volatile("pushfq; orq $0x40000, (%%rsp); popfq" ::: "memory", "cc");
    for (const uint64_t before = page->slices; page->slices == before;) {
    }
}
constexpr uint64_t GATE_FLAG = 0x40000;

// A different value for each, from a seed; rax and rdi, which are no message in a call, are 0.
struct message message_of(uint64_t seed);

// Whether the registers of the message are those that message_of gives.
bool message_is(const struct message *message, uint64_t seed);

// Calls with the message's registers, and stores those that come back. Returns rax.
enum exo_error call_through(exo_handle gate, struct message *message);

// What the servers below found at their gate entry (they run in the test's address space), and their stack pointer.
extern struct message served;
extern uint64_t served_rsp;
extern volatile uint64_t served_count, served_events;

// Gate entries. All store the registers in `served`; with no caller they count an event, store rflags only, clear the
// pending events and rest.
extern const char serves_echo[];  // replies with the registers as they were, but rdi = rax and r8 = 1 more
extern const char serves_other[]; // replies with message_of(5000), which server_prepare has put into `reply`
extern const char serves_then[];  // calls serves_code() in C, then replies like the first
extern struct message reply;
extern volatile struct exo_pe_page *server_page; // in which pending events are cleared: of the server made last
extern void (*volatile serves_code)(void);

struct server {
    struct child child;
    exo_handle gate;
};

// A child at rest, with a gate into it in the test's table, or one that is to be started with its own code.
struct server server_new(enum child_space space, const char *entry, uint64_t number);
void server_release(struct server *server);

// What a child's code is that only comes to rest.
uint64_t comes_to_rest(uint64_t argument);
