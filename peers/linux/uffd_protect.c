// SPDX-License-Identifier: MIT
// Protection by userfaultfd: UFFDIO_WRITEPROTECT in place of mprotect, SIGBUS in place of SIGSEGV. Rows as in protect.c
// and appel_li.c; dirty has no counterpart. Private pages only: write protection of others is not offered for SIGBUS by
// every kernel.
//
// Lifting the protection leaves it to the next store to make the page writable, by a fault that the kernel serves. That
// is not in unprot1 and unprot100, and is in appel1 and appel2, which store.
#include "peers/linux/order.h"
#include "peers/linux/trap.h"
#include "peers/linux/uffd.h"

static const char *const system = "linux-uffd-sigbus";
static int uffd;
static uintptr_t region, writable;
static size_t bytes;
static struct order order;

[[gnu::always_inline]] static inline long change(uintptr_t page, size_t length, uint64_t mode) {
    struct uffdio_writeprotect range = {{page, length}, mode};
    return call3(SYS_ioctl, uffd, UFFDIO_WRITEPROTECT, (long)&range);
}

static void map(size_t pages) {
    region_free(region, bytes / PAGE);
    bytes = pages * PAGE;
    region = writable = region_map(REGION_PRIVATE, pages, false, 0);
    struct uffdio_register range = {{region, bytes}, UFFDIO_REGISTER_MODE_WP, 0};
    must(call3(SYS_ioctl, uffd, UFFDIO_REGISTER, (long)&range), "UFFDIO_REGISTER for write protection");
}

static void write_all(void) {
    for (size_t at = 0; at < bytes; at += PAGE) *(volatile char *)(region + at) = 1;
}
[[gnu::always_inline]] static inline uint32_t timed(uint64_t mode) {
    const uint32_t before = bench_stamp();
    const long result = change(region, bytes, mode);
    const uint32_t after = bench_stamp();
    return result == 0 ? after - before : bench_trouble("UFFDIO_WRITEPROTECT was refused");
}
static uint32_t protect(void) {
    (void)change(region, bytes, 0);
    write_all();
    return timed(UFFDIO_WRITEPROTECT_MODE_WP);
}
static uint32_t unprotect(void) {
    (void)change(region, bytes, UFFDIO_WRITEPROTECT_MODE_WP);
    const uint32_t took = timed(0);
    write_all();
    return took;
}

static uintptr_t faulted(const siginfo_t *info) {
    return (uintptr_t)info->si_addr & -(uintptr_t)PAGE;
}
static void exchange(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    const uintptr_t page = faulted(info);
    (void)change(writable, PAGE, UFFDIO_WRITEPROTECT_MODE_WP);
    (void)change(page, PAGE, 0);
    writable = page;
}
static void lift(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    (void)change(faulted(info), PAGE, 0);
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
    (void)change(region, bytes, UFFDIO_WRITEPROTECT_MODE_WP);
    for (unsigned i = 0; i < PAGES; i++) *(volatile char *)(region + order.page[i] * (uintptr_t)PAGE) = 1;
    return bench_stamp() - before;
}

static void measure(const char *op, const char *also, uint32_t (*once)(void), uint32_t empty) {
    const struct bench way = {
        .system = system, .op = op, .how = "UFFDIO_WRITEPROTECT", .once = once, .empty = empty, .also = also};
    (void)bench_best(&way, 1);
}

static trap_handler *handling;
static void prepare(const void *with) {
    trap_handle(SIGBUS, handling, *(const enum trap_return *)with);
}

static void measure_compound(const char *op, uint32_t (*once)(void), uint32_t empty, trap_handler *handler,
                             uint32_t samples, uint32_t events) {
    static const enum trap_return backs[] = {TRAP_SIGRETURN, TRAP_RESUME};
    static const char *const words[] = {"UFFDIO_WRITEPROTECT, SIGBUS, rt_sigreturn",
                                        "UFFDIO_WRITEPROTECT, SIGBUS, resumed in user mode"};
    struct bench ways[2];
    handling = handler;
    for (unsigned i = 0; i < 2; i++)
        ways[i] = (struct bench){.system = system,
                                 .op = op,
                                 .how = words[i],
                                 .once = once,
                                 .empty = empty,
                                 .samples = samples,
                                 .events = events,
                                 .prepare = prepare,
                                 .with = &backs[i]};
    (void)bench_best(ways, 2);
}

void part_uffd_protect(void) {
    const uint32_t empty = bench_empty(), touched = touch_empty();
    uffd = uffd_open(UFFD_FEATURE_SIGBUS | UFFD_FEATURE_PAGEFAULT_FLAG_WP);
    order_reset(&order);
    map(1);
    measure("prot1", "appel-li.prot1", protect, empty);
    measure("unprot1", nullptr, unprotect, empty);
    (void)change(region, bytes, UFFDIO_WRITEPROTECT_MODE_WP);
    measure_compound("appel-li.trap", trap, touched - 1, trap_skip, 0, 1);
    map(PAGES);
    measure("prot100", "appel-li.prot100", protect, empty);
    measure("unprot100", "appel-li.unprot100", unprotect, empty);
    (void)change(region + PAGE, bytes - PAGE, UFFDIO_WRITEPROTECT_MODE_WP);
    measure_compound("appel-li.appel1", appel1, PAGES * touched, exchange, 64, PAGES);
    measure_compound("appel-li.appel2", appel2, empty, lift, 64, PAGES);
}
