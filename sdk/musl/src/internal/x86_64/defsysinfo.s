# SPDX-License-Identifier: MIT
# Where system calls of musl's functions lead, in the place of musl's file of this name: to the instruction, until the
# start code finds AT_SYSINFO in the auxiliary vector, which libos/unix gives and Linux for x86-64 does not. So one
# executable runs on both.
    .globl __sysinfo, __bindery_trap
    .hidden __sysinfo, __bindery_trap

    .text
    .type __bindery_trap, @function
__bindery_trap:
    syscall
    ret
    .size __bindery_trap, . - __bindery_trap

    .data
    .balign 8
    .type __sysinfo, @object
    .size __sysinfo, 8
__sysinfo:
    .quad __bindery_trap
    .section .note.GNU-stack, "", @progbits
