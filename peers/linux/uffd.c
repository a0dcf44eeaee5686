// SPDX-License-Identifier: MIT
// The fault path by userfaultfd in SIGBUS mode: the thread that faults gets a signal and resolves the fault itself.
// Rows as in fault.c; bind is the ioctl.
//
// Three ways to resolve are candidates. UFFDIO_CONTINUE is nearest to what a library OS does: it maps a frame that
// holds the page already, and moves no bytes.
#include "peers/linux/uffd.h"
#include "peers/linux/trap.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

struct way {
    enum uffd_way way;
    enum trap_return back;
};

static alignas(PAGE) char contents[PAGE] = {1};
static int uffd;
static uintptr_t page;
static struct way now;

const char *uffd_words(enum uffd_way way) {
    static const char *const words[] = {"UFFDIO_COPY", "UFFDIO_ZEROPAGE", "UFFDIO_CONTINUE"};
    return words[way];
}

// At a store to a missing private page, Linux 6.1 takes a frame and zeroes it before it looks whether the fault is to
// be handled in user mode, and then drops it. The ioctl copies a page; or it maps the shared zero page, and the
// restarted store has the kernel zero a new frame. A page that is in the cache needs none of that.
struct uffd_moved uffd_moved(enum uffd_way way) {
    const uint32_t page_moved = moved_per_page();
    switch (way) {
    case UFFD_COPY: return (struct uffd_moved){.entry = page_moved, .bind = page_moved};
    case UFFD_ZERO: return (struct uffd_moved){.entry = page_moved, .resume = page_moved};
    case UFFD_CONTINUE: break;
    }
    return (struct uffd_moved){};
}

int uffd_open(uint64_t features) {
    const int opened = (int)call3(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY, 0, 0);
    struct uffdio_api api = {UFFD_API, features | UFFD_FEATURE_MINOR_SHMEM, 0};
    must(opened, "userfaultfd");
    must(call3(SYS_ioctl, opened, UFFDIO_API, (long)&api), "UFFDIO_API");
    return opened;
}

uintptr_t uffd_page(int descriptor, enum uffd_way way) {
    const uintptr_t start = region_map(way == UFFD_CONTINUE ? REGION_SHARED : REGION_PRIVATE, 1, false, 0);
    struct uffdio_register range = {
        {start, PAGE}, way == UFFD_CONTINUE ? UFFDIO_REGISTER_MODE_MINOR : UFFDIO_REGISTER_MODE_MISSING, 0};
    must(call3(SYS_ioctl, descriptor, UFFDIO_REGISTER, (long)&range), "UFFDIO_REGISTER");
    return start;
}

// One handler for each way, so that none decides at run time.
#define HANDLER(name, way)                                                                                             \
    static void name(int signal, siginfo_t *info, void *context) {                                                     \
        (void)signal;                                                                                                  \
        (void)context;                                                                                                 \
        (void)uffd_resolve(uffd, way, (uintptr_t)info->si_addr & -(uintptr_t)PAGE, contents);                          \
    }                                                                                                                  \
    static void name##_stamped(int signal, siginfo_t *info, void *context) {                                           \
        name(signal, info, context);                                                                                   \
        trap_stamp = bench_stamp();                                                                                    \
    }
HANDLER(copy, UFFD_COPY)
HANDLER(zero, UFFD_ZERO)
HANDLER(go_on, UFFD_CONTINUE)
#undef HANDLER
static trap_handler *const handlers[] = {copy, zero, go_on};
static trap_handler *const handlers_stamped[] = {copy_stamped, zero_stamped, go_on_stamped};

static void prepare(const void *with) {
    now = *(const struct way *)with;
    region_free(page, 1);
    page = uffd_page(uffd, now.way);
    trap_handle(SIGBUS, handlers[now.way], now.back);
}

static void drop(void) {
    must(call3(SYS_madvise, (long)page, PAGE, MADV_DONTNEED), "madvise");
}
static struct bench_touch faulting(void) {
    drop();
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
#define BIND(name, way)                                                                                                \
    static uint32_t name(void) {                                                                                       \
        drop();                                                                                                        \
        const uint32_t before = bench_stamp();                                                                         \
        const long result = uffd_resolve(uffd, way, page, contents);                                                   \
        const uint32_t after = bench_stamp();                                                                          \
        return result == 0 ? after - before : bench_trouble("the ioctl was refused");                                  \
    }
BIND(bind_copy, UFFD_COPY)
BIND(bind_zero, UFFD_ZERO)
BIND(bind_go_on, UFFD_CONTINUE)
#undef BIND
static uint32_t (*const binds[])(void) = {bind_copy, bind_zero, bind_go_on};

void part_uffd(void) {
    static const struct way ways[] = {{UFFD_COPY, TRAP_SIGRETURN},     {UFFD_COPY, TRAP_RESUME},
                                      {UFFD_ZERO, TRAP_SIGRETURN},     {UFFD_ZERO, TRAP_RESUME},
                                      {UFFD_CONTINUE, TRAP_SIGRETURN}, {UFFD_CONTINUE, TRAP_RESUME}};
    static const char *const words[] = {"SIGBUS, UFFDIO_COPY, rt_sigreturn",
                                        "SIGBUS, UFFDIO_COPY, resumed in user mode",
                                        "SIGBUS, UFFDIO_ZEROPAGE and the kernel's copy, rt_sigreturn",
                                        "SIGBUS, UFFDIO_ZEROPAGE and the kernel's copy, resumed in user mode",
                                        "SIGBUS, UFFDIO_CONTINUE of a page in the cache, rt_sigreturn",
                                        "SIGBUS, UFFDIO_CONTINUE of a page in the cache, resumed in user mode"};
    enum { COUNT = sizeof ways / sizeof *ways };
    const char *const system = "linux-uffd-sigbus";
    const uint32_t touched = touch_empty();
    struct bench candidates[COUNT];
    uffd = uffd_open(UFFD_FEATURE_SIGBUS);
    for (unsigned i = 0; i < COUNT; i++)
        candidates[i] = (struct bench){.system = system,
                                       .op = "fault.whole",
                                       .how = words[i],
                                       .once = whole,
                                       .empty = touched,
                                       .moved = uffd_moved_whole(ways[i].way),
                                       .prepare = prepare,
                                       .with = &ways[i]};
    const unsigned best = bench_best(candidates, COUNT);
    if (best == COUNT) give_up("no page fault could be handled");
    prepare(&ways[best]);
    const struct uffd_moved moved = uffd_moved(now.way);
    bench_row(system, "fault.bind", uffd_words(now.way), binds[now.way], bench_empty(), moved.bind);
    trap_next = handlers[now.way];
    trap_handle(SIGBUS, trap_entry_stamped, now.back);
    bench_row(system, "fault.entry", "to the handler of SIGBUS", entry, touched, moved.entry);
    trap_handle(SIGBUS, handlers_stamped[now.way], now.back);
    bench_row(system, "fault.resume", now.back == TRAP_RESUME ? "in user mode" : "rt_sigreturn", resume, touched,
              moved.resume);
}
