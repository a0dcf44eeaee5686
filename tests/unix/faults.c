// SPDX-License-Identifier: MIT
// Faults and exceptions of a program, which are signals to it.
#include "tests/unix/check.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int count, last;
static volatile siginfo_t seen;
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
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, nullptr);
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

// ---- A thread that steps through itself: what the trap flag's first step enters the system by

long step_call(void), step_fork(void), step_load(const void *from);
extern const char *const step_code[2];
__asm__(".pushsection .text\n"
        ".macro STEP; pushfq; orl $0x100, (%rsp); popfq; .endm\n"
        "1: step_call: movl $39, %eax; STEP; syscall; nop; ret\n"
        "step_fork: movl $57, %eax; STEP; syscall; nop; ret\n"
        "step_load: STEP; movl (%rdi), %eax; nop; ret\n"
        "2: .popsection; .pushsection .rodata; .balign 8; step_code: .quad 1b, 2b; .popsection\n");

static volatile int steps, steps_elsewhere;

static void stops(int signal, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const char *place = (const char *)registers[REG_RIP];
    steps += signal == SIGTRAP && info->si_code != SI_USER;
    steps_elsewhere += place < step_code[0] || place >= step_code[1];
    registers[REG_EFL] &= ~0x100;
}

TEST(a_step_into_the_system_is_told_and_nothing_else_is_changed) {
    struct sigaction action = {.sa_sigaction = stops, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &action, nullptr);
    steps = steps_elsewhere = 0;
    CHECK(step_call() == getpid() && steps == 1);
    void *page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(step_load(page) == 0 && steps == 2); // is brought in on the way
    const pid_t child = (pid_t)step_fork();
    if (child == 0) _exit(steps == 3 ? 7 : 8);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7 && steps == 3 && steps_elsewhere == 0);
    munmap(page, 4096);
    signal(SIGTRAP, SIG_DFL);
    if (fork() == 0) _exit((int)step_call());
    CHECK(wait(&status) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP);
}

static int asks_the_vsyscall_page(void) {
    const uint64_t page = 0xffff'ffff'ff60'0000;
    struct timeval now;
    if (((int (*)(struct timeval *, void *))page)(&now, nullptr) != 0) return 1;
    const time_t seconds = ((time_t (*)(time_t *))(page + 0x400))(nullptr);
    return seconds - now.tv_sec > 1 || now.tv_sec < 1'000'000'000;
}

// Programs of old C libraries call there. A Linux that was started with vsyscall=none has no such page.
TEST(the_vsyscall_page_tells_the_time) {
    struct utsname name;
    const int status = status_of(asks_the_vsyscall_page);
    CHECK(uname(&name) == 0);
    CHECK(status == 0 || (WIFSIGNALED(status) && strcmp(name.nodename, "bindery") != 0));
}
