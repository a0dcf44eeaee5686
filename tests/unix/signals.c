// SPDX-License-Identifier: MIT
// Signals: handlers and their frames, masks, waiting, defaults.
#include "tests/unix/check.h"
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int count, last;
static volatile siginfo_t seen;
static sigset_t during;

static void counts(int signal) {
    count++;
    last = signal;
}

static void records(int signal, siginfo_t *info, void *) {
    counts(signal);
    memcpy((void *)&seen, info, sizeof(seen));
    sigprocmask(SIG_BLOCK, nullptr, &during);
}

static void handle(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(signal, &action, nullptr);
    count = last = 0;
}

static void record(int signal, int flags) {
    struct sigaction action = {.sa_sigaction = records, .sa_flags = SA_SIGINFO | flags};
    sigaction(signal, &action, nullptr);
    count = last = 0;
}

static void block(int how, int signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    sigprocmask(how, &set, nullptr);
}

TEST(a_handler_is_told_who_sent_the_signal) {
    record(SIGUSR1, 0);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(count == 1 && seen.si_signo == SIGUSR1 && seen.si_code == SI_USER);
    CHECK(seen.si_pid == getpid() && seen.si_uid == getuid());
    CHECK(sigismember(&during, SIGUSR1) == 1 && sigismember(&during, SIGUSR2) == 0);
    signal(SIGUSR1, SIG_DFL);
}

TEST(a_handlers_mask_is_the_actions_and_comes_off_again) {
    struct sigaction action = {.sa_sigaction = records, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigset_t after;
    sigaddset(&action.sa_mask, SIGUSR2);
    sigaction(SIGUSR1, &action, nullptr);
    raise(SIGUSR1);
    CHECK(sigismember(&during, SIGUSR1) == 0 && sigismember(&during, SIGUSR2) == 1);
    sigprocmask(SIG_BLOCK, nullptr, &after);
    CHECK(sigismember(&after, SIGUSR2) == 0);
    signal(SIGUSR1, SIG_DFL);
}

TEST(resethand_handles_once) {
    handle(SIGCHLD, counts, (int)SA_RESETHAND);
    raise(SIGCHLD);
    raise(SIGCHLD);
    CHECK(count == 1);
}

TEST(registers_survive_a_handler) {
    handle(SIGUSR1, counts, 0);
    uint64_t ok, pid = (uint64_t)getpid();
    double in = 1.25, out;
    __asm__ volatile("movq %[pid], %%rdi\n movl $10, %%esi\n movl $62, %%eax\n movq $0x1234567, %%r8\n"
                     "movq $77, %%r9\n movq $-5, %%r15\n movq $99, %%rbx\n movsd %[in], %%xmm7\n stc\n"
                     "syscall\n"
                     "movl $0, %k[ok]\n jnc 1f\n cmpq $0, %%rax\n jne 1f\n cmpq $0x1234567, %%r8\n jne 1f\n"
                     "cmpq $77, %%r9\n jne 1f\n cmpq $-5, %%r15\n jne 1f\n cmpq $99, %%rbx\n jne 1f\n"
                     "movl $1, %k[ok]\n"
                     "1: movsd %%xmm7, %[out]"
                     : [ok] "=&r"(ok), [out] "=m"(out)
                     : [pid] "r"(pid), [in] "m"(in)
                     : "rax", "rbx", "rcx", "rdi", "rsi", "r8", "r9", "r11", "r15", "xmm7", "memory", "cc");
    CHECK(count == 1 && ok == 1 && out == 1.25);
    signal(SIGUSR1, SIG_DFL);
}

static void spoils_vectors(int) {
    __asm__ volatile("pxor %%xmm0, %%xmm0; pcmpeqd %%xmm5, %%xmm5; fldpi" ::: "xmm0", "xmm5");
    count++;
}

TEST(vector_registers_survive_a_handler_that_uses_them) {
    handle(SIGUSR1, spoils_vectors, 0);
    double in = 3.5, out0, out5;
    __asm__ volatile("movsd %[in], %%xmm0\n movsd %[in], %%xmm5\n movq %[pid], %%rdi\n movl $10, %%esi\n"
                     "movl $62, %%eax\n syscall\n movsd %%xmm0, %[out0]\n movsd %%xmm5, %[out5]"
                     : [out0] "=m"(out0), [out5] "=m"(out5)
                     : [pid] "r"((uint64_t)getpid()), [in] "m"(in)
                     : "rax", "rcx", "rdi", "rsi", "r11", "xmm0", "xmm5", "memory");
    CHECK(count == 1 && out0 == 3.5 && out5 == 3.5);
    signal(SIGUSR1, SIG_DFL);
}

static void changes_rax(int, siginfo_t *, void *context) {
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 4711;
}

TEST(a_handler_may_change_what_is_gone_back_to) {
    struct sigaction action = {.sa_sigaction = changes_rax, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, nullptr);
    CHECK(syscall(SYS_kill, getpid(), SIGUSR1) == 4711);
    signal(SIGUSR1, SIG_DFL);
}

static char other_stack[16384];
static char *stack_seen;
static void notes_stack(int) {
    char here;
    stack_t stack;
    stack_seen = &here;
    sigaltstack(nullptr, &stack);
    last = stack.ss_flags;
}

TEST(a_handler_can_have_a_stack_of_its_own) {
    const stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof(other_stack)}, off = {.ss_flags = SS_DISABLE};
    stack_t before;
    CHECK(sigaltstack(&stack, nullptr) == 0);
    handle(SIGUSR1, notes_stack, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK(stack_seen >= other_stack && stack_seen < other_stack + sizeof(other_stack) && last == SS_ONSTACK);
    handle(SIGUSR1, notes_stack, 0);
    raise(SIGUSR1);
    CHECK(!(stack_seen >= other_stack && stack_seen < other_stack + sizeof(other_stack)));
    CHECK(sigaltstack(&off, &before) == 0 && before.ss_sp == other_stack && before.ss_flags == 0);
    const stack_t small = {.ss_sp = other_stack, .ss_size = 100};
    CHECK(sigaltstack(&small, nullptr) == -1 && errno == ENOMEM);
    signal(SIGUSR1, SIG_DFL);
}

TEST(a_blocked_signal_waits) {
    sigset_t pending;
    record(SIGUSR1, 0);
    block(SIG_BLOCK, SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK(count == 0);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 1 && sigismember(&pending, SIGUSR2) == 0);
    block(SIG_UNBLOCK, SIGUSR1);
    CHECK(count == 1);
    signal(SIGUSR1, SIG_DFL);
}

TEST(ignoring_a_pending_signal_drops_it) {
    sigset_t pending;
    block(SIG_BLOCK, SIGUSR1);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 0);
    signal(SIGUSR1, SIG_DFL);
    block(SIG_UNBLOCK, SIGUSR1);
}

