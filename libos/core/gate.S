// SPDX-License-Identifier: MIT
// The registers of calls through gates, to and from struct gate_message.
//
// What comes back may be anything in registers that C takes to be kept, and in the control words of x87 and SSE: the
// caller's side keeps its own, the callee's sets them anew.
#include "pe/numbers.h"

#define NUMBER 8
#define WORD(n) 16 + 8 * (n)
#define MESSAGE_SIZE WORD(11)

.macro LOAD_WORDS from
    movq WORD(0)(\from), %rsi
    movq WORD(1)(\from), %rdx
    movq WORD(2)(\from), %r8
    movq WORD(3)(\from), %r9
    movq WORD(4)(\from), %r10
    movq WORD(5)(\from), %rbx
    movq WORD(6)(\from), %rbp
    movq WORD(7)(\from), %r12
    movq WORD(8)(\from), %r13
    movq WORD(9)(\from), %r14
    movq WORD(10)(\from), %r15
.endm

.macro STORE_WORDS to
    movq %rsi, WORD(0)(\to)
    movq %rdx, WORD(1)(\to)
    movq %r8, WORD(2)(\to)
    movq %r9, WORD(3)(\to)
    movq %r10, WORD(4)(\to)
    movq %rbx, WORD(5)(\to)
    movq %rbp, WORD(6)(\to)
    movq %r12, WORD(7)(\to)
    movq %r13, WORD(8)(\to)
    movq %r14, WORD(9)(\to)
    movq %r15, WORD(10)(\to)
.endm

    .weak pe_on_gate
    .text
// enum exo_error gate_trap(rdi = gate, rsi = message)
    .globl gate_trap
    .type gate_trap, @function
gate_trap:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rsi
    subq $8, %rsp
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    movq %rsi, %rcx
    LOAD_WORDS %rcx
    movq $~CALL_gate_call, %rax
    syscall
    movq 8(%rsp), %rcx
    testq %rax, %rax
    jnz 1f
    STORE_WORDS %rcx
1:  fninit
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    addq $16, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

// The gate entry. With no caller (rdi 0) there was an event, whose handlers have run, or will: rests again.
    .balign 16
    .globl entry_gate
    .type entry_gate, @function
entry_gate:
    testq %rdi, %rdi
    jz 1f
    subq $MESSAGE_SIZE + 8, %rsp // a multiple of 16
    movq %rdi, (%rsp)
    movq %rax, NUMBER(%rsp)
    STORE_WORDS %rsp
    fninit
    ldmxcsr initial_mxcsr(%rip)
    movq %rsp, %rdi
    xorl %ebp, %ebp
    call pe_on_gate
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    pxor %xmm\n, %xmm\n
    .endr
    LOAD_WORDS %rsp
    xorl %edi, %edi
1:  movq $~CALL_gate_reply, %rax
    syscall
    ud2

    .section .rodata
    .balign 4
initial_mxcsr:
    .long 0x1f80 // all exceptions masked

    .section .note.GNU-stack, "", @progbits
