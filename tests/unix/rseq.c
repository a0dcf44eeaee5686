// SPDX-License-Identifier: MIT
// Restartable sequences (rseq), and threads and processes by clone3, as glibc asks for them. musl uses neither.
#include "tests/unix/check.h"
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum { SIGNATURE = 0x53053053, BYTES = 32, UNREGISTER = 1 };

struct area { // struct rseq
    uint32_t processor_first, processor;
    uint64_t sequence;
    uint32_t flags, padding[3];
};
static alignas(BYTES) struct area area;
static volatile uint64_t interrupted_at;
extern const char sequence_spins[], sequence_start[], sequence_abort[], sequence_unsigned[];

static long rseq(void *where, unsigned bytes, int flags, unsigned signature) {
    return syscall(SYS_rseq, where, bytes, flags, signature);
}

// Spins inside a sequence for good, unless it is aborted. A second description of it names an abort address without the
// signature.
__asm__(".data\n.balign 32\n"
        "sequence_spins: .long 0, 0\n .quad sequence_start, sequence_end - sequence_start, sequence_abort\n"
        "sequence_unsigned: .long 0, 0\n .quad sequence_start, sequence_end - sequence_start, spin_until_aborted\n"
        ".text\n .long 0\n"
        "spin_until_aborted: movq %rsi, 8(%rdi)\n"
        "sequence_start: pause\n jmp sequence_start\n"
        "sequence_end: ud2\n"
        ".long 0x53053053\n"
        "sequence_abort: ret\n");
void spin_until_aborted(struct area *area, const void *sequence);

static void notes_where(int, siginfo_t *, void *context) {
    interrupted_at = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}

static void alarm_soon(void) {
    const struct itimerval soon = {.it_value.tv_usec = 10000};
    struct sigaction action = {.sa_sigaction = notes_where, .sa_flags = SA_SIGINFO};
    sigaction(SIGALRM, &action, nullptr);
    setitimer(ITIMER_REAL, &soon, nullptr);
}

TEST(a_thread_registers_where_its_sequences_are) {
    area = (struct area){.processor_first = 99, .processor = 99};
    CHECK(rseq(&area, BYTES, 2, SIGNATURE) == -1 && errno == EINVAL);
    CHECK(rseq((char *)&area + 4, BYTES, 0, SIGNATURE) == -1 && errno == EINVAL);
    CHECK(rseq(&area, BYTES - 1, 0, SIGNATURE) == -1 && errno == EINVAL);
    CHECK(rseq(&area, BYTES, UNREGISTER, SIGNATURE) == -1 && errno == EINVAL);
    CHECK(area.processor == 99);
    CHECK(rseq(&area, BYTES, 0, SIGNATURE) == 0);
    CHECK(area.processor_first == area.processor && area.processor < 1024);
    CHECK(rseq(&area, BYTES, 0, SIGNATURE) == -1 && errno == EBUSY);
    CHECK(rseq(&area, BYTES, 0, 1) == -1 && errno == EPERM);
    CHECK(rseq(&area + 1, BYTES, 0, SIGNATURE) == -1 && errno == EINVAL);
    CHECK(rseq(&area, BYTES, UNREGISTER, 1) == -1 && errno == EPERM);
    CHECK(rseq(&area, BYTES, UNREGISTER, SIGNATURE) == 0);
    CHECK(area.processor == UINT32_MAX && area.processor_first == 0);
}

TEST(a_signal_aborts_a_sequence_before_its_handler_runs) {
    CHECK(rseq(&area, BYTES, 0, SIGNATURE) == 0);
    interrupted_at = 0;
    for (int tries = 0; interrupted_at != (uint64_t)sequence_abort && tries < 50; tries++) {
        interrupted_at = 0;
        alarm_soon();
        while (interrupted_at == 0) spin_until_aborted(&area, sequence_spins); // one that is preempted is aborted, too
    }
    CHECK(interrupted_at == (uint64_t)sequence_abort && area.sequence == 0);
    CHECK(rseq(&area, BYTES, UNREGISTER, SIGNATURE) == 0);
}

static atomic_bool over;

static void *gets_in_between(void *) {
    while (!over) sched_yield();
    return nullptr;
}

