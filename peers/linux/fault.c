// SPDX-License-Identifier: MIT
// The fault path by SIGSEGV and mprotect, and the fault that the kernel serves by itself.
//
//   fault.entry   from the faulting store to the first instruction of the signal handler
//   fault.bind    mprotect of one page from nothing to reading and writing; the page has its frame
//   fault.resume  from the end of the handler to behind the restarted store
//   fault.whole   a store to a page without rights, whose handler in C calls mprotect
//
// The page is an area of its own (region.c), so mprotect splits nothing. `system linux-kernel` is the first store to an
// anonymous page: the kernel takes a frame and zeroes it.
#include "peers/linux/linux.h"
#include "peers/linux/trap.h"
#include <sys/mman.h>
#include <sys/syscall.h>

struct way {
    enum region_kind kind;
    enum trap_return back;
};

static uintptr_t page;
static enum trap_return back;

static void unprotect(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    (void)call3(SYS_mprotect, (long)((uintptr_t)info->si_addr & -(uintptr_t)PAGE), PAGE, BOTH);
}

static void unprotect_stamped(int signal, siginfo_t *info, void *context) {
    unprotect(signal, info, context);
    trap_stamp = bench_stamp();
}

static void prepare(const void *with) {
    const struct way *way = with;
    region_free(page, 1);
    page = region_map(way->kind, 1, false, 0);
    back = way->back;
    trap_handle(SIGSEGV, unprotect, back);
}

static struct bench_touch faulting(void) {
    must(call3(SYS_mprotect, (long)page, PAGE, PROT_NONE), "mprotect");
    return bench_touch(page);
}
static uint32_t whole(void) {
    return touch_faulted(faulting());
}
static uint32_t entry(void) {
    const uint32_t before = faulting().before;
    return trap_stamp - before;
}
static uint32_t resume(void) {
    const uint32_t after = faulting().after;
    return after - trap_stamp;
}
static uint32_t bind(void) {
    must(call3(SYS_mprotect, (long)page, PAGE, PROT_NONE), "mprotect");
    const uint32_t before = bench_stamp();
    (void)call3(SYS_mprotect, (long)page, PAGE, BOTH);
    return bench_stamp() - before;
}

static uint32_t first_touch(void) {
    must(call3(SYS_madvise, (long)page, PAGE, MADV_DONTNEED), "madvise");
    return touch_faulted(bench_touch(page));
}

void part_fault(void) {
    static const struct way private_call = {REGION_PRIVATE, TRAP_SIGRETURN},
                            private_user = {REGION_PRIVATE, TRAP_RESUME}, shared_call = {REGION_SHARED, TRAP_SIGRETURN},
                            shared_user = {REGION_SHARED, TRAP_RESUME};
    const uint32_t touched = touch_empty();
#define WAY(words, way) {"linux", "fault.whole", words, whole, touched, .prepare = prepare, .with = &(way)}
    const struct bench ways[] = {
        WAY("SIGSEGV, mprotect, rt_sigreturn; private page", private_call),
        WAY("SIGSEGV, mprotect, resumed in user mode; private page", private_user),
        WAY("SIGSEGV, mprotect, rt_sigreturn; shared page", shared_call),
        WAY("SIGSEGV, mprotect, resumed in user mode; shared page", shared_user),
    };
#undef WAY
    const unsigned best = bench_best(ways, sizeof ways / sizeof *ways);
    if (best == sizeof ways / sizeof *ways) give_up("no page fault could be handled");
    prepare(ways[best].with);
    bench_row("linux", "fault.bind", "mprotect from none to read and write", bind, bench_empty(), 0);
    trap_next = unprotect;
    trap_handle(SIGSEGV, trap_entry_stamped, back);
    bench_row("linux", "fault.entry", "to the handler of SIGSEGV", entry, touched, 0); // see trap.c
    trap_handle(SIGSEGV, unprotect_stamped, back);
    bench_row("linux", "fault.resume", back == TRAP_RESUME ? "in user mode" : "rt_sigreturn", resume, touched, 0);
    region_free(page, 1);
    page = region_map(REGION_PRIVATE, 1, false, 0);
    const uint32_t moved = moved_per_page();
    bench_row("linux-kernel", "fault.whole", "first store to an anonymous page, zeroed", first_touch, touched, moved);
}
