// SPDX-License-Identifier: MIT
// Every way into this PE, and the ways back to the application, none of which enters the kernel.
//
// In:   start      rdi: argument of pe_start; any stack
//       fault …    stack: the upcall's; rax rcx r11 rip rflags rsp are in `exception`, all else is the application's
//       interrupt  stack: the interrupt's; the whole context is in `interrupt`
// Out:  all registers as saved. The flags come back by popfq on the upcall's stack, after which only instructions
//       that leave flags alone may follow; the busy flag is cleared last but for the jump.
//
// What if an event interrupts a way out, after the busy flag was cleared? Then the context the kernel saves is one in
// the middle of this file, and what it still needed (exception.rip, the copy in `resuming`) may be overwritten before
// it goes on. So interrupt_enter (upcall.c) never goes back into the middle: it sees by rip which way out was
// interrupted, and takes as the context to resume the one that this way out was about to restore.
//
// Fault: 8 instructions in, 18 out. Not here: what handlers do.
#include "libos/core/offsets.h"

#define EXCEPTION(field)  OFFSET_PE_PAGE + OFFSET_EXCEPTION + EXCEPTION_##field
#define INTERRUPT(field)  OFFSET_PE_PAGE + OFFSET_INTERRUPT + CONTEXT_##field
#define RESUMING(field)   resuming + CONTEXT_##field
#define PENDING           OFFSET_PE_PAGE + OFFSET_PENDING
#define MASK              OFFSET_PE_PAGE + OFFSET_MASK
#define INTERRUPT_BUSY    OFFSET_PE_PAGE + OFFSET_INTERRUPT_BUSY

.macro GLOBAL name
    .globl \name
    .type \name, @function
\name:
.endm

    .section .text.entry, "ax", @progbits

GLOBAL entry_start
    movl $stack_main_top, %esp
    xorl %ebp, %ebp
    call start_main                 // rdi: argument; doesn't return
    ud2

// ---- fault and exception ----

.macro SAVE
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %r8
    pushq %r9
    pushq %r10
.endm

.macro RESTORE
    popq %r10
    popq %r9
    popq %r8
    popq %rdx
    popq %rsi
    popq %rdi
.endm

    .balign 16
GLOBAL entry_fault
    SAVE
    movl $EXCEPTION(RAX), %edi
    call pe_on_fault
exception_leave:
    RESTORE
    movq MASK, %rax
    notq %rax
    testq %rax, PENDING             // did an event come meanwhile?
    jnz exception_event
exception_resume:
    pushq EXCEPTION(RFLAGS)
    popfq
    movq EXCEPTION(RAX), %rax
    movq EXCEPTION(RCX), %rcx
    movq EXCEPTION(R11), %r11
    movq EXCEPTION(RSP), %rsp
    movq $0, EXCEPTION(BUSY)
GLOBAL exception_jump
    jmpq *EXCEPTION(RIP)

    .balign 16
GLOBAL entry_exception
    SAVE
    movl $EXCEPTION(RAX), %edi
    movq %rsp, %rsi
    call pe_on_exception
    jmp exception_leave

GLOBAL entry_double_fault
    movl $EXCEPTION(RAX), %edi
    call pe_on_double_fault         // doesn't return
    ud2

// An event came while a fault was handled: enter `interrupt` as the kernel would have, with the faulting context as
// the interrupted one. rax, rcx, r11 are free. Not if the fault was one of an event handler.
exception_event:
    cmpq $0, INTERRUPT_BUSY
    jne exception_resume
    movq $1, INTERRUPT_BUSY
    movq %rbx, INTERRUPT(RBX)
    movq %rdx, INTERRUPT(RDX)
    movq %rsi, INTERRUPT(RSI)
    movq %rdi, INTERRUPT(RDI)
    movq %rbp, INTERRUPT(RBP)
    movq %r8, INTERRUPT(R8)
    movq %r9, INTERRUPT(R9)
    movq %r10, INTERRUPT(R10)
    movq %r12, INTERRUPT(R12)
    movq %r13, INTERRUPT(R13)
    movq %r14, INTERRUPT(R14)
    movq %r15, INTERRUPT(R15)
#define MOVE(field) movq EXCEPTION(field), %rax; movq %rax, INTERRUPT(field)
    MOVE(RAX)
    MOVE(RCX)
    MOVE(R11)
    MOVE(RSP)
    MOVE(RIP)
    MOVE(RFLAGS)
    movl $stack_interrupt_top, %esp
    movq $0, EXCEPTION(BUSY)
    // fall through

// ---- events ----

GLOBAL entry_interrupt
    call interrupt_enter            // takes the context into `resuming`, runs handlers
interrupt_leave:
    movq RESUMING(RBX), %rbx
    movq RESUMING(RCX), %rcx
    movq RESUMING(RDX), %rdx
    movq RESUMING(RSI), %rsi
    movq RESUMING(RDI), %rdi
    movq RESUMING(RBP), %rbp
    movq RESUMING(R8), %r8
    movq RESUMING(R9), %r9
    movq RESUMING(R10), %r10
    movq RESUMING(R11), %r11
    movq RESUMING(R12), %r12
    movq RESUMING(R13), %r13
    movq RESUMING(R14), %r14
    movq RESUMING(R15), %r15
    movq $0, INTERRUPT_BUSY
GLOBAL interrupt_window             // from here on another event may come in
    movq MASK, %rax
    notq %rax
    testq %rax, PENDING             // one that came before the busy flag was cleared would wait for the next slice
    jnz interrupt_again
    pushq RESUMING(RFLAGS)
    popfq
    movq RESUMING(RAX), %rax
    movq RESUMING(RSP), %rsp
    jmpq *RESUMING(RIP)
interrupt_again:
    movq $1, INTERRUPT_BUSY
GLOBAL interrupt_window_end
    movl $stack_interrupt_top, %esp
    call events_run
    jmp interrupt_leave

// ---- foreign system calls ----

// Made into a procedure call on the syscall stack: the save area is freed at once, so that the service may fault.
// Only rcx and r11 come back changed, which the instruction itself changes anyhow.
    .balign 16
GLOBAL entry_syscall
    pushq EXCEPTION(RSP)
    pushq EXCEPTION(RIP)
    pushq EXCEPTION(RFLAGS)
    pushq EXCEPTION(RAX)
    SAVE
    movq %rsp, %rdi
    movq $0, EXCEPTION(BUSY)
    call syscall_enter
    RESTORE
    popq %rax
    popfq
    popq %rcx
    popq %rsp
    jmpq *%rcx

// ---- stacks ----

// Each stands above a page of its own that start.c unmaps, so that running over is a fault and not a corruption.
    .section .bss.stacks, "aw", @nobits
    .balign 4096
.macro STACK name, pages
    .globl stack_\name\()_guard, stack_\name\()_top
stack_\name\()_guard:
    .skip 4096
    .skip 4096 * \pages
stack_\name\()_top:
.endm
    STACK main, 64
    STACK fault, 8
    STACK syscall, 8
    STACK double_fault, 2
    STACK interrupt, 4

    .section .note.GNU-stack, "", @progbits
