// SPDX-License-Identifier: MIT
// The virtual-memory primitives that user programs want, after Appel and Li (ASPLOS 1991) and, for dirty and the
// single rows, Engler, Kaashoek and O'Toole (SOSP 1995), as a library OS on libos/core offers them: protection by
// space_protect for a run of pages and by space_protect_page for a single one, faults by pe_on_fault.
//
//   appel-li.dirty      is this page dirty? The live entry is read: no call
//   appel-li.prot1      one page, a different one each time, made read-only
//   appel-li.prot100    100 pages in a row made read-only
//   appel-li.unprot100  and writable again
//   appel-li.trap       a store to a read-only page, a handler that goes on behind the store: no change of protection
//   appel-li.appel1     "prot1+trap+unprot": a store to a protected page; the handler protects another one and
//                       unprotects the faulting one. Per store
//   appel-li.appel2     "protN+trap+unprot": 100 pages are protected, then each is stored to, in random order; the
//                       handler unprotects it. Per page, the protection and the loop included
//
// TLB flushes are part of every change. What two stamps, or the store when it does not fault, cost is taken off.
// Protected means read-only: the pages are read while they are protected by those who use these primitives (a
// collector, a checkpoint). Every row counts its faults, and every change is looked at, so none is for nothing.
#include "apps/bench.h"
#include "libos/core/frames.h"
#include "libos/core/space.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"

constexpr unsigned PAGES = 100;
constexpr uint64_t REGION = MAP_HEAP;
constexpr uint64_t WRITABLE = EXO_READ | EXO_WRITE;
constexpr uint64_t STORE_BYTES = 3; // length of the store in touch()

static unsigned order[PAGES]; // a random one
static uint64_t faults;
static exo_vaddr protect_next; // appel1: the page that the handler protects

static exo_vaddr page_of(unsigned number) {
    return (exo_vaddr){REGION + number * EXO_PAGE_SIZE};
}

static bool is_writable(exo_vaddr page) {
    return space_entry(page) & EXO_ENTRY_WRITE;
}

static void expect(bool condition, const char *what) {
    if (!condition) pe_fail("bench_appel: %s", what);
}

static exo_vaddr faulting_page(const struct exo_exception *fault) {
    return (exo_vaddr){fault->cr2 & ~(uint64_t)(EXO_PAGE_SIZE - 1)};
}

// What an application has set as its handler, as with signal().
static void on_trap(struct exo_exception *fault) {
    faults++;
    fault->rip += STORE_BYTES;
}
static void on_appel1(struct exo_exception *fault) {
    faults++;
    (void)space_protect_page(protect_next, EXO_READ);
    (void)space_protect_page(faulting_page(fault), WRITABLE);
}
static void on_appel2(struct exo_exception *fault) {
    faults++;
    (void)space_protect_page(faulting_page(fault), WRITABLE);
}
static void (*handler)(struct exo_exception *);

// A fault outside of the region is nobody's.
void pe_on_fault(struct exo_exception *fault) {
    if (fault->cr2 - REGION >= PAGES * EXO_PAGE_SIZE || handler == nullptr)
        pe_fail("bench_appel: a fault at %#lx", fault->cr2);
    handler(fault);
}

// The store. The last stamp before it and the first behind it are one instruction each away.
[[gnu::always_inline]] static inline int32_t touch(exo_vaddr page) {
    uint32_t before, after;
    __asm__ volatile("rdtsc; movl %%eax, %0; movb $1, (%%rdi); rdtsc; movl %%eax, %1"
                     : "=&r"(before), "=r"(after)
                     : "D"(page.raw)
                     : "rax", "rdx", "memory");
    return elapsed(before, after);
}

[[gnu::noinline]] static bool is_dirty(exo_vaddr page) {
    return space_entry(page) & EXO_ENTRY_DIRTY;
}

static int32_t dirty(void) {
    static unsigned next;
    const exo_vaddr page = page_of(order[next++ % PAGES]);
    const uint32_t before = stamp();
    const bool result = is_dirty(page);
    const int32_t taken = elapsed(before, stamp());
    const bool right = (page.raw - REGION) / EXO_PAGE_SIZE % 2 == 0; // main has stored to these
    expect(result == right, "a page was wrongly found dirty or clean");
    return taken;
}

