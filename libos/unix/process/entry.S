// SPDX-License-Identifier: MIT
// Every way into the library OS from a user's code, and back to it without the kernel.
//
//   in          from      stack                     the user's registers
//   syscall     user      the running thread's      pushed on top of it: struct exo_context, at entry_top - 144
//   fault       user      the same                  the same
//   fault       library   where it is, below it     pushed there; gone when this fault is done
//   exception   both      as fault                  as fault
//   interrupt   user      the running thread's      copied there from the PE page
//   procedure   user      the running thread's      as syscall, and without the kernel
//   site        user      the same                  the same
//
// interrupt_busy is set while library code runs and clear while user code does: so events never enter library code,
// and a fault knows by it which of the two has faulted.
//
// What if an event interrupts the way out after interrupt_busy was cleared? The context on the thread's stack is whole
// until the last jump: the interrupt entry finds by rip that it was in the window, forgets what was interrupted, and
// takes that context, which is the user's. So does the exception entry with a single step: a thread that has set the
// trap flag cannot be resumed with it.
//
// Vector registers and segment bases hold the running thread's values all the time: library code doesn't use them.
#include "libos/core/offsets.h"

#define EXCEPTION(field)  OFFSET_PE_PAGE + OFFSET_EXCEPTION + EXCEPTION_##field
#define PENDING           OFFSET_PE_PAGE + OFFSET_PENDING
#define INTERRUPT         OFFSET_PE_PAGE + OFFSET_INTERRUPT
#define INTERRUPT_BUSY    OFFSET_PE_PAGE + OFFSET_INTERRUPT_BUSY
#define EVENTS            5 // slice_begin and disk: trap.c asserts it
#define DEBUG_TRAP        1 // the processor's number

.macro GLOBAL name
    .globl \name
    .type \name, @function
\name:
.endm

// struct exo_context, from its end. What the entry has changed is passed as operands.
.macro PUSH_CONTEXT rax, rcx, r11
    pushq EXCEPTION(RFLAGS)
    pushq EXCEPTION(RIP)
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq \r11
    pushq %r10
    pushq %r9
    pushq %r8
    pushq EXCEPTION(RSP)
    pushq %rbp
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq \rcx
    pushq %rbx
    pushq \rax
.endm

// What the last instructions of a way out don't need themselves.
.macro LOAD_REGISTERS
    movq CONTEXT_RBX(%rsp), %rbx
    movq CONTEXT_RDX(%rsp), %rdx
    movq CONTEXT_RSI(%rsp), %rsi
    movq CONTEXT_RDI(%rsp), %rdi
    movq CONTEXT_RBP(%rsp), %rbp
    movq CONTEXT_R8(%rsp), %r8
    movq CONTEXT_R9(%rsp), %r9
    movq CONTEXT_R10(%rsp), %r10
    movq CONTEXT_R12(%rsp), %r12
    movq CONTEXT_R13(%rsp), %r13
    movq CONTEXT_R14(%rsp), %r14
    movq CONTEXT_R15(%rsp), %r15
.endm

// The rest, and the jump to `rip`, a word that holds the context's.
.macro LOAD_REST rip
    pushq CONTEXT_RFLAGS(%rsp)
    popfq
    movq CONTEXT_RAX(%rsp), %rax
    movq CONTEXT_RCX(%rsp), %rcx
    movq CONTEXT_R11(%rsp), %r11
    movq CONTEXT_RSP(%rsp), %rsp
    jmpq *\rip
.endm

    .section .text.entry, "ax", @progbits

GLOBAL entry_start
    movl $stack_main_top, %esp
    xorl %ebp, %ebp
    call start_main                 // rdi: argument; doesn't return
    ud2

// ---- in ----

// A system call by a jump from a call site that was rewritten (rewrite.c): number and arguments are where the
// instruction has them, rcx is the address behind it. Like the instruction it leaves the stack alone, below the stack
// pointer too, and loses rcx and r11. An event that comes before interrupt_busy is set has interrupted user code.
//
// A program may also call entry_procedure, whose address is AT_SYSINFO of its auxiliary vector, in the place of the
// instruction; but for rt_sigreturn, vfork, and clone or clone3 with another stack, which may not find a return address
// on the stack. It returns by way of the library OS's own instruction and ret: there a call is made again after a
// signal (restart.c).
    .balign 16
GLOBAL procedure_again
    syscall
GLOBAL procedure_return
    ret

    .balign 16
GLOBAL entry_procedure
    movl $procedure_return, %ecx
    .if . - entry_procedure != 5
    .error "programs know how far entry_site is from entry_procedure (sdk/musl)"
    .endif
GLOBAL entry_site
    movq $1, INTERRUPT_BUSY
    movq %rsp, %r11
    movq entry_top, %rsp
    pushfq
    cld
    incq calls_direct
    pushq %rcx                      // rip
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq 40(%rsp)                  // r11 = rflags
    pushq %r10
    pushq %r9
    pushq %r8
    pushq %r11                      // rsp
    pushq %rbp
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rbx
    pushq %rax
    movq %rsp, %rdi
    call syscall_enter
    jmp leave_user

    .balign 16
GLOBAL entry_syscall
    movq entry_top, %rsp
    movq EXCEPTION(RIP), %rcx       // as the instruction leaves them: rcx = rip, r11 = rflags
    movq EXCEPTION(RFLAGS), %r11
    PUSH_CONTEXT %rax, %rcx, %r11
    movq $1, INTERRUPT_BUSY
    movq $0, EXCEPTION(BUSY)
    incq calls_trapped
    movq %rsp, %rdi
    call syscall_enter
    // fall through

