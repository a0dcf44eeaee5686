// SPDX-License-Identifier: MIT
// Ways into the guest kernel and out of it. Each does what it must and no more.
//
// Xen pushes ss, rsp, flags, cs, rip, for a page fault an error code, r11 and rcx, and keeps all other registers as
// they were. Out of user mode that frame is below trap_stack_top, out of kernel mode on the stack in use. The hypercall
// iret takes, from the stack pointer up: rax, r11, rcx, 0, rip, cs, flags, rsp, ss; cs with ring 3 in its low bits
// means guest user mode.
//
//   routine                 in                              changes, beyond what a C call may
//   enter_user              rdi code, rsi, rdx for it        -; returns when that code has called user_end
//   fault_of_user           a page fault of user mode        -; handler(rdi fault address, rsi frame)
//   fault_of_kernel         a page fault of kernel mode      -; the same, and back without a hypercall
//   stamped_fault_of_…      the same                         rax, rdx: a stamp is the first instruction
//   syscall_of_user         eax 0: a yield to the other      rax, rcx, rdx, rdi, rsi, r8 to r11, as a function call may
//                           process; else enter_user's end
//   stamped_syscall_of_user a system call that ends          rax, rdx
//   kernel_switch           rdi from, rsi to                 -; two stacks and address spaces in kernel mode
#include "peers/xen/hypervisor.h"
#include "peers/xen/process.h"

    .macro SAVE_CALLER
    pushq %rax
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    .endm

    .macro RESTORE_CALLER // all but rax
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    .endm

    .macro CALL_HANDLER
    movq shared_page + XEN_VCPU_CR2, %rdi
    leaq 7 * 8(%rsp), %rsi
    callq *fault_handler
    .endm

    .text
    .globl stamped_fault_of_user
stamped_fault_of_user:
    rdtsc
    movl %eax, stamped
    .globl fault_of_user
fault_of_user:
    SAVE_CALLER
    CALL_HANDLER
    RESTORE_CALLER
    // On the stack: rax, rcx, r11, error code. Xen's order for iret: rax, r11, rcx, 0.
    movq 8(%rsp), %rcx
    movq 16(%rsp), %r11
    movq %r11, 8(%rsp)
    movq %rcx, 16(%rsp)
    movq $0, 24(%rsp)
    movl $XEN_IRET, %eax
    syscall

    .globl stamped_fault_of_kernel
stamped_fault_of_kernel:
    rdtsc
    movl %eax, stamped
    .globl fault_of_kernel
fault_of_kernel:
    SAVE_CALLER
    CALL_HANDLER
    RESTORE_CALLER
    // On the stack: rax, rcx, r11, error code, rip, cs, flags, rsp, ss. The return address goes to just below the
    // interrupted stack pointer, where at worst ss is, which is not needed. No iretq: out of ring 3, QEMU 7.2 gets it
    // wrong with SMAP on.
    movq 56(%rsp), %rax
    movq 32(%rsp), %rcx
    subq $8, %rax
    movq %rcx, (%rax)
    movq %rax, 56(%rsp)
    popq %rax
    popq %rcx
    popq %r11
    addq $24, %rsp
    popfq
    popq %rsp
    ret

    .globl enter_user
enter_user:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, kernel_rsp
    pushq $XEN_SS
    pushq $0            // user code here needs no stack
    pushq $0x202
    pushq $XEN_CS
    pushq %rdi
    subq $32, %rsp
    movq $0, 24(%rsp)
    movq %rsi, %rdi
    movq %rdx, %rsi
    movl $XEN_IRET, %eax
    syscall

    .globl stamped_syscall_of_user
stamped_syscall_of_user:
    rdtsc
    movl %eax, stamped
    jmp end_user

    .globl syscall_of_user
syscall_of_user:
    testl %eax, %eax
    jz yield
end_user:
    movl %esi, user_before
    movl %edi, user_after
    movq kernel_rsp, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

// The frame is that of one process and becomes that of the other: rcx, r11, rip, cs, flags, rsp, ss.
yield:
    movq process_current, %rdi
    movq %rbx, PROCESS_RBX(%rdi)
    movq %rbp, PROCESS_RBP(%rdi)
    movq %r12, PROCESS_R12(%rdi)
    movq %r13, PROCESS_R13(%rdi)
    movq %r14, PROCESS_R14(%rdi)
    movq %r15, PROCESS_R15(%rdi)
    movq 16(%rsp), %rax
    movq %rax, PROCESS_RIP(%rdi)
    movq 40(%rsp), %rax
    movq %rax, PROCESS_RSP(%rdi)
    movq PROCESS_OTHER(%rdi), %rbx
    movq %rbx, process_current
    leaq PROCESS_SPACES(%rbx), %rdi
    movq PROCESS_COUNT(%rbx), %rsi
    xorl %edx, %edx
    movl $XEN_SELF, %r10d
    movl $XEN_MMUEXT_OP, %eax
    syscall
    testl %eax, %eax
    jnz broken
    movq PROCESS_RIP(%rbx), %rax
    movq %rax, 16(%rsp)
    movq PROCESS_RSP(%rbx), %rax
    movq %rax, 40(%rsp)
    movq PROCESS_R15(%rbx), %r15
    movq PROCESS_R14(%rbx), %r14
    movq PROCESS_R13(%rbx), %r13
    movq PROCESS_R12(%rbx), %r12
    movq PROCESS_RBP(%rbx), %rbp
    movq PROCESS_RBX(%rbx), %rbx
    subq $16, %rsp      // rax, r11, rcx, 0 below the frame: a system call leaves none of these as it was
    movq $0, 24(%rsp)
    movl $XEN_IRET, %eax
    syscall
broken:                 // an address space that Xen does not take: it shows where
    ud2

    .globl kernel_switch
kernel_switch:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, PROCESS_RSP(%rdi)
    movq PROCESS_RSP(%rsi), %rsp
    leaq PROCESS_SPACES(%rsi), %rdi
    movl $1, %esi       // in kernel mode there is no second table
    xorl %edx, %edx
    movl $XEN_SELF, %r10d
    movl $XEN_MMUEXT_OP, %eax
    syscall
    testl %eax, %eax
    jnz broken
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

    .bss
    .balign 8
kernel_rsp:
    .skip 8

    .section .note.GNU-stack, "", @progbits
