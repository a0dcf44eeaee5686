// SPDX-License-Identifier: MIT
// What a program may do around a system call and must find unchanged when the call site was rewritten; prints the same
// on Linux and on libos/unix. Each of its own calls is one that the rewriter can change (doc/ways.md).
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int signals;

static void handler(int signal) {
    (void)signal;
    signals++;
}

[[gnu::noinline]] static long plain_read(long file, void *to, long bytes) {
    long result;
    __asm__ volatile("movl $0, %%eax; syscall"
                     : "=a"(result)
                     : "D"(file), "S"(to), "d"(bytes)
                     : "rcx", "r11", "memory");
    return result;
}

[[gnu::noinline]] static long plain_fork(void) {
    long result;
    __asm__ volatile("movl $57, %%eax; syscall" : "=a"(result)::"rcx", "r11", "memory");
    return result;
}

// The child has the parent's memory, and its stack, until it ends.
[[gnu::noinline]] static long plain_vfork(void) {
    long result;
    __asm__ volatile(
        "movl $58, %%eax; syscall; testl %%eax, %%eax; jnz 1f; movl $5, %%edi; movl $60, %%eax; syscall; 1:"
        : "=a"(result)::"rcx", "r11", "rdi", "memory");
    return result;
}

// Words below the stack pointer are kept.
[[gnu::naked, gnu::noinline]] static long red_zone(void) {
    __asm__("movq $0x1234, -8(%rsp); movq $0x77, -16(%rsp); movl $39, %eax; syscall;"
            "movq -8(%rsp), %rax; addq -16(%rsp), %rax; ret");
}

// A jump to the instruction itself, with another number: getppid.
[[gnu::naked, gnu::noinline]] static long jumped_to(void) {
    __asm__("testq %rsp, %rsp; jz 2f; jnz 3f; 2: movl $39, %eax; 1: syscall; ret; 3: movl $110, %eax; jmp 1b");
}

// rcx is the address behind the instruction, r11 has the carry flag, and so have the flags.
[[gnu::naked, gnu::noinline]] static long registers(void) {
    __asm__("stc; movl $39, %eax; syscall; setc %al; movzbl %al, %eax; movzwl -2(%rcx), %edx; shll $8, %edx;"
            "orl %edx, %eax; btl $0, %r11d; adcl $0, %eax; ret");
}

// ---- What a handler sees of a thread on its way into the system

// Each takes one step on its way into the system: behind popfq one more instruction is done, and then a signal comes.
// One has the number beside the system call and no gap near it, so its mov is replaced; of the other the call itself.
long stepped_move(void), stepped_call(void);
extern const char *const stepped_in[2]; // where they begin and end; a symbol there would be in the way of the gap
__asm__(".text; .balign 16; .type stepped_move, @function; .type stepped_call, @function; .type behind, @function\n"
        "1: stepped_move: pushfq; orl $0x100, (%rsp); popfq; movl $39, %eax; syscall\n"
        "pushfq; andl $~0x100, (%rsp); popfq; ret; .skip 200, 0x90; .size stepped_move, . - stepped_move\n"
        "stepped_call: movl $39, %eax; pushfq; orl $0x100, (%rsp); popfq; syscall\n"
        "pushfq; andl $~0x100, (%rsp); popfq; ret; .size stepped_call, . - stepped_call\n"
        "2: .skip 16, 0xcc; behind: ret; .size behind, 1\n"
        ".section .rodata; .balign 8; stepped_in: .quad 1b, 2b; .text\n");

static volatile int steps, seen, seen_inside;

static bool is_inside(const void *context) {
    const char *place = (const char *)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    return place >= stepped_in[0] && place < stepped_in[1];
}

// One more signal, that waits until this one's handler has returned: its own handler sees where the thread was.
static void step(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    if (steps++ == 0) raise(SIGUSR1);
    if (!is_inside(context)) seen_inside -= 100;
}

static void look(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    seen++;
    seen_inside += is_inside(context);
}

static const char *stepped(long (*function)(void)) {
    struct sigaction step_action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO};
    struct sigaction look_action = {.sa_sigaction = look, .sa_flags = SA_SIGINFO};
    sigaddset(&step_action.sa_mask, SIGUSR1);
    sigaction(SIGTRAP, &step_action, nullptr);
    sigaction(SIGUSR1, &look_action, nullptr);
    steps = seen = seen_inside = 0;
    if (function() != getpid()) return "returned something else";
    return seen != 1 ? "not seen" : seen_inside == 1 ? "seen in place" : "seen elsewhere";
}

int main(void) {
    int ends[2], status;
    char byte = 0;
    if (pipe(ends) != 0) return 1;
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = handler, .sa_flags = SA_RESTART}, nullptr);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 50'000}}, nullptr);
    const long child = plain_fork();
    if (child == 0) {
        usleep(200'000);
        _exit(write(ends[1], "x", 1) == 1 ? 7 : 8);
    }
    const long count = plain_read(ends[0], &byte, 1); // a signal comes meanwhile, and it is made again
    while (waitpid((pid_t)child, &status, 0) < 0) {
    }
    printf("read %ld %c, %d signals, child %d\n", count, byte, signals, WEXITSTATUS(status));
    const long other = plain_vfork();
    printf("vforked %d", waitpid((pid_t)other, &status, 0) == other);
    printf(", ended with %d\n", WEXITSTATUS(status));
    const long room = syscall(SYS_brk, 0);
    printf("break grows by %ld\n", syscall(SYS_brk, room + 100'000) - room);
    printf("red zone %#lx, jumped to %d, registers %#lx\n", red_zone(), jumped_to() == getppid(), registers());
    printf("on its way: %s, %s\n", stepped(stepped_move), stepped(stepped_call));
    return 0;
}
