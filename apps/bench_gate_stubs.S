// SPDX-License-Identifier: MIT
// Calls and replies through a gate with a time stamp before and behind, for bench_gate.c. Between two stamps that
// belong together stand, but for the syscall and the kernel, a rdtsc and two moves, as in bench_gate_nothing.
#include "pe/numbers.h"

    .text
.macro STAMP where
    rdtsc
    movl %eax, \where(%rip)
.endm

.macro KEEP
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm

.macro RESTORE
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
.endm

    .globl bench_gate_call
bench_gate_call:
    KEEP
    STAMP bench_called
    movq $~CALL_gate_call, %rax
    syscall
    STAMP bench_returned
    RESTORE
    ret

    .globl bench_gate_post
bench_gate_post:
    STAMP bench_called
    movq $~CALL_gate_post, %rax
    syscall
    STAMP bench_returned
    ret

    .globl bench_gate_nothing
bench_gate_nothing:
    STAMP bench_called
    movq $~CALL_gate_post, %rax
    STAMP bench_returned
    ret

// The server's gate entry.
    .globl bench_gate_entry
bench_gate_entry:
    STAMP bench_entered
    STAMP bench_replied
    movq $~CALL_gate_reply, %rax
    syscall
    ud2

    .section .note.GNU-stack, "", @progbits
