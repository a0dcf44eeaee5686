# SPDX-License-Identifier: MIT
# A system call at which a thread can be cancelled, in the place of musl's file of this name.
#
#   __syscall_cp_asm(int *cancel, number, a, b, c, d, e, f)
#
# What musl asks for: a signal that comes between __cp_begin and __cp_end finds the thread cancelled, and nothing was
# done. So the call is not made by `call`, after which the thread would be seen elsewhere: it is told in rcx to come
# back to __cp_end, and with two bytes before that a `syscall`, the thread is seen here all of the time
# (libos/unix/process/entry.S: 5 bytes behind AT_SYSINFO is the entry for this).
    .globl __syscall_cp_asm, __cp_begin, __cp_end, __cp_cancel
    .hidden __syscall_cp_asm, __cp_begin, __cp_end, __cp_cancel, __cancel, __sysinfo, __bindery_trap

    .text
    .type __syscall_cp_asm, @function
__syscall_cp_asm:
__cp_begin:
    cmpl $0, (%rdi)
    jne __cp_cancel
    movq %rsi, %rax
    movq %rdx, %rdi
    movq %rcx, %rsi
    movq %r8, %rdx
    movq %r9, %r10
    movq 8(%rsp), %r8
    movq 16(%rsp), %r9
    leaq __bindery_trap(%rip), %rcx
    movq __sysinfo(%rip), %r11
    cmpq %rcx, %r11
    je 1f
    addq $5, %r11
    leaq __cp_end(%rip), %rcx
    jmpq *%r11
1:  syscall
__cp_end:
    ret
__cp_cancel:
    jmp __cancel
    .size __syscall_cp_asm, . - __syscall_cp_asm
    .section .note.GNU-stack, "", @progbits
