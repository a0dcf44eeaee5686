// SPDX-License-Identifier: MIT
// The fault path by userfaultfd with a handler thread: the kernel stops the thread that faults and tells another, which
// resolves the fault and thereby wakes the first. Both share the one processor.
//
//   fault.entry   from the faulting store to behind the handler thread's read of the message
//   fault.bind    its ioctl, which resolves the fault and wakes the first thread
//   fault.resume  from there to behind the restarted store
//   fault.whole   all of it
//
// The handler thread is given a real-time priority, so it is not preempted before it waits again: that is cheaper.
#include "peers/linux/trap.h"
#include "peers/linux/uffd.h"
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

static alignas(PAGE) char contents[PAGE] = {1};
static int uffd;
static uintptr_t page;
static enum uffd_way now;
static volatile struct { // of the last fault
    uint32_t heard, resolved, refused;
} stamps;

static void *serve_faults(void *unused) {
    (void)unused;
    const struct sched_param priority = {.sched_priority = 1};
    struct uffd_msg message;
    must(call3(SYS_sched_setscheduler, 0, SCHED_FIFO, (long)&priority), "sched_setscheduler"); // of this thread
    while (call3(SYS_read, uffd, (long)&message, sizeof message) == sizeof message) {
        stamps.heard = bench_stamp();
        if (uffd_resolve(uffd, now, message.arg.pagefault.address & -(uintptr_t)PAGE, contents) != 0)
            stamps.refused = 1;
        stamps.resolved = bench_stamp();
    }
    return nullptr;
}

static void prepare(const void *with) {
    now = *(const enum uffd_way *)with;
    region_free(page, 1);
    page = uffd_page(uffd, now);
}

static struct bench_touch faulting(void) {
    must(call3(SYS_madvise, (long)page, PAGE, MADV_DONTNEED), "madvise");
    const struct bench_touch touch = bench_touch(page);
    if (stamps.refused) (void)bench_trouble("the ioctl was refused");
    return touch;
}
static uint32_t whole(void) {
    return touch_faulted(faulting());
}
static uint32_t entry(void) {
    const uint32_t before = faulting().before;
    return stamps.heard - before;
}
static uint32_t bind(void) {
    (void)faulting();
    return stamps.resolved - stamps.heard;
}
static uint32_t resume(void) {
    const uint32_t after = faulting().after;
    return after - stamps.resolved;
}

void part_uffd_thread(void) {
    static const enum uffd_way ways[] = {UFFD_COPY, UFFD_ZERO, UFFD_CONTINUE};
    static const char *const words[] = {"handler thread, UFFDIO_COPY",
                                        "handler thread, UFFDIO_ZEROPAGE and the kernel's copy",
                                        "handler thread, UFFDIO_CONTINUE of a page in the cache"};
    const char *const system = "linux-uffd";
    const uint32_t touched = touch_empty();
    struct bench candidates[3];
    pthread_t thread;
    uffd = uffd_open(0);
    if (pthread_create(&thread, nullptr, serve_faults, nullptr) != 0) give_up("a thread could not be started");
    for (unsigned i = 0; i < 3; i++)
        candidates[i] = (struct bench){.system = system,
                                       .op = "fault.whole",
                                       .how = words[i],
                                       .once = whole,
                                       .empty = touched,
                                       .moved = uffd_moved_whole(ways[i]),
                                       .prepare = prepare,
                                       .with = &ways[i]};
    const unsigned best = bench_best(candidates, 3);
    if (best == 3) give_up("no page fault could be handled");
    prepare(&ways[best]);
    const struct uffd_moved moved = uffd_moved(now);
    bench_row(system, "fault.bind", uffd_words(now), bind, bench_empty(), moved.bind);
    bench_row(system, "fault.entry", "to behind the handler thread's read", entry, touched - 1, moved.entry);
    bench_row(system, "fault.resume", "from the ioctl's end to the thread that faulted", resume, touched, moved.resume);
}