// Gives a run of pages rights and says how long that took.
[[gnu::always_inline]] static inline int32_t protect(exo_vaddr first, unsigned pages, uint64_t rights) {
    const uint32_t before = stamp();
    const enum exo_error error = pages == 1 ? space_protect_page(first, rights) : space_protect(first, pages, rights);
    const int32_t taken = elapsed(before, stamp());
    const exo_vaddr last = {first.raw + (pages - 1) * EXO_PAGE_SIZE};
    const bool writable = rights & EXO_WRITE;
    expect(error == EXO_OK && is_writable(first) == writable && is_writable(last) == writable, "a protection failed");
    return taken;
}

static int32_t protect1(void) {
    static unsigned next;
    const exo_vaddr page = page_of(order[next++ % PAGES]);
    (void)protect(page, 1, WRITABLE);
    return protect(page, 1, EXO_READ);
}
static int32_t protect100(void) {
    (void)protect(page_of(0), PAGES, WRITABLE);
    return protect(page_of(0), PAGES, EXO_READ);
}
static int32_t unprotect100(void) {
    (void)protect(page_of(0), PAGES, EXO_READ);
    return protect(page_of(0), PAGES, WRITABLE);
}

static int32_t trap(void) {
    const uint64_t before = faults;
    const int32_t taken = touch(page_of(0));
    expect(faults == before + 1 && !is_writable(page_of(0)), "a store did not trap once");
    return taken;
}

static int32_t appel1(void) {
    static unsigned next;
    const exo_vaddr page = page_of(order[next++ % PAGES]);
    const uint64_t before = faults;
    const int32_t taken = touch(page);
    expect(faults == before + 1 && is_writable(page) && !is_writable(protect_next), "appel1 went wrong");
    protect_next = page;
    return taken;
}

static void store_to_all(void) {
    for (unsigned i = 0; i < PAGES; i++) *(volatile char *)page_of(order[i]).raw = 1;
}

static int32_t appel2(void) {
    const uint64_t before_faults = faults;
    const uint32_t before = stamp();
    const enum exo_error error = space_protect(page_of(0), PAGES, EXO_READ);
    store_to_all();
    const int32_t taken = elapsed(before, stamp());
    expect(error == EXO_OK && faults == before_faults + PAGES, "appel2 did not trap at every page");
    return (taken + PAGES - 1) / (int32_t)PAGES;
}

static int32_t touch_writable(void) {
    return touch(page_of(0));
}

static void make_pages(void) {
    expect(space_reserve(page_of(0), PAGES), "no tables");
    for (unsigned i = 0; i < PAGES; i++)
        expect(space_map(page_of(i), frames_take(), WRITABLE) == EXO_OK, "a page could not be mapped");
    uint32_t random = 1;
    for (unsigned i = 0; i < PAGES; i++) {
        random = random * 1103515245 + 12345;
        const unsigned other = (random >> 16) % (i + 1);
        order[i] = order[other];
        order[other] = i;
    }
}

int main(void) {
    bench_compiler();
    make_pages();
    for (unsigned i = 0; i < PAGES; i += 2) (void)touch(page_of(i)); // half of them are dirty
    bench_row("appel-li.dirty", dirty, bench_empty());
    store_to_all();
    const int32_t touched = bench_least(touch_writable);
    bench_row("appel-li.prot1", protect1, bench_empty());
    bench_row("appel-li.prot100", protect100, bench_empty());
    bench_row("appel-li.unprot100", unprotect100, bench_empty());

    (void)protect(page_of(0), PAGES, EXO_READ);
    handler = on_trap;
    bench_row("appel-li.trap", trap, touched - 1); // the store is never counted: it does not succeed
    protect_next = page_of(order[PAGES - 1]);
    (void)protect(protect_next, 1, WRITABLE);
    handler = on_appel1;
    bench_row("appel-li.appel1", appel1, touched);
    handler = on_appel2;
    (void)protect(page_of(0), PAGES, WRITABLE);
    bench_row("appel-li.appel2", appel2, 0);
    return 0;
}
