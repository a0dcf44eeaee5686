// SPDX-License-Identifier: MIT
// Every way into the kernel and out of it.
//
//   way in                 stack                                way out
//   page fault, exception  the PE's exception save area         sysretq into the PE's entry (the upcall)
//   system call            the kernel stack of this CPU         sysretq behind the call
//   foreign system call    none                                 sysretq into the PE's syscall entry (the upcall)
//   call through a gate    none                                 sysretq into the other PE's gate entry (gate.S)
//   interrupt              an interrupt stack (IST)             leave_kernel, context_enter: iretq
//
// TSS.RSP0 points to the end of the running PE's exception save area, by the kernel's own mapping of the PE page, so
// the processor itself stores error code, rip, cs, rflags, rsp and ss where the library OS reads them. All else that
// can arrive uses an IST stack: only the PE's own exceptions ever land in its save area. Nothing that the kernel
// relies on is read back from there: entry and stack come from the PE's private frame, which lies just below.
//
// GS is the user's while user code runs; ways in that need the CPU's struct exchange it by swapgs.
#include "exo/arch/x86_64/offsets.h"

.text

// Enters an upcall. rsp is in the save area, \above bytes above `error`; rcx and r11 have been saved. Flags are
// constant, so that no flag of the interrupted code (AC, DF, TF) reaches the handler.
.macro ENTER_UPCALL upcall, above=0
    movq    SAVE_ENTRY(\upcall)-\above(%rsp), %rcx
    movq    SAVE_STACK(\upcall)-\above(%rsp), %rsp
    movl    $USER_RFLAGS, %r11d
    sysretq
.endm

// Step 1, the processor has detected the fault; step 2, the upcall. 13 instructions.
.globl page_fault
.balign 16
page_fault:
    testb   $3, SAVE_CS(%rsp)
    jz      kernel_page_fault
    btsl    $0, SAVE_BUSY(%rsp)
    jc      page_fault_again
    movq    %rax, SAVE_RAX(%rsp)
    movq    %rcx, SAVE_RCX(%rsp)
    movq    %r11, SAVE_R11(%rsp)
    movq    %cr2, %rax
    movq    %rax, SAVE_CR2(%rsp)
    ENTER_UPCALL UPCALL_FAULT

// The same with time stamps, when tracing is on: one at detection, one just before the upcall.
.globl page_fault_traced
.balign 16
page_fault_traced:
    testb   $3, SAVE_CS(%rsp)
    jz      kernel_page_fault
    btsl    $0, SAVE_BUSY(%rsp)
    jc      page_fault_again
    movq    %rax, SAVE_RAX(%rsp)
    movq    %rcx, SAVE_RCX(%rsp)
    movq    %r11, SAVE_R11(%rsp)
    movq    %rdx, %r11
    rdtsc
    shlq    $32, %rdx
    orq     %rdx, %rax
    movq    %rax, SAVE_TRACE0(%rsp)
    movq    %cr2, %rax
    movq    %rax, SAVE_CR2(%rsp)
    rdtsc
    shlq    $32, %rdx
    orq     %rdx, %rax
    movq    %rax, SAVE_TRACE1(%rsp)
    movq    %r11, %rdx
    ENTER_UPCALL UPCALL_FAULT

page_fault_again:
    movq    $14, SAVE_VECTOR(%rsp)
    movq    %rax, SAVE_RAX(%rsp)
    movq    %cr2, %rax
    movq    %rax, SAVE_CR2(%rsp)
    movq    SAVE_RAX(%rsp), %rax
    jmp     exception_again

// The exception save area was busy: what the processor has just stored there replaced the earlier context.
exception_again:
    btsl    $1, SAVE_BUSY(%rsp)
    jc      third_fault
    movq    %rax, SAVE_RAX(%rsp)
    movq    %rcx, SAVE_RCX(%rsp)
    movq    %r11, SAVE_R11(%rsp)
    ENTER_UPCALL UPCALL_DOUBLE_FAULT

// A fault in the double_fault entry ends the PE.
third_fault:
    swapgs
    cld
    movq    SAVE_VECTOR(%rsp), %rdi
    movq    SAVE_RIP(%rsp), %rsi
    movq    %gs:CPU_KERNEL_STACK, %rsp
    clac
    call    trap_third_fault
    ud2

// All other exceptions of user code. The processor pushes an error code for some vectors only.
.macro EXCEPTION vector, pushes_error
.balign 16
exception_\vector:
    .if \pushes_error == 0
    pushq   $0
    .endif
    movq    $\vector, SAVE_VECTOR(%rsp)
    jmp     exception
.endm

exception:
    testb   $3, SAVE_CS(%rsp)
    jz      kernel_exception
    btsl    $0, SAVE_BUSY(%rsp)
    jc      exception_again
    movq    %rax, SAVE_RAX(%rsp)
    movq    %rcx, SAVE_RCX(%rsp)
    movq    %r11, SAVE_R11(%rsp)
    ENTER_UPCALL UPCALL_EXCEPTION

// A fault of the kernel itself is a bug: say what and where, and stop. rsp is a kernel stack, or unknown.
kernel_page_fault:
    movq    $14, SAVE_VECTOR(%rsp)
