// SPDX-License-Identifier: MIT
// Delivery of signals without libc, and two ways back to the interrupted code.
//
// The kernel puts a frame on the stack: the address of a restorer, then struct ucontext with all registers, and below
// the interrupted code's red zone the vector state. It jumps to the handler, whose return pops the restorer's address.
// The customary restorer calls rt_sigreturn. With SA_NODEFER and no alternate stack, delivery changed nothing in the
// kernel, so a restorer that loads the registers itself is as good, and spares a system call:
//
//   1. the vector state by XRSTOR (the kernel has cleared it for the handler);
//   2. flags, address and rax are put just below the interrupted code's red zone, where only vector state was that has
//      been loaded, and the other registers are loaded; those that a C function preserves still have their values;
//   3. the stack pointer goes there, and POP, POPFQ and a RET that also drops the red zone's 128 bytes do the rest.
//
// At each step the stack pointer is below all that is still needed, so another signal may come in between.
#define _GNU_SOURCE
#include "peers/linux/trap.h"
#include "peers/linux/linux.h"
#include <sys/syscall.h>
#include <ucontext.h>

volatile uint32_t trap_stamp;
trap_handler *trap_next;

void trap_return_by_call(void);
void trap_return_in_user(void);

// Register contract of the three: as the kernel enters a handler, rdi, rsi and rdx are its arguments and rsp points to
// the restorer's address; as a handler returns, rsp points to struct ucontext.
__asm__(".text\n"
        ".globl trap_entry_stamped\n"
        "trap_entry_stamped:\n"
        "    movq %rdx, %rcx\n"
        "    rdtsc\n"
        "    movl %eax, trap_stamp\n"
        "    movq %rcx, %rdx\n"
        "    jmpq *trap_next\n"
        ".globl trap_return_by_call\n"
        "trap_return_by_call:\n"
        "    movl $15, %eax\n" // rt_sigreturn
        "    syscall\n"
        ".globl trap_return_in_user\n"
        "trap_return_in_user:\n"
        "    movq 224(%rsp), %rcx\n" // where the vector state is
        "    movl 472(%rcx), %eax\n" // which parts of it there are
        "    movl 476(%rcx), %edx\n"
        "    xrstor64 (%rcx)\n"
        "    movq 160(%rsp), %rsi\n" // rsp
        "    movq 168(%rsp), %rax\n" // rip
        "    movq %rax, -136(%rsi)\n"
        "    movq 176(%rsp), %rax\n" // flags
        "    movq %rax, -144(%rsi)\n"
        "    movq 112(%rsp), %rax\n" // rsi
        "    movq %rax, -152(%rsi)\n"
        "    movq 40(%rsp), %r8\n"
        "    movq 48(%rsp), %r9\n"
        "    movq 56(%rsp), %r10\n"
        "    movq 64(%rsp), %r11\n"
        "    movq 104(%rsp), %rdi\n"
        "    movq 136(%rsp), %rdx\n"
        "    movq 144(%rsp), %rax\n"
        "    movq 152(%rsp), %rcx\n"
        "    leaq -152(%rsi), %rsp\n"
        "    popq %rsi\n"
        "    popfq\n"
        "    retq $128\n");

static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_R8]) == 40);
static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_RSI]) == 112);
static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_RSP]) == 160);
static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_RIP]) == 168);
static_assert(offsetof(ucontext_t, uc_mcontext.gregs[REG_EFL]) == 176);
static_assert(offsetof(ucontext_t, uc_mcontext.fpregs) == 224);
static_assert(SYS_rt_sigreturn == 15);

void trap_handle(int signal, trap_handler *handler, enum trap_return back) {
    constexpr unsigned long sa_restorer = 0x04000000;
    const struct {
        trap_handler *handler;
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } action = {handler, SA_SIGINFO | SA_NODEFER | sa_restorer,
                back == TRAP_RESUME ? trap_return_in_user : trap_return_by_call, 0};
    must(call4(SYS_rt_sigaction, signal, (long)&action, 0, sizeof action.mask), "rt_sigaction");
}

void trap_skip(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)info;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += BENCH_STORE_BYTES;
}