TEST(another_thread_that_runs_aborts_a_sequence) {
    cpu_set_t first, before;
    pthread_t other;
    CPU_ZERO(&first);
    CHECK(sched_getaffinity(0, sizeof(before), &before) == 0);
    for (int i = CPU_SETSIZE; i-- > 0;)
        if (CPU_ISSET(i, &before)) CPU_ZERO(&first), CPU_SET(i, &first);
    CHECK(sched_setaffinity(0, sizeof(first), &first) == 0);
    over = false;
    CHECK(pthread_create(&other, nullptr, gets_in_between, nullptr) == 0);
    CHECK(rseq(&area, BYTES, 0, SIGNATURE) == 0);
    spin_until_aborted(&area, sequence_spins);
    over = true;
    CHECK(area.sequence == 0 && pthread_join(other, nullptr) == 0);
    CHECK(rseq(&area, BYTES, UNREGISTER, SIGNATURE) == 0);
    CHECK(sched_setaffinity(0, sizeof(before), &before) == 0);
}

TEST(outside_of_a_sequence_its_name_is_taken_out) {
    CHECK(rseq(&area, BYTES, 0, SIGNATURE) == 0);
    struct sigaction action = {.sa_sigaction = notes_where, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, nullptr);
    area.sequence = (uint64_t)sequence_spins;
    raise(SIGUSR1);
    CHECK(area.sequence == 0 && interrupted_at != (uint64_t)sequence_abort);
    signal(SIGUSR1, SIG_DFL);
    CHECK(rseq(&area, BYTES, UNREGISTER, SIGNATURE) == 0);
}

static int spins_without_signature(void) {
    if (rseq(&area, BYTES, 0, SIGNATURE) != 0) return 1;
    signal(SIGSEGV, SIG_IGN);
    alarm_soon();
    spin_until_aborted(&area, sequence_unsigned);
    return 2;
}

TEST(an_abort_address_without_the_signature_ends_the_process) {
    const int status = status_of(spins_without_signature);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static int unregisters(void) {
    return rseq(&area, BYTES, UNREGISTER, SIGNATURE) == 0 ? 0 : 1;
}

static void *tries_to_unregister(void *) {
    return (void *)(intptr_t)unregisters();
}

TEST(a_forked_child_has_the_registration_and_a_new_thread_has_none) {
    pthread_t other;
    void *result;
    CHECK(rseq(&area, BYTES, 0, SIGNATURE) == 0);
    CHECK(status_of(unregisters) == 0);
    CHECK(pthread_create(&other, nullptr, tries_to_unregister, nullptr) == 0);
    CHECK(pthread_join(other, &result) == 0 && result != nullptr);
    CHECK(unregisters() == 0);
}

static long clone3(void *arguments, size_t bytes) {
    return syscall(SYS_clone3, arguments, bytes);
}

TEST(clone3_makes_a_process_that_handles_no_signals) {
    struct clone_args with = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
    struct sigaction action = {.sa_sigaction = notes_where, .sa_flags = SA_SIGINFO};
    int status;
    sigaction(SIGUSR1, &action, nullptr);
    const pid_t child = (pid_t)clone3(&with, sizeof(with));
    if (child == 0) _exit(sigaction(SIGUSR1, nullptr, &action) == 0 && action.sa_handler == SIG_DFL ? 7 : 8);
    signal(SIGUSR1, SIG_DFL);
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
}

TEST(clone3_refuses_what_it_does_not_know) {
    struct {
        struct clone_args known;
        uint64_t unknown;
    } with = {.known = {.exit_signal = SIGCHLD}, .unknown = 1};
    CHECK(clone3(&with, sizeof(with)) == -1 && errno == E2BIG);
    CHECK(clone3(&with, 63) == -1 && errno == EINVAL);
    CHECK(clone3(&with, 1 << 20) == -1 && errno == E2BIG);
    with.known.flags = SIGCHLD; // the signal has a place of its own
    CHECK(clone3(&with, sizeof(with.known)) == -1 && errno == EINVAL);
    with.known.flags = 0;
    with.known.stack = 4096;
    CHECK(clone3(&with, sizeof(with.known)) == -1 && errno == EINVAL);
}