kernel_exception:
    movq    SAVE_VECTOR(%rsp), %rdi
    movq    SAVE_RIP(%rsp), %rsi
    movq    SAVE_ERROR(%rsp), %rdx
    movq    %cr2, %rcx
    leaq    panic_stack_top(%rip), %rsp
    call    trap_kernel_fault
    ud2

EXCEPTION 0, 0
EXCEPTION 3, 0
EXCEPTION 4, 0
EXCEPTION 5, 0
EXCEPTION 6, 0
EXCEPTION 7, 0
EXCEPTION 9, 0
EXCEPTION 10, 1
EXCEPTION 11, 1
EXCEPTION 12, 1
EXCEPTION 13, 1
EXCEPTION 16, 0
EXCEPTION 17, 1
EXCEPTION 19, 0
EXCEPTION 20, 0
EXCEPTION 21, 1

// System calls. rcx holds the return address; arguments are in rdi rsi rdx r10 r8. Flags come back as USER_RFLAGS, and
// with nothing of the kernel's in a register: C zeroes what it has used (-fzero-call-used-regs).
.globl system_call, ordinary_call
.balign 16
system_call:
    swapgs
    cmpq    $-NUMBER_OF_CALLS, %rax // call n is ~n: as unsigned numbers, the highest; gate_call is the lowest of them
    jbe     gate_or_foreign_system_call
ordinary_call:
    movq    %rsp, %gs:CPU_SCRATCH
    movq    %gs:CPU_KERNEL_STACK, %rsp
    pushq   %rcx
    movq    %r10, %rcx
    leaq    call_table+8*NUMBER_OF_CALLS(%rip), %r11
    call    *(%r11,%rax,8)
    popq    %rcx
    movl    $USER_RFLAGS, %r11d
    movq    %gs:CPU_SCRATCH, %rsp
    swapgs
    sysretq

// A number that is no exo-call: the upcall syscall, with the context in the exception save area.
gate_or_foreign_system_call:
    je      gate_call
    movq    %rsp, %gs:CPU_SCRATCH
    movq    %gs:CPU_SAVE_AREA, %rsp // the area's end
    btsl    $0, SAVE_BUSY-SAVE_END(%rsp)
    jc      foreign_system_call_again
    movq    %rcx, SAVE_RIP-SAVE_END(%rsp)
    movq    %r11, SAVE_RFLAGS-SAVE_END(%rsp)
    movq    %rax, SAVE_RAX-SAVE_END(%rsp)
    movq    %gs:CPU_SCRATCH, %rcx
    movq    %rcx, SAVE_RSP-SAVE_END(%rsp)
    swapgs
    ENTER_UPCALL UPCALL_SYSCALL, SAVE_END

foreign_system_call_again:
    leaq    -SAVE_END(%rsp), %rsp
    movq    $VECTOR_SYSCALL, SAVE_VECTOR(%rsp)
    movq    %rcx, SAVE_RIP(%rsp)
    movq    %r11, SAVE_RFLAGS(%rsp)
    movq    %gs:CPU_SCRATCH, %rcx
    movq    %rcx, SAVE_RSP(%rsp)
    movq    SAVE_RIP(%rsp), %rcx
    swapgs
    jmp     exception_again

// Calls that may leave the caller for another PE: what C preserves is put in the PE's context first, where the result
// goes too; the PE goes on from there when it is given the CPU again. On the stack: return address, rcx.
.macro SWITCHING_CALL name
.globl switching_\name
switching_\name:
    leaq    call_\name(%rip), %rax
    jmp     switching_call
.endm
SWITCHING_CALL pe_exit
SWITCHING_CALL pe_yield
SWITCHING_CALL pe_wait

.globl switching_call
switching_call:
    movq    %gs:CPU_CURRENT, %r9
    movq    %rbx, PE_CONTEXT+CONTEXT_RBX(%r9)
    movq    %rbp, PE_CONTEXT+CONTEXT_RBP(%r9)
    movq    %r12, PE_CONTEXT+CONTEXT_R12(%r9)
    movq    %r13, PE_CONTEXT+CONTEXT_R13(%r9)
    movq    %r14, PE_CONTEXT+CONTEXT_R14(%r9)
    movq    %r15, PE_CONTEXT+CONTEXT_R15(%r9)
    movq    $USER_RFLAGS, PE_CONTEXT+CONTEXT_RFLAGS(%r9)
    movq    8(%rsp), %r11
    movq    %r11, PE_CONTEXT+CONTEXT_RIP(%r9)
    movq    %gs:CPU_SCRATCH, %r11
    movq    %r11, PE_CONTEXT+CONTEXT_RSP(%r9)
    movq    %r9, %rbx
    call    *%rax
    movq    %rax, PE_CONTEXT+CONTEXT_RAX(%rbx)
    movq    %rdx, PE_CONTEXT+CONTEXT_RDX(%rbx)
    movq    %gs:CPU_KERNEL_STACK, %rsp
    call    leave_kernel
    ud2

