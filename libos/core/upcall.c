// SPDX-License-Identifier: MIT
// The C side of entry.S: setting the entry points, running event handlers, and what happens without a handler.
//
// Invariant: `resuming` is written only with interrupt_busy set, and holds the context that the way out of the
// interrupt entry is going to restore.
#include "libos/core/upcall.h"
#include "libos/core/print.h"
#include "libos/core/start.h"

constexpr int64_t ENOSYS_RESULT = -38; // -ENOSYS of Linux's x86-64 convention

void entry_fault(void), entry_exception(void), entry_double_fault(void), entry_interrupt(void), entry_syscall(void);
extern const char exception_jump[], interrupt_window[], interrupt_window_end[];
extern char stack_fault_top[], stack_syscall_top[], stack_double_fault_top[], stack_interrupt_top[];
void interrupt_enter(void), events_run(void), syscall_enter(struct upcall_syscall *call);

struct exo_context resuming;

static exo_vaddr address_of(const void *object) {
    return (exo_vaddr){(uint64_t)object};
}

static void set_entry(enum exo_upcall upcall, void (*entry)(void), const char *stack) {
    if (exo_pe_set_entry(EXO_NO_HANDLE, upcall, address_of(entry), address_of(stack)).error != EXO_OK) __builtin_trap();
}

void upcalls_init(void) {
    uint64_t mask = 0;
#define EVENT(bit, name, sentence) mask |= pe_on_##name == nullptr ? 1ull << bit : 0;
#include "pe/upcalls.def"
#undef EVENT
    mask &= ~(1ull << EXO_EVENT_disk | 1ull << EXO_EVENT_ended); // these end exo_pe_wait
    __atomic_store_n(&pe_page()->mask, mask, __ATOMIC_RELAXED);

    set_entry(EXO_UPCALL_fault, entry_fault, stack_fault_top);
    set_entry(EXO_UPCALL_exception, entry_exception, stack_fault_top);
    set_entry(EXO_UPCALL_syscall, entry_syscall, stack_syscall_top);
    set_entry(EXO_UPCALL_double_fault, entry_double_fault, stack_double_fault_top);
    set_entry(EXO_UPCALL_interrupt, entry_interrupt, stack_interrupt_top);
}

// Takes the pending events that are not masked.
static uint64_t events_take(void) {
    struct exo_pe_page *page = pe_page();
    const uint64_t wanted = ~__atomic_load_n(&page->mask, __ATOMIC_RELAXED);
    return __atomic_fetch_and(&page->pending, ~wanted, __ATOMIC_ACQUIRE) & wanted;
}

// Runs the handlers of all events that are due. interrupt_busy is set.
void events_run(void) {
    uint64_t taken;
    while ((taken = events_take()) != 0) {
#define EVENT(bit, name, sentence)                                                                                     \
    if ((taken & 1ull << bit) && pe_on_##name != nullptr) pe_on_##name();
#include "pe/upcalls.def"
#undef EVENT
    }
}

// The kernel (or entry.S in its stead) has saved a context and set interrupt_busy. See entry.S for the two cases in
// which the context to go back to is not the saved one.
void interrupt_enter(void) {
    const struct exo_context *saved = &pe_page()->interrupt;
    const bool in_window =
        saved->rip - (uint64_t)interrupt_window < (uint64_t)interrupt_window_end - (uint64_t)interrupt_window;
    if (!in_window) {
        resuming = *saved;
        if (saved->rip == (uint64_t)exception_jump) resuming.rip = pe_page()->exception.rip;
    }
    events_run();
}

static bool events_due(void) {
    const struct exo_pe_page *page = pe_page();
    return __atomic_load_n(&page->pending, __ATOMIC_RELAXED) & ~__atomic_load_n(&page->mask, __ATOMIC_RELAXED);
}

// The flag is cleared before looking, so that whatever comes later is brought by the kernel. In a fault or exception
// handler what came stays pending; the way out of the handler looks again.
void events_release(uint64_t held) {
    volatile uint64_t *busy = &pe_page()->interrupt_busy;
    *busy = held;
    if (held != 0 || pe_page()->exception.busy != 0) return;
    while (events_due()) {
        *busy = 1;
        events_run();
        *busy = 0;
    }
}

void events_wait(uint64_t *seen) {
    (void)exo_pe_wait();
    *seen |= events_take();
}

void events_seen(uint64_t seen) {
    seen &= ~(pe_on_disk == nullptr ? 1ull << EXO_EVENT_disk : 0);
    if (seen != 0) __atomic_fetch_or(&pe_page()->pending, seen, __ATOMIC_RELEASE);
}

// The syscall stack serves one call at a time; only an event handler that breaks the rule in upcall.h could nest.
static bool serving;

void syscall_enter(struct upcall_syscall *call) {
    if (serving) pe_fail("system call %lu in an event handler, while another was served", call->rax);
    serving = true;
    pe_on_syscall(call);
    serving = false;
}

[[gnu::weak]] void pe_on_fault(struct exo_exception *fault) {
    pe_fail("page fault at %#lx (%s%s), instruction %#lx, and no handler", fault->cr2,
            fault->error & 16  ? "fetch"
            : fault->error & 2 ? "write"
                               : "read",
            fault->error & 1 ? ", protected" : "", fault->rip);
}

[[gnu::weak]] void pe_on_exception(struct exo_exception *exception, struct upcall_registers *) {
    pe_fail("exception %lu, error %#lx, instruction %#lx, and no handler", exception->vector, exception->error,
            exception->rip);
}

[[gnu::weak]] void pe_on_syscall(struct upcall_syscall *call) {
    print("job %lu: this library OS has no system call %lu\n", start->job, call->rax);
    call->rax = (uint64_t)ENOSYS_RESULT;
}

[[gnu::weak, noreturn]] void pe_on_double_fault(struct exo_exception *second) {
    pe_fail("vector %lu in a handler, address %#lx, instruction %#lx", second->vector, second->cr2, second->rip);
}
