// SPDX-License-Identifier: MIT
// Appel and Li's compound operations by SIGSEGV and mprotect. (Appel and Li, ASPLOS 1991; the names and what is inside
// of each as in Engler, Kaashoek and O'Toole, SOSP 1995.)
//
//   trap    a store to a protected page; the handler changes no mapping, the store is skipped
//   appel1  a store to a random protected page; the handler protects another page and unprotects this one
//   appel2  100 pages are protected by one call; each is stored to in random order, and the handler unprotects it. A
//           page's share of all that
#include "peers/linux/linux.h"
#include "peers/linux/order.h"
#include "peers/linux/trap.h"
#include <sys/mman.h>
#include <sys/syscall.h>

struct way {
    enum region_kind kind;
    bool apart;
    enum trap_return back;
};

static uintptr_t region, writable; // `writable`: appel1's one page without protection
static size_t pages;               // of the region
static struct order order;

[[gnu::always_inline]] static inline void rights(uintptr_t page, long count, long to) {
    (void)call3(SYS_mprotect, (long)page, count * PAGE, to);
}
static uintptr_t faulted(const siginfo_t *info) {
    return (uintptr_t)info->si_addr & -(uintptr_t)PAGE;
}

static void exchange(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    const uintptr_t page = faulted(info);
    rights(writable, 1, READ);
    rights(page, 1, BOTH);
    writable = page;
}
static void unprotect(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    rights(faulted(info), 1, BOTH);
}

static void map(const struct way *way, size_t count) {
    region_free(region, pages);
    pages = count;
    region = writable = region_map(way->kind, count, way->apart, 0);
}
static void prepare_trap(const void *with) {
    const struct way *way = with;
    map(way, 1);
    rights(region, 1, READ);
    trap_handle(SIGSEGV, trap_skip, way->back);
}
static void prepare_appel1(const void *with) {
    const struct way *way = with;
    map(way, PAGES);
    rights(region + PAGE, PAGES - 1, READ);
    trap_handle(SIGSEGV, exchange, way->back);
}
static void prepare_appel2(const void *with) {
    const struct way *way = with;
    map(way, PAGES);
    trap_handle(SIGSEGV, unprotect, way->back);
}

static uint32_t trap(void) {
    return touch_faulted(bench_touch(region));
}
// The sum over as many random pages as there are: which page it is matters to the kernel's books.
static uint32_t appel1(void) {
    uint32_t sum = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        const uintptr_t page = order_other(&order, region, writable);
        const struct bench_touch touch = bench_touch(page);
        if (writable != page) return bench_trouble("the handler saw another page");
        sum += touch_faulted(touch);
    }
    return sum;
}
static uint32_t appel2(void) {
    order_shuffle(&order);
    const uint32_t before = bench_stamp();
    rights(region, PAGES, READ);
    for (unsigned i = 0; i < PAGES; i++) *(volatile char *)(region + order.page[i] * (uintptr_t)PAGE) = 1;
    return bench_stamp() - before;
}

// What all ways of one operation have in common is in `row`.
static void measure(struct bench row, const struct way *ways, const char *const *words, unsigned count) {
    struct bench candidates[6];
    for (unsigned i = 0; i < count; i++) {
        candidates[i] = row;
        candidates[i].how = words[i];
        candidates[i].with = &ways[i];
    }
    (void)bench_best(candidates, count);
}

void part_appel_li(void) {
    static const struct way ways[] = {{REGION_PRIVATE, true, TRAP_SIGRETURN},  {REGION_PRIVATE, true, TRAP_RESUME},
                                      {REGION_SHARED, true, TRAP_SIGRETURN},   {REGION_SHARED, true, TRAP_RESUME},
                                      {REGION_PRIVATE, false, TRAP_SIGRETURN}, {REGION_SHARED, false, TRAP_RESUME}};
    static const char *const words[] = {
        "private pages, areas of their own, rt_sigreturn", "private pages, areas of their own, resumed in user mode",
        "shared pages, areas of their own, rt_sigreturn",  "shared pages, areas of their own, resumed in user mode",
        "private pages of one area, rt_sigreturn",         "shared pages of one area, resumed in user mode"};
    static const char *const trap_words[] = {"SIGSEGV, rt_sigreturn", "SIGSEGV, resumed in user mode"};
    enum { COUNT = sizeof ways / sizeof *ways, ROUNDS = 64 };
    const uint32_t touched = touch_empty();
    struct bench row = {.system = "linux", .op = "appel-li.trap", .once = trap};
    row.empty = touched - 1; // the store is skipped
    row.prepare = prepare_trap;
    measure(row, ways, trap_words, 2);
    row = (struct bench){.system = "linux", .samples = ROUNDS, .events = PAGES};
    order_reset(&order);
    row.op = "appel-li.appel1";
    row.once = appel1;
    row.empty = PAGES * touched;
    row.prepare = prepare_appel1;
    measure(row, ways, words, COUNT);
    row.op = "appel-li.appel2";
    row.once = appel2;
    row.empty = bench_empty();
    row.prepare = prepare_appel2;
    measure(row, ways, words, COUNT);
}