// Interrupts, and the exceptions that can come at any time. They arrive on an IST stack.
.macro INTERRUPT vector
.balign 16
interrupt_\vector:
    pushq   $\vector
    jmp     interrupt
.endm

interrupt:
    subq    $144, %rsp // struct exo_context; rip and rflags are filled in by C
    movq    %rax, CONTEXT_RAX(%rsp)
    movq    %rbx, CONTEXT_RBX(%rsp)
    movq    %rcx, CONTEXT_RCX(%rsp)
    movq    %rdx, CONTEXT_RDX(%rsp)
    movq    %rsi, CONTEXT_RSI(%rsp)
    movq    %rdi, CONTEXT_RDI(%rsp)
    movq    %rbp, CONTEXT_RBP(%rsp)
    movq    %r8, CONTEXT_R8(%rsp)
    movq    %r9, CONTEXT_R9(%rsp)
    movq    %r10, CONTEXT_R10(%rsp)
    movq    %r11, CONTEXT_R11(%rsp)
    movq    %r12, CONTEXT_R12(%rsp)
    movq    %r13, CONTEXT_R13(%rsp)
    movq    %r14, CONTEXT_R14(%rsp)
    movq    %r15, CONTEXT_R15(%rsp)
    cld
    clac
    movq    %rsp, %rdi
    leaq    144(%rsp), %rsi // vector, rip, cs, rflags, rsp, ss
    testb   $3, 144+16(%rsp)
    jz      1f
    swapgs
    call    trap_from_user
    ud2
1:  call    trap_from_idle
    movq    CONTEXT_RAX(%rsp), %rax
    movq    CONTEXT_RCX(%rsp), %rcx
    movq    CONTEXT_RDX(%rsp), %rdx
    movq    CONTEXT_RSI(%rsp), %rsi
    movq    CONTEXT_RDI(%rsp), %rdi
    movq    CONTEXT_R8(%rsp), %r8
    movq    CONTEXT_R9(%rsp), %r9
    movq    CONTEXT_R10(%rsp), %r10
    movq    CONTEXT_R11(%rsp), %r11
    addq    $152, %rsp
    iretq

INTERRUPT 1
INTERRUPT 2
INTERRUPT 32
INTERRUPT 33
INTERRUPT 47

// A double fault of the processor, or a machine check, means that the kernel's own state is damaged.
.balign 16
interrupt_8:
    pushq   $8
    jmp     fatal
interrupt_18:
    pushq   $0
    pushq   $18
fatal:
    popq    %rdi
    movq    8(%rsp), %rsi
    movq    (%rsp), %rdx
    movq    %cr2, %rcx
    call    trap_kernel_fault
    ud2

// context_enter(rdi = struct exo_context *): goes on in user mode with every register as given. Does not return.
.globl context_enter
context_enter:
    pushq   $SELECTOR_USER_DATA
    pushq   CONTEXT_RSP(%rdi)
    pushq   CONTEXT_RFLAGS(%rdi)
    pushq   $SELECTOR_USER_CODE
    pushq   CONTEXT_RIP(%rdi)
    movq    CONTEXT_RAX(%rdi), %rax
    movq    CONTEXT_RBX(%rdi), %rbx
    movq    CONTEXT_RCX(%rdi), %rcx
    movq    CONTEXT_RDX(%rdi), %rdx
    movq    CONTEXT_RSI(%rdi), %rsi
    movq    CONTEXT_RBP(%rdi), %rbp
    movq    CONTEXT_R8(%rdi), %r8
    movq    CONTEXT_R9(%rdi), %r9
    movq    CONTEXT_R10(%rdi), %r10
    movq    CONTEXT_R11(%rdi), %r11
    movq    CONTEXT_R12(%rdi), %r12
    movq    CONTEXT_R13(%rdi), %r13
    movq    CONTEXT_R14(%rdi), %r14
    movq    CONTEXT_R15(%rdi), %r15
    movq    CONTEXT_RDI(%rdi), %rdi
    swapgs
    iretq

// idle(): sleeps until an interrupt has been handled, and looks for work again. On the stack of calls: whoever found
// nothing to run may stand on an interrupt's stack, where the next interrupt would overwrite it.
.globl idle
idle:
    movq    %gs:CPU_KERNEL_STACK, %rsp
    sti
    hlt
    cli
    call    leave_kernel
    ud2

// Addresses of the stubs by vector, for the interrupt descriptor table; 0: no such vector.
.section .rodata
.globl vector_stubs
.balign 8
vector_stubs:
    .quad exception_0, interrupt_1, interrupt_2, exception_3, exception_4, exception_5, exception_6, exception_7
    .quad interrupt_8, exception_9, exception_10, exception_11, exception_12, exception_13, page_fault, 0
    .quad exception_16, exception_17, interrupt_18, exception_19, exception_20, exception_21, 0, 0
    .quad 0, 0, 0, 0, 0, 0, 0, 0
    .quad interrupt_32, interrupt_33, 0, 0, 0, 0, 0, 0
    .quad 0, 0, 0, 0, 0, 0, 0, interrupt_47

.bss
.balign 16
panic_stack:
    .skip 8192
panic_stack_top:

.section .note.GNU-stack, "", @progbits
