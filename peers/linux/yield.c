// SPDX-License-Identifier: MIT
// The switch from one process to another and its address space: half of a round trip between two processes on the one
// processor, both of the same real-time priority, at which sched_yield switches each time.
//
//   sched_yield  each gives the processor up to the other
//   futex        each wakes the other and waits
//   pipe         each writes a byte to the other and reads one
//
// A round trip in which the other process did not have its turn is no sample, and stops the measurement.
#include "peers/linux/linux.h"
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct meeting {                 // shared memory of the two
    volatile uint32_t turns;     // that the other process has had
    uint32_t to_other, to_first; // 1: go on
};

static struct meeting *meeting;
static int to_other[2], to_first[2];
static pid_t other;

static void wake(uint32_t *word) {
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    (void)call3(SYS_futex, (long)word, FUTEX_WAKE, 1);
}
static void await(uint32_t *word) {
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0) (void)call4(SYS_futex, (long)word, FUTEX_WAIT, 0, 0);
    __atomic_store_n(word, 0, __ATOMIC_RELAXED);
}

static void yield_other(void) {
    meeting->turns++;
    (void)call0(SYS_sched_yield);
}
static void futex_other(void) {
    await(&meeting->to_other);
    meeting->turns++;
    wake(&meeting->to_first);
}
static void pipe_other(void) {
    char byte;
    (void)call3(SYS_read, to_other[0], (long)&byte, 1);
    meeting->turns++;
    (void)call3(SYS_write, to_first[1], (long)&byte, 1);
}

#define ROUND(name, ...)                                                                                               \
    static uint32_t name(void) {                                                                                       \
        const uint32_t turns = meeting->turns, before = bench_stamp();                                                 \
        __VA_ARGS__;                                                                                                   \
        const uint32_t after = bench_stamp();                                                                          \
        return meeting->turns == turns + 1 ? after - before : bench_trouble("the other process was not switched to");  \
    }
ROUND(yield_round, call0(SYS_sched_yield))
ROUND(futex_round, wake(&meeting->to_other), await(&meeting->to_first))
static char byte;
ROUND(pipe_round, call3(SYS_write, to_other[1], (long)&byte, 1), call3(SYS_read, to_first[0], (long)&byte, 1))
#undef ROUND

// Starts the process that does `with`, a function, for ever; ends the one before it.
static void prepare(const void *with) {
    void (*const *turn)(void) = with;
    if (other != 0) {
        must(kill(other, SIGKILL), "kill");
        must(waitpid(other, nullptr, 0), "waitpid");
    }
    *meeting = (struct meeting){};
    other = fork();
    if (other == 0) {
        must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
        while (true) (*turn)();
    }
    must(other, "fork");
}

void part_yield(void) {
    static void (*const turns[])(void) = {yield_other, futex_other, pipe_other};
    const uint32_t empty = bench_empty();
    const struct sched_param priority = {.sched_priority = 1};
#define WAY(words, round, i) {"linux", "yield", words, round, empty, .events = 2, .prepare = prepare, .with = &turns[i]}
    const struct bench ways[] = {
        WAY("sched_yield, two processes of one SCHED_FIFO priority", yield_round, 0),
        WAY("futex, two processes of one SCHED_FIFO priority", futex_round, 1),
        WAY("pipe, two processes of one SCHED_FIFO priority", pipe_round, 2),
    };
#undef WAY
    meeting = mmap(nullptr, PAGE, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (meeting == MAP_FAILED) give_up("mmap failed");
    must(pipe(to_other), "pipe");
    must(pipe(to_first), "pipe");
    must(call3(SYS_sched_setscheduler, 0, SCHED_FIFO, (long)&priority), "sched_setscheduler");
    (void)bench_best(ways, sizeof ways / sizeof *ways);
}
