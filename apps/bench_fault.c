// SPDX-License-Identifier: MIT
// What the fault path costs in instructions, each row measured by itself, to be run under QEMU's -icount shift=0, where
// the time-stamp counter counts executed instructions.
//
// Each sample is the difference of two time stamps less that of the same code with nothing between them. Exception
// delivery and page walks count nothing; a faulting instruction counts once, when it succeeds.
//
//   call.null         exo_null, the user's side of the call included
//   fault.entry       from the faulting instruction to the first one of the library OS's fault entry: all kernel
//   fault.bind        exo_tlb_set of one data page into an empty entry, arguments included, as a fault handler does it
//   fault.resume      from the end of the handler to behind the restarted instruction: all user
//   fault.whole       a store to an unmapped page, resolved by a handler in C that maps a frame which it has ready
//   syscall.redirect  from a foreign syscall to the first instruction of the PE's syscall entry: all kernel
//   prot1 prot100     exo_tlb_protect of 1 and of 100 pages to read-only, TLB flush included
//   unprot1 unprot100 and back to read-write
#include "apps/bench.h"
#include "libos/core/frames.h"
#include "libos/core/print.h"
#include "libos/core/space.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include <stdlib.h>

constexpr unsigned PAGES = 100;
constexpr uint64_t REGION = MAP_HEAP;

void entry_fault(void); // libos/core/entry.S
extern char stack_fault_top[], stack_syscall_top[];
void bench_entry_fault(void);
void bench_entry_syscall(void);
void bench_handler_stamped(struct exo_exception *fault);

volatile uint32_t bench_stamp;
static struct { // the call that a handler makes, prepared
    exo_paddr slot;
    exo_entry entry;
} ready;

// The trivial handler: one page, one frame, one call.
void bench_map(void) {
    if (exo_tlb_set(space_tables, ready.slot, frames_binding, ready.entry, (exo_vaddr){0}).error != EXO_OK) abort();
}
static void handler_plain(struct exo_exception *fault) {
    (void)fault;
    bench_map();
}
static void (*handler)(struct exo_exception *) = handler_plain;
void pe_on_fault(struct exo_exception *fault) {
    handler(fault);
}

static void must(struct exo_result result) {
    if (result.error != EXO_OK) pe_fail("bench_fault: a call that must succeed returned %lu", (uint64_t)result.error);
}

static int32_t call_null(void) {
    const uint32_t before = stamp();
    (void)exo_null().error;
    return elapsed(before, stamp());
}

static void unmap(void) {
    (void)space_unmap((exo_vaddr){REGION});
}

// The store that faults. The last stamp before it and the first behind it are one instruction each away.
[[gnu::always_inline]] static inline void touch(uint32_t *before, uint32_t *after) {
    uint32_t b, a;
    __asm__ volatile("rdtsc; movl %%eax, %0; movb $1, (%2); rdtsc; movl %%eax, %1"
                     : "=&r"(b), "=r"(a)
                     : "r"(REGION)
                     : "rax", "rcx", "rdx", "r11", "memory");
    *before = b;
    *after = a;
}

static int32_t touch_mapped(void) {
    uint32_t before, after;
    touch(&before, &after);
    return elapsed(before, after);
}

static int32_t fault_entry(void) {
    uint32_t before, after;
    unmap();
    touch(&before, &after);
    return elapsed(before, bench_stamp);
}

static int32_t fault_resume(void) {
    uint32_t before, after;
    unmap();
    touch(&before, &after);
    return elapsed(bench_stamp, after);
}

static int32_t fault_whole(void) {
    uint32_t before, after;
    unmap();
    touch(&before, &after);
    return elapsed(before, after);
}

static int32_t fault_bind(void) {
    unmap();
    const uint32_t before = stamp();
    (void)exo_tlb_set(space_tables, ready.slot, frames_binding, ready.entry, (exo_vaddr){0}).error;
    return elapsed(before, stamp());
}

static int32_t syscall_redirect(void) {
    uint32_t before;
    __asm__ volatile("rdtsc; movl %%eax, %0; syscall" : "=&r"(before)::"rax", "rcx", "rdx", "r11", "memory");
    return elapsed(before, bench_stamp);
}

static int32_t protect(uint64_t pages, uint64_t rights) {
    const exo_paddr slot = space_slot((exo_vaddr){REGION});
    const exo_protect change = exo_protect_for((exo_vaddr){REGION}, rights);
    const uint32_t before = stamp();
    const struct exo_result result = exo_tlb_protect(space_tables, slot, pages, frames_binding, change);
    const uint32_t after = stamp();
    if (result.error != EXO_OK || result.value != pages) abort();
    return elapsed(before, after);
}
static int32_t unprotect1(void) {
    return protect(1, EXO_READ | EXO_WRITE);
}
static int32_t unprotect100(void) {
    return protect(PAGES, EXO_READ | EXO_WRITE);
}
static int32_t protect1(void) {
    (void)unprotect1();
    return protect(1, EXO_READ);
}
static int32_t protect100(void) {
    (void)unprotect100();
    return protect(PAGES, EXO_READ);
}
static int32_t unprotect1_after(void) {
    (void)protect(1, EXO_READ);
    return unprotect1();
}
static int32_t unprotect100_after(void) {
    (void)protect(PAGES, EXO_READ);
    return unprotect100();
}

static void set_entry(enum exo_upcall upcall, void (*entry)(void), const char *stack) {
    must(exo_pe_set_entry(EXO_NO_HANDLE, upcall, (exo_vaddr){(uint64_t)entry}, (exo_vaddr){(uint64_t)stack}));
}

static void measure_faults(void) {
    ready.slot = space_slot((exo_vaddr){REGION});
    ready.entry = exo_entry_for(frames_take(), EXO_READ | EXO_WRITE);
    bench_row("fault.bind", fault_bind, bench_empty());
    const int32_t touched = bench_least(touch_mapped); // the store, and two more instructions between the stamps
    bench_row("fault.whole", fault_whole, touched);
    set_entry(EXO_UPCALL_fault, bench_entry_fault, stack_fault_top);
    bench_row("fault.entry", fault_entry, touched - 1);
    set_entry(EXO_UPCALL_fault, entry_fault, stack_fault_top);
    handler = bench_handler_stamped;
    bench_row("fault.resume", fault_resume, touched);
    set_entry(EXO_UPCALL_syscall, bench_entry_syscall, stack_syscall_top);
    bench_row("syscall.redirect", syscall_redirect, touched - 1);
}

static void measure_protection(void) {
    for (unsigned i = 0; i < PAGES; i++) {
        const exo_vaddr page = {REGION + i * EXO_PAGE_SIZE};
        (void)space_unmap(page);
        if (space_map(page, frames_take(), EXO_READ | EXO_WRITE) != EXO_OK) abort();
    }
    bench_row("prot1", protect1, bench_empty());
    bench_row("prot100", protect100, bench_empty());
    bench_row("unprot1", unprotect1_after, bench_empty());
    bench_row("unprot100", unprotect100_after, bench_empty());
}

int main(void) {
    bench_compiler();
    if (!space_reserve((exo_vaddr){REGION}, PAGES)) abort();
    bench_row("call.null", call_null, bench_empty());
    measure_faults();
    measure_protection();
    return 0;
}
