// SPDX-License-Identifier: MIT
// Signals: handlers and their frames, masks, waiting, defaults, interrupted calls, job control.
#include "tests/unix/check.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
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

static sigjmp_buf back;
static void jumps(int signal, siginfo_t *info, void *context) {
    last = signal;
    memcpy((void *)&seen, info, sizeof(seen));
    count = (int)((ucontext_t *)context)->uc_mcontext.gregs[REG_TRAPNO];
    siglongjmp(back, 1);
}

static void catch (int signal) {
    struct sigaction action = {.sa_sigaction = jumps, .sa_flags = SA_SIGINFO};
    sigaction(signal, &action, nullptr);
    last = 0;
}

TEST(a_bad_access_is_SIGSEGV_with_its_address) {
    catch (SIGSEGV);
    volatile char *nowhere = (volatile char *)0x123000;
    if (sigsetjmp(back, 1) == 0) *nowhere = 1;
    CHECK(last == SIGSEGV && seen.si_addr == nowhere && seen.si_code == SEGV_MAPERR && count == 14);
    volatile char *page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    last = 0;
    if (sigsetjmp(back, 1) == 0) page[5] = 1;
    CHECK(last == SIGSEGV && seen.si_addr == page + 5 && seen.si_code == SEGV_ACCERR);
    last = 0;
    if (sigsetjmp(back, 1) == 0) *(volatile char *)0x8000'0000'0000'0000 = 1; // not canonical
    CHECK(last == SIGSEGV && seen.si_code == SI_KERNEL && count == 13);
    munmap((void *)page, 4096);
    signal(SIGSEGV, SIG_DFL);
}

