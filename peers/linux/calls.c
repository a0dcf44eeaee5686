// SPDX-License-Identifier: MIT
// The null call, and a system call that its own process serves (syscall user dispatch).
#include "peers/linux/linux.h"
#include "peers/linux/trap.h"
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { FOREIGN = 4000 }; // a number that no system call of Linux has

static uint32_t null_call(void) {
    const uint32_t before = bench_stamp();
    (void)call0(SYS_getppid);
    return bench_stamp() - before;
}

static volatile char dispatch; // what the kernel looks at: 1: system calls become signals

static void back_to_kernel(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)info;
    (void)context;
    dispatch = SYSCALL_DISPATCH_FILTER_ALLOW;
}

// From the last instruction before a foreign system call to the handler's first.
static uint32_t redirected(void) {
    uint32_t before;
    long number = FOREIGN;
    dispatch = SYSCALL_DISPATCH_FILTER_BLOCK;
    __asm__ volatile("movq %1, %%r8; rdtsc; movl %%eax, %0; movq %%r8, %%rax; syscall"
                     : "=&r"(before)
                     : "r"(number)
                     : "rax", "rcx", "rdx", "r8", "r11", "memory");
    return trap_stamp - before;
}

static uint32_t redirected_empty(void) {
    uint32_t before, after;
    __asm__ volatile("rdtsc; movl %%eax, %0; movq %%r8, %%rax; rdtsc; movl %%eax, %1"
                     : "=&r"(before), "=r"(after)::"rax", "rdx");
    return after - before;
}

void part_calls(void) {
    bench_row("linux", "call.null", "getppid", null_call, bench_empty(), 0);
    trap_next = back_to_kernel;
    trap_handle(SIGSYS, trap_entry_stamped, TRAP_SIGRETURN);
    if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &dispatch) != 0) {
        bench_skip("linux", "syscall.redirect", "this kernel has no system call user dispatch");
        return;
    }
    // The stamping entry has one instruction before its stamp; the SYSCALL itself counts.
    bench_row("linux", "syscall.redirect", "syscall user dispatch, to the entry of the SIGSYS handler", redirected,
              redirected_empty() + 1, 0);
}
