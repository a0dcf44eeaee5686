// SPDX-License-Identifier: MIT
// Upcalls: how the kernel's events reach this library OS, and how it goes back without the kernel.
//
//   void pe_on_fault(struct exo_exception *fault) {       // define what you want to handle; the linker finds it
//       space_map((exo_vaddr){fault->cr2}, frames_take(), EXO_READ | EXO_WRITE);
//   }                                                     // returning resumes the application
//
// Rules for handlers
//   - fault and exception run with the save area busy, on their own stack: a fault in them goes to double_fault. They
//     touch only what is always mapped: the image, core's own pages, never a paged region.
//   - syscall has left the save area and may fault. It must make no foreign system call itself.
//   - events (slice_begin, slice_end, disk, ended, message) run on a stack of their own with further events held. They
//     may fault and make exo-calls, but make no foreign system call.
//   - all are compiled with -mgeneral-regs-only, because entry.S keeps no vector or x87 register.
//   - an event without a handler is masked: so a PE that doesn't define pe_on_slice_end is never asked to yield in
//     time, and never charged for being late. `disk` and `ended` are always unmasked, so that they end exo_pe_wait.
#pragma once
#include "libos/core/map.h"
#include "pe/pe.h"
#include "pe/stubs.h"

// This PE's page.
static inline struct exo_pe_page *pe_page(void) {
    return (struct exo_pe_page *)MAP_PE_PAGE;
}

// The caller-saved registers at a fault or exception that are not in the save area. A handler may change them.
struct upcall_registers {
    uint64_t r10, r9, r8, rdx, rsi, rdi;
};

// A foreign system call: number and result in rax, arguments in rdi, rsi, rdx, r10, r8, r9 (Linux's convention).
struct upcall_syscall {
    struct upcall_registers registers;
    uint64_t rax, rflags, rip, rsp;
};

// A page fault. Default: reports it in one line and ends the PE.
void pe_on_fault(struct exo_exception *fault);

// Any other exception; `exception->vector` says which. Default: reports it in one line and ends the PE.
void pe_on_exception(struct exo_exception *exception, struct upcall_registers *registers);

// A system call that is none of the kernel's. Default: reports the number in one line, result -ENOSYS.
void pe_on_syscall(struct upcall_syscall *call);

// A fault while the save area was busy. What the area held before is lost, so this must not return. Default: reports
// it in one line and ends the PE.
[[noreturn]] void pe_on_double_fault(struct exo_exception *second);

// Events. There are no defaults.
#define EVENT(bit, name, sentence) void pe_on_##name(void) __attribute__((weak));
#include "pe/upcalls.def"
#undef EVENT

// Sets all entry points and the mask. core/start.c does this before anything else.
void upcalls_init(void);

// Holding events back: between hold and release no event handler runs. Needed around every use of the PE page's
// argument area outside fault and exception handlers, and around looking at what a handler changes. Nests.
//   const uint64_t held = events_hold(); … events_release(held);
static inline uint64_t events_hold(void) {
    volatile uint64_t *busy = &pe_page()->interrupt_busy;
    const uint64_t held = *busy;
    *busy = 1;
    return held;
}
void events_release(uint64_t held); // runs the handlers of what came meanwhile

// Gives the CPU up until an event arrives; call with events held, in a loop that looks at its condition each time.
// Events that come stay pending for events_release, but no longer keep this from waiting. Works in every context.
//   uint64_t seen = 0;
//   while (!done()) events_wait(&seen);
//   events_seen(seen);
void events_wait(uint64_t *seen);
void events_seen(uint64_t seen);
