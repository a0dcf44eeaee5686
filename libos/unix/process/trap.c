// SPDX-License-Identifier: MIT
// The C side of entry.S, and this library OS's own version of libos/core/upcall.c: entry points, events, exceptions.
//
// Events are held all the time (interrupt_busy) but in user code, and taken from `pending` where it suits.
#include "libos/unix/process/trap.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include "libos/unix/files/file.h"
#include "libos/unix/map.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/clock.h"
#include "libos/unix/process/dispatch.h"
#include "libos/unix/process/interval.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include "libos/unix/process/timer.h"
#include <signal.h>

static_assert((EVENT_SLICE | EVENT_DISK) == 5, "EVENTS in entry.S");
static_assert(offsetof(struct thread, attention) == 0, "entry.S");

void entry_fault(void), entry_exception(void), entry_double_fault(void), entry_interrupt(void), entry_syscall(void);
extern char stack_fault_top[], stack_syscall_top[], stack_double_fault_top[], stack_interrupt_top[];

static void set_entry(enum exo_upcall upcall, void (*entry)(void), const char *stack) {
    const exo_vaddr address = {(uint64_t)entry}, top = {(uint64_t)stack};
    if (exo_pe_set_entry(EXO_NO_HANDLE, upcall, address, top).error != EXO_OK) __builtin_trap();
}

// slice_end stays masked, so that a slice that ends in library code is nobody's fault: the CPU goes to whom it is due,
// and the next slice begins where this one ended.
void upcalls_init(void) {
    pe_page()->interrupt_busy = 1;
    __atomic_store_n(&pe_page()->mask, ~(EVENT_SLICE | EVENT_DISK), __ATOMIC_RELAXED);
    set_entry(EXO_UPCALL_fault, entry_fault, stack_fault_top);
    set_entry(EXO_UPCALL_exception, entry_exception, stack_fault_top);
    set_entry(EXO_UPCALL_syscall, entry_syscall, stack_syscall_top);
    set_entry(EXO_UPCALL_double_fault, entry_double_fault, stack_double_fault_top);
    set_entry(EXO_UPCALL_interrupt, entry_interrupt, stack_interrupt_top);
}

uint64_t events_take(void) {
    struct exo_pe_page *page = pe_page();
    if ((page->pending & (EVENT_SLICE | EVENT_DISK)) == 0) return 0;
    return __atomic_fetch_and(&page->pending, ~(EVENT_SLICE | EVENT_DISK), __ATOMIC_ACQUIRE);
}

// For libos/core: events are held before and after.
void events_release(uint64_t held) {
    pe_page()->interrupt_busy = held;
}

void events_wait(uint64_t *seen) {
    (void)exo_pe_wait();
    *seen |= events_take();
}

void events_seen(uint64_t seen) {
    if (seen != 0) __atomic_fetch_or(&pe_page()->pending, seen, __ATOMIC_RELEASE);
}

// An event came in user code, or on the way out to it.
void event_enter(struct exo_context *, bool in_user) {
    struct thread *self = thread_running;
    self->call = NO_CALL;
    const uint64_t events = events_take();
    if (!(events & EVENT_SLICE)) return;
    times_slice(self, in_user);
    interval_timers_slice(self->process, in_user);
    timers_run();
    (void)console_look();
    thread_yield();
}

static struct vm_refusal fault_serve(struct thread *self, uint64_t address, uint64_t error,
                                     const struct exo_context *registers) {
    struct vm_refusal refusal;
    do refusal = vm_fault(self->process->memory, address, error, registers);
    while (refusal.signal == SIGKILL && memory_give_up(self->process));
    return refusal;
}

void fault_enter(struct exo_context *user, uint64_t address, uint64_t error) {
    struct thread *self = thread_running;
    self->call = NO_CALL;
    if (address == user->rip && vsyscall_enter(user)) return;
    const struct vm_refusal refusal = fault_serve(self, address, error, user);
    if (refusal.signal != 0) signal_fault(self, refusal.signal, refusal.code, address, 14, error);
}

// A fault of library code: at a user's address, or in functions that expect it, or a mistake.
void fault_inside(struct exo_context *code, uint64_t address, uint64_t error) {
    struct thread *self = thread_running;
    if (self != nullptr && self->process->memory != nullptr && unix_is_user(address, 1)
        && fault_serve(self, address, error, code).signal == 0)
        return;
    const uint64_t recovery = user_recover(code->rip);
    if (recovery == 0)
        pe_fail("page fault of the library OS at %#lx (%s), instruction %#lx", address,
                error & 16  ? "fetch"
                : error & 2 ? "write"
                            : "read",
                code->rip);
    code->rip = recovery;
}

// The signals of Linux for the processor's exceptions (AMD64 APM vol. 2, chapter 8).
static struct vm_refusal signal_of(uint64_t vector) {
    switch (vector) {
    case 0: return (struct vm_refusal){SIGFPE, FPE_INTDIV};
    case 1: return (struct vm_refusal){SIGTRAP, TRAP_TRACE};
    case 3: return (struct vm_refusal){SIGTRAP, SI_KERNEL};
    case 4: return (struct vm_refusal){SIGSEGV, SI_KERNEL};
    case 5: return (struct vm_refusal){SIGSEGV, SI_KERNEL};
    case 6: return (struct vm_refusal){SIGILL, ILL_ILLOPN};
    case 12: return (struct vm_refusal){SIGBUS, SI_KERNEL};
    case 16: return (struct vm_refusal){SIGFPE, FPE_FLTINV};
    case 17: return (struct vm_refusal){SIGBUS, BUS_ADRALN};
    case 19: return (struct vm_refusal){SIGFPE, FPE_FLTINV};
    default: return (struct vm_refusal){SIGSEGV, SI_KERNEL};
    }
}

void exception_enter(struct exo_context *user, uint64_t vector, uint64_t error) {
    thread_running->call = NO_CALL;
    const struct vm_refusal refusal = signal_of(vector);
    const uint64_t address = refusal.code == SI_KERNEL ? 0 : user->rip;
    signal_fault(thread_running, refusal.signal, refusal.code, address, vector, error);
}

// A thread that has set the trap flag was about to be resumed with it, and has stepped on the way out. It is told as if
// the instruction that has brought it here were done, and goes on without the flag, which sys_rt_sigreturn drops.
void step_enter(const struct exo_context *user) {
    thread_running->call = NO_CALL;
    signal_fault(thread_running, SIGTRAP, TRAP_TRACE, user->rip, 1, 0);
}

void exception_inside(const struct exo_exception *exception) {
    pe_fail("exception %lu of the library OS, error %#lx, instruction %#lx", exception->vector, exception->error,
            exception->rip);
}

void exception_twice(const struct exo_exception *second) {
    const struct thread *self = thread_running;
    if (self != nullptr && second->cr2 - (self->stack - EXO_PAGE_SIZE) < EXO_PAGE_SIZE)
        pe_fail("the library OS's stack of thread %d is too small, instruction %#lx", self->tid, second->rip);
    pe_fail("vector %lu in an entry of the library OS, address %#lx, instruction %#lx", second->vector, second->cr2,
            second->rip);
}