TEST(a_page_past_a_files_end_is_SIGBUS) {
    catch (SIGBUS);
    const int file = open("/tmp/short", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(write(file, "abc", 3) == 3);
    volatile char *page = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(page != MAP_FAILED && page[1] == 'b' && page[4000] == 0);
    if (sigsetjmp(back, 1) == 0) page[4096] = 1;
    CHECK(last == SIGBUS && seen.si_addr == page + 4096 && seen.si_code == BUS_ADRERR);
    munmap((void *)page, 8192);
    close(file);
    unlink("/tmp/short");
    signal(SIGBUS, SIG_DFL);
}

TEST(exceptions_are_signals) {
    catch (SIGFPE);
    volatile int zero = 0, many = 1000;
    if (sigsetjmp(back, 1) == 0) last = many / zero;
    CHECK(last == SIGFPE && seen.si_code == FPE_INTDIV);
    catch (SIGILL);
    if (sigsetjmp(back, 1) == 0) __asm__ volatile("ud2");
    CHECK(last == SIGILL && seen.si_code == ILL_ILLOPN);
    catch (SIGTRAP);
    if (sigsetjmp(back, 1) == 0) __asm__ volatile("int3");
    CHECK(last == SIGTRAP);
    catch (SIGSEGV);
    if (sigsetjmp(back, 1) == 0) __asm__ volatile("hlt");
    CHECK(last == SIGSEGV && seen.si_code == SI_KERNEL);
    for (const int *each = (const int[]){SIGFPE, SIGILL, SIGTRAP, SIGSEGV, 0}; *each != 0; each++)
        signal(*each, SIG_DFL);
}

static int dies_by_fault(void) {
    block(SIG_BLOCK, SIGSEGV);
    signal(SIGSEGV, SIG_IGN);
    *(volatile char *)8 = 1;
    return 0;
}

TEST(a_fault_cannot_be_blocked_or_ignored) {
    const int status = status_of(dies_by_fault);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void recurses(volatile char *above) {
    volatile char room[4096];
    room[0] = above[0];
    if (room[0] != 0) recurses(room);
    room[1] = above[0]; // so that it is no loop
}
static int overflows(void) {
    volatile char first[1] = {1};
    recurses(first);
    return 0;
}

TEST(a_stack_without_end_is_SIGSEGV) {
    const int status = status_of(overflows);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
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

// A child that sends SIGUSR1, and then a byte, each when its parent sleeps.
static pid_t disturber(int ends[2]) {
    const pid_t child = fork();
    const struct timespec wait = {.tv_nsec = 30000000};
    if (child != 0) return child;
    nanosleep(&wait, nullptr);
    kill(getppid(), SIGUSR1);
    nanosleep(&wait, nullptr);
    _exit(write(ends[1], "y", 1) != 1);
}

TEST(a_read_is_restarted_if_the_handler_says_so) {
    int ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    handle(SIGUSR1, counts, SA_RESTART);
    pid_t child = disturber(ends);
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'y' && count == 1);
    CHECK(waitpid(child, nullptr, 0) == child);
    handle(SIGUSR1, counts, 0);
    child = disturber(ends);
    CHECK(read(ends[0], &byte, 1) == -1 && errno == EINTR && count == 1);
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'y');
    CHECK(waitpid(child, nullptr, 0) == child);
    close(ends[0]);
    close(ends[1]);
    signal(SIGUSR1, SIG_DFL);
}

TEST(a_sleep_is_ended_by_a_handler_and_says_what_is_left) {
    struct timespec rest = {}, wait = {.tv_sec = 5};
    const struct itimerval soon = {.it_value.tv_usec = 20000};
    handle(SIGALRM, counts, SA_RESTART);
    setitimer(ITIMER_REAL, &soon, nullptr);
    CHECK(nanosleep(&wait, &rest) == -1 && errno == EINTR && count == 1);
    CHECK(rest.tv_sec == 4 && rest.tv_nsec > 500000000);
    signal(SIGALRM, SIG_DFL);
}

TEST(an_interval_timer_comes_again) {
    const struct itimerval often = {{0, 5000}, {0, 5000}}, off = {};
    struct itimerval left;
    handle(SIGALRM, counts, 0);
    CHECK(setitimer(ITIMER_REAL, &often, nullptr) == 0);
    while (count < 5) pause();
    CHECK(setitimer(ITIMER_REAL, &off, &left) == 0 && left.it_interval.tv_usec == 5000);
    signal(SIGALRM, SIG_DFL);
}

TEST(a_timer_interrupts_a_loop) {
    const struct itimerval once = {.it_value.tv_usec = 10000};
    handle(SIGALRM, counts, 0);
    setitimer(ITIMER_REAL, &once, nullptr);
    while (count == 0) {
    }
    CHECK(last == SIGALRM);
    handle(SIGVTALRM, counts, 0);
    setitimer(ITIMER_VIRTUAL, &once, nullptr);
    while (count == 0) {
    }
    CHECK(last == SIGVTALRM);
    signal(SIGALRM, SIG_DFL);
    signal(SIGVTALRM, SIG_DFL);
}

TEST(a_child_stops_and_goes_on) {
    int status;
    const pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        _exit(4);
    }
    record(SIGCHLD, SA_RESTART);
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK(waitpid(child, &status, WUNTRACED | WNOHANG) == 0); // told once
    count = 0;
    CHECK(kill(child, SIGCONT) == 0);
    CHECK(waitpid(child, &status, WCONTINUED) == child);
    if (WIFCONTINUED(status)) CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
    CHECK(count >= 1 && seen.si_pid == child);
    signal(SIGCHLD, SIG_DFL);
}

TEST(a_stopped_child_can_be_killed) {
    int status;
    const pid_t child = fork();
    if (child == 0)
        while (true) raise(SIGSTOP);
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGTERM); // waits until it goes on
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    kill(child, SIGKILL);
    CHECK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
}

TEST(a_stopped_sleep_ends_when_it_would_have) {
    int status;
    const pid_t child = fork();
    if (child == 0) {
        const struct timespec wait = {.tv_nsec = 60000000};
        _exit(nanosleep(&wait, nullptr) != 0);
    }
    const struct timespec moment = {.tv_nsec = 15000000};
    nanosleep(&moment, nullptr);
    kill(child, SIGSTOP);
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGCONT);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

TEST(a_group_gets_a_signal_together) {
    pid_t child[3];
    int status, ends[2];
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < 3; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            setpgid(0, i == 0 ? 0 : child[0]);
            if (write(ends[1], "r", 1) == 1) pause();
            _exit(0);
        }
        setpgid(child[i], child[0]);
    }
    char ready[3];
    for (int i = 0; i < 3; i++) CHECK(read(ends[0], ready + i, 1) == 1);
    CHECK(kill(-child[0], SIGTERM) == 0);
    for (int i = 0; i < 3; i++) CHECK(waitpid(child[i], &status, 0) == child[i] && WTERMSIG(status) == SIGTERM);
    close(ends[0]);
    close(ends[1]);
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
