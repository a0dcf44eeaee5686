// SPDX-License-Identifier: MIT
// Child PEs: a test's way to have something done, or suffered, by somebody else.
//
//   struct child child = child_new(CHILD_SHARED, code);   // code(argument) runs as the child
//   child_run(&child, argument);                          // until it has ended
//   CHECK_EQUAL(child.state.status, …);                   // what it returned, or which upcall ended it
//   child_release(&child);
//
// A child's entries are set to handlers that store all registers and exit with a status that tells the upcall. What
// else there is to know of the upcall stands in its PE page, which the test sees at `page`.
#pragma once
#include "tests/vm/rig.h"

enum child_space {
    CHILD_SHARED,   // the test's own address space
    CHILD_ISOLATED, // an address space with nothing but the image's text and constants, its own stacks and PE page
};

// Status of a child that an upcall has ended.
constexpr uint64_t CHILD_UPCALL = 0x1000;
#define CHILD_BY(upcall) (CHILD_UPCALL + EXO_UPCALL_##upcall)

// Registers as the handler of an upcall found them.
struct child_registers {
    uint64_t rflags, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
};

struct child {
    unsigned number;
    exo_handle pe;
    exo_frame frames; // private, page, bindings
    exo_frame tables; // isolated only: root, then tables of level 3, 2, and 1 for 0 … 2 and for 4 … 6 MiB
    volatile struct exo_pe_page *page;
    struct exo_pe_state state; // after child_run
};

typedef uint64_t child_code(uint64_t argument);

// A new child, not started. At most CHILDREN at a time; set-up that fails ends the boot.
constexpr unsigned CHILDREN = 8;
struct child child_new(enum child_space space, child_code *code);

// The same for code that is a label in assembly.
struct child child_new_at(enum child_space space, const void *code);

// The PE page as an isolated child sees it.
#define CHILD_PAGE ((volatile struct exo_pe_page *)EXO_FIRST_PE_PAGE)

// Maps a frame into an isolated child's address space, below 2 MiB or from 4 to 6 MiB.
void child_map(const struct child *child, uint64_t address, exo_frame frame, uint64_t rights);

// Starts a child and gives it the CPU until it has ended. One that does not end fails the set-up.
void child_run(struct child *child, uint64_t argument);

// Starts it only; the CPU is given to it by child_go or a slice.
void child_start(const struct child *child, uint64_t argument);

// Gives it the CPU up to `goes` times, until it has ended or waits, for an event, a call or a reply. Returns whether it
// has ended, with `state` set.
bool child_go(struct child *child, unsigned goes);

// Registers as the handler of an upcall found them.
const struct child_registers *child_registers(const struct child *child, enum exo_upcall upcall);

// The top of the stack that an upcall's handler was given.
uint64_t child_stack(const struct child *child, enum exo_upcall upcall);

// Destroys the child and gives its frames back.
void child_release(struct child *child);

// What is left to do for a child that the test has destroyed itself.
void child_forget(struct child *child);

// A binding for the child, granted from one of the test's. Must succeed.
exo_handle child_grant(const struct child *child, exo_handle source, uint64_t first, uint64_t count, uint64_t rights);

// What a child's code can do at any place: end it.
[[noreturn]] void child_exit(uint64_t status);

// Handlers, for tests that set entries themselves.
extern const char child_on_fault[], child_on_exception[], child_on_syscall[], child_on_double_fault[],
    child_on_interrupt[], child_on_gate[];
