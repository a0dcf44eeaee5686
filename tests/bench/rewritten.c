// SPDX-License-Identifier: MIT
// What a program may do around a system call and must find unchanged when the call site was rewritten; prints the same
// on Linux and on libos/unix. Each call is written as the rewriter looks for it (doc/ways.md).
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/wait.h>
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
    printf("red zone %#lx, jumped to %d, registers %#lx\n", red_zone(), jumped_to() == getppid(), registers());
    return 0;
}