TEST(realtime_signals_come_all_and_in_order) {
    const union sigval one = {.sival_int = 1}, two = {.sival_int = 2};
    sigset_t set;
    siginfo_t info;
    const int signal = SIGRTMIN + 3;
    block(SIG_BLOCK, signal);
    CHECK(sigqueue(getpid(), signal, one) == 0 && sigqueue(getpid(), signal, two) == 0);
    sigemptyset(&set);
    sigaddset(&set, signal);
    CHECK(sigwaitinfo(&set, &info) == signal && info.si_value.sival_int == 1 && info.si_code == SI_QUEUE);
    CHECK(sigwaitinfo(&set, &info) == signal && info.si_value.sival_int == 2);
    const struct timespec soon = {.tv_nsec = 1000000};
    CHECK(sigtimedwait(&set, &info, &soon) == -1 && errno == EAGAIN);
    block(SIG_UNBLOCK, signal);
}

TEST(sigsuspend_waits_with_another_mask) {
    sigset_t none, now;
    sigemptyset(&none);
    record(SIGUSR1, 0);
    block(SIG_BLOCK, SIGUSR1);
    raise(SIGUSR1);
    CHECK(sigsuspend(&none) == -1 && errno == EINTR && count == 1);
    sigprocmask(SIG_BLOCK, nullptr, &now);
    CHECK(sigismember(&now, SIGUSR1) == 1);
    block(SIG_UNBLOCK, SIGUSR1);
    signal(SIGUSR1, SIG_DFL);
}

static int by_default(int signal) {
    const pid_t child = fork();
    int status = -1;
    if (child == 0) {
        raise(signal);
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WIFEXITED(status) ? 0 : -1;
}

TEST(the_default_is_to_end_but_for_some) {
    for (const int *each = (const int[]){SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGKILL, SIGUSR1, SIGPIPE, SIGALRM, SIGTERM,
                                         SIGXCPU, SIGIO, SIGRTMIN, SIGRTMAX, 0};
         *each != 0; each++)
        CHECK(by_default(*each) == *each);
    CHECK(by_default(SIGCHLD) == 0 && by_default(SIGWINCH) == 0 && by_default(SIGURG) == 0 && by_default(SIGCONT) == 0);
}

TEST(calls_about_signals_check_their_numbers) {
    struct sigaction action = {};
    CHECK(kill(getpid(), 65) == -1 && errno == EINVAL);
    CHECK(kill(getpid(), -1) == -1 && errno == EINVAL);
    CHECK(kill(1234567, 0) == -1 && errno == ESRCH);
    CHECK(kill(-1234567, 0) == -1 && errno == ESRCH);
    CHECK(syscall(SYS_rt_sigaction, SIGKILL, &action, nullptr, 8) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_rt_sigaction, SIGUSR1, (void *)16, nullptr, 8) == -1 && errno == EFAULT);
    CHECK(syscall(SYS_rt_sigprocmask, 7, &during, nullptr, 8) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_rt_sigprocmask, 0, nullptr, nullptr, 9) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_tgkill, getpid() + 1000000, getpid(), 0) == -1 && errno == ESRCH);
    CHECK(syscall(SYS_tgkill, 0, getpid(), 0) == -1 && errno == EINVAL);
}

TEST(a_write_to_a_pipe_without_readers_is_SIGPIPE) {
    int ends[2];
    handle(SIGPIPE, counts, 0);
    CHECK(pipe(ends) == 0);
    close(ends[0]);
    CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE && count == 1);
    close(ends[1]);
    signal(SIGPIPE, SIG_DFL);
}

TEST(a_child_inherits_masks_and_handlers_but_nothing_pending) {
    int status;
    record(SIGUSR1, 0);
    block(SIG_BLOCK, SIGUSR1);
    raise(SIGUSR1);
    const pid_t child = fork();
    if (child == 0) {
        sigset_t set;
        sigpending(&set);
        if (sigismember(&set, SIGUSR1)) _exit(1);
        raise(SIGUSR1);
        if (count != 0) _exit(2);
        block(SIG_UNBLOCK, SIGUSR1);
        _exit(count == 1 ? 0 : 3);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    block(SIG_UNBLOCK, SIGUSR1);
    CHECK(count == 1);
    signal(SIGUSR1, SIG_DFL);
}

TEST(signals_that_become_due_together_are_all_handled) {
    handle(SIGUSR2, counts, 0);
    handle(SIGUSR1, counts, SA_NODEFER);
    block(SIG_BLOCK, SIGUSR1);
    block(SIG_BLOCK, SIGUSR2);
    raise(SIGUSR1);
    raise(SIGUSR2);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr); // both at once
    CHECK(count == 2);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
}