// ---- out: rsp = the user's context ----

GLOBAL leave_user
    movq thread_running, %rax
    cmpl $0, (%rax)                 // its `attention`
    jne leave_attention
    movq CONTEXT_RIP(%rsp), %rcx
    movq %rcx, leaving_rip
    LOAD_REGISTERS
    movq $0, INTERRUPT_BUSY
GLOBAL leave_window                 // from here on an event may come in
    testb $EVENTS, PENDING          // one that came before would wait for the next slice
    jnz leave_event
    LOAD_REST leaving_rip
leave_event:
    movq $1, INTERRUPT_BUSY
GLOBAL leave_window_end
leave_again:
    movq %rsp, %rdi
    xorl %esi, %esi
    call event_enter
    jmp leave_user

leave_attention:
    movq %rsp, %rdi
    call leave_work
    jmp leave_user

// A new thread's library code begins here, with the context above it.
GLOBAL thread_entry
    call switch_finish
    jmp leave_user

// The first thread of all has no program yet.
GLOBAL first_entry
    call first_enter
    jmp leave_user

// ---- in ----

    .balign 16
GLOBAL entry_fault
    cmpq $0, INTERRUPT_BUSY
    jne fault_in_library
    movq entry_top, %rsp
    PUSH_CONTEXT EXCEPTION(RAX), EXCEPTION(RCX), EXCEPTION(R11)
    movq %rsp, %rdi
    movq EXCEPTION(CR2), %rsi
    movq EXCEPTION(ERROR), %rdx
    movq $1, INTERRUPT_BUSY
    movq $0, EXCEPTION(BUSY)
    call fault_enter
    jmp leave_user

// Below what the interrupted code may have stored under its stack pointer.
fault_in_library:
    movq EXCEPTION(RSP), %rsp
    leaq -128(%rsp), %rsp
    andq $-16, %rsp
    PUSH_CONTEXT EXCEPTION(RAX), EXCEPTION(RCX), EXCEPTION(R11)
    movq %rsp, %rdi
    movq EXCEPTION(CR2), %rsi
    movq EXCEPTION(ERROR), %rdx
    movq $0, EXCEPTION(BUSY)
    call fault_inside
    movq CONTEXT_RIP(%rsp), %rcx
    movq %rcx, inside_rip
    LOAD_REGISTERS
    LOAD_REST inside_rip

    .balign 16
GLOBAL entry_exception
    cmpq $0, INTERRUPT_BUSY
    jne exception_in_library
    movq entry_top, %rsp
    cmpq $DEBUG_TRAP, EXCEPTION(VECTOR)
    je stepped
exception_in_user:
    PUSH_CONTEXT EXCEPTION(RAX), EXCEPTION(RCX), EXCEPTION(R11)
    movq %rsp, %rdi
    movq EXCEPTION(VECTOR), %rsi
    movq EXCEPTION(ERROR), %rdx
    movq $1, INTERRUPT_BUSY
    movq $0, EXCEPTION(BUSY)
    call exception_enter
    jmp leave_user

stepped:
    movq EXCEPTION(RIP), %rax       // its value is in the save area
    subq $leave_window, %rax
    cmpq $(leave_window_end - leave_window), %rax
    jae exception_in_user
    subq $CONTEXT_SIZE, %rsp
    movq %rsp, %rdi
    movq $1, INTERRUPT_BUSY
    movq $0, EXCEPTION(BUSY)
    call step_enter
    jmp leave_user

exception_in_library:
    movl $EXCEPTION(RAX), %edi
    call exception_inside           // doesn't return
    ud2

GLOBAL entry_double_fault
    movl $EXCEPTION(RAX), %edi
    call exception_twice            // doesn't return
    ud2

GLOBAL entry_interrupt              // the kernel has set interrupt_busy
    movq entry_top, %rsp
    subq $CONTEXT_SIZE, %rsp
    movq INTERRUPT + CONTEXT_RIP, %rax
    subq $leave_window, %rax
    cmpq $(leave_window_end - leave_window), %rax
    jb leave_again                  // in the window: the context is there
    movl $INTERRUPT, %esi
    movq %rsp, %rdi
    movl $(CONTEXT_SIZE / 8), %ecx
    rep movsq
    movq %rsp, %rdi
    movl $1, %esi
    call event_enter
    jmp leave_user

// ---- threads ----

// switch_stacks(rdi = where to keep this stack pointer, rsi = the other)
    .balign 16
GLOBAL switch_stacks
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret

// ---- stacks ----

    .bss
    .balign 8
    .globl entry_top, leaving_rip, inside_rip, calls_trapped, calls_direct
entry_top:   .skip 8                // the running thread's stack: where its context ends
leaving_rip: .skip 8
inside_rip:  .skip 8
calls_trapped: .skip 8              // system calls that came through the kernel, and those that did not
calls_direct:  .skip 8

// Each stands above a page of its own that core/start.c unmaps, so that running over is a fault and not a corruption.
    .section .bss.stacks, "aw", @nobits
    .balign 4096
.macro STACK name, pages
    .globl stack_\name\()_guard, stack_\name\()_top
stack_\name\()_guard:
    .skip 4096
    .skip 4096 * \pages
stack_\name\()_top:
.endm
    STACK main, 8
    STACK fault, 1
    STACK syscall, 1
    STACK double_fault, 2
    STACK interrupt, 1

    .section .note.GNU-stack, "", @progbits
