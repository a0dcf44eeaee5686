// SPDX-License-Identifier: MIT
// What runs in guest user mode, in a page of its own: at USER_CODE there, position-independent. Each ends by the system
// call that is not 0, with its first stamp in esi and its last in edi.
//
//   user_touch     rdi address                    one store between two stamps
//   user_walk      rdi array of addresses, rsi n  a store to each, between two stamps
//   user_syscall                                  a system call right behind the first stamp
//   user_yield                                    yields to the other process between two stamps
//   user_partner                                  the other process: yields for ever
//
// In user_touch and user_walk rax and rdx are free where the store faults.
    .section .user, "ax", @progbits
    .globl user_touch, user_walk, user_syscall, user_yield, user_partner
user_touch:
    movq %rdi, %rcx
    rdtsc
    movl %eax, %esi
    movb $1, (%rcx)
    rdtsc
    movl %eax, %edi
    movl $1, %eax
    syscall

user_walk:
    movq %rsi, %r8
    rdtsc
    movl %eax, %esi
1:  movq (%rdi), %rcx
    movb $1, (%rcx)
    addq $8, %rdi
    decq %r8
    jnz 1b
    rdtsc
    movl %eax, %edi
    movl $1, %eax
    syscall

user_syscall:
    rdtsc
    movl %eax, %esi
    syscall

user_yield:
    rdtsc
    movl %eax, %r12d
    xorl %eax, %eax
    syscall
    rdtsc
    movl %r12d, %esi
    movl %eax, %edi
    movl $1, %eax
    syscall

user_partner:
    xorl %eax, %eax
    syscall
    jmp user_partner

    .section .note.GNU-stack, "", @progbits
