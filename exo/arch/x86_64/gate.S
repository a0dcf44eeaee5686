// SPDX-License-Identifier: MIT
// The short path of gates: a call in 40 instructions, a one-way call in 40, a reply in 36, from the user's syscall to
// the first instruction on the other side. What is checked, and what it comes to, is said in exo/gate.c; what is
// refused goes there.
//
//   register                  calls: caller's → callee's             reply: callee's → caller's
//   rax                       ~gate_call → the gate's number         ~gate_reply → OK
//   rdi                       the gate's handle → the caller's id    the message
//   rbx rbp rdx rsi r8-r10    the message: goes over as it is        the same
//   r12-r15, vectors, x87     the message, control words included    the same
//   base of GS, selectors     go over, and are kept for nobody       the same
//   rsp, rip, base of FS      kept; the callee's own                 dropped, but for FS's base; the caller's own
//   rcx, r11, flags           changed                                changed
//
// A one-way call leaves its caller's rsp, rip and result in the PE's context, with what else is there from earlier.
//
// Nothing is pushed here, and rsp may be the user's: nothing here can fault, interrupts are off, and what comes all the
// same has a stack of its own. The load of CR3 flushes the TLB, which the frame table is not told: it takes the last
// flush for older than it is, and flushes once more before a frame changes hands.
#include "exo/arch/x86_64/offsets.h"

.text

// The address space, exception save area and FS base of the PE in \to become the processor's; rcx is changed.
.macro SWITCH_TO to, from
    rdfsbase %rcx
    movq    %rcx, PE_FS_BASE(\from)
    movq    PE_FS_BASE(\to), %rcx
    wrfsbase %rcx
    movq    \to, %gs:CPU_CURRENT
    leaq    PE_SAVE_END(\to), %rcx
    movq    %rcx, %gs:CPU_SAVE_AREA
    movq    PE_ROOT(\to), %rcx
    movq    %rcx, %cr3
.endm

// rdi: the PE that the gate at rax of the one in r11 leads into, which was at rest and is ready now.
.macro TAKE_CALLEE
    movq    PE_TABLE+SB_TAG(%r11,%rax), %rdi
    cmpq    $STATE_RESTING, PE_STATE(%rdi)
    jne     gate_refused_state
    movq    $STATE_READY, PE_STATE(%rdi)
.endm

// On to the gate entry of the PE in rdi, from the one in r11 and through its gate at rax.
.macro ENTER_GATE
    movq    PE_TABLE+SB_FIRST(%r11,%rax), %rax
    SWITCH_TO %rdi, %r11
    movq    PE_STACK_GATE(%rdi), %rsp
    movq    PE_ENTRY_GATE(%rdi), %rcx
    movq    PE_ID(%r11), %rdi
    movl    $USER_RFLAGS, %r11d
    swapgs
    sysretq
.endm

// From entry.S, GS exchanged and all else as the user left it. r11: the caller; rax: the gate, as its distance from the
// start of the caller's table; rdi: the handle, half its generation, then the callee. Half the generation and the
// gate's `callable` are each other's complement, so that with the carry, the handle's bit EXO_ONE_WAY, their sum is 0.
.globl gate_call
.balign 16
gate_call:
    movq    %gs:CPU_CURRENT, %r11
    movq    %rcx, PE_CONTEXT+CONTEXT_RIP(%r11)
    movzwl  %di, %eax
    cmpl    %eax, PE_TABLE_SIZE(%r11)
    jbe     gate_refused
    shll    $SB_SHIFT, %eax
    shrq    $17, %rdi
    jnc     gate_call_one_way
    movslq  PE_TABLE+SB_CALLABLE(%r11,%rax), %rcx
    adcq    %rcx, %rdi
    jnz     gate_refused_sum
    TAKE_CALLEE
    movq    %r11, PE_CALLER(%rdi)
    movq    $STATE_CALLING, PE_STATE(%r11)
    movq    %rax, PE_CALLING(%r11)
    movq    %rsp, PE_CONTEXT+CONTEXT_RSP(%r11)
    ENTER_GATE

gate_call_one_way:
    movslq  PE_TABLE+SB_CALLABLE(%r11,%rax), %rcx
    notq    %rcx
    cmpq    %rcx, %rdi
    jne     gate_refused_half
    TAKE_CALLEE
    movq    $0, PE_CONTEXT+CONTEXT_RAX(%r11)
    movq    $USER_RFLAGS, PE_CONTEXT+CONTEXT_RFLAGS(%r11)
    movq    %rsp, PE_CONTEXT+CONTEXT_RSP(%r11)
    ENTER_GATE

// Puts handle, number and return address back, and makes the call in C, which says why not.
gate_refused_state:
    movslq  PE_TABLE+SB_CALLABLE(%r11,%rax), %rdi
    notq    %rdi
    jmp     gate_refused_half
gate_refused_sum:
    stc
    sbbq    %rcx, %rdi
gate_refused_half:
    shlq    $17, %rdi
    shrl    $SB_SHIFT, %eax
    orq     %rax, %rdi
gate_refused:
    movq    $~NUMBER_OF_GATE_CALL, %rax
    movq    PE_CONTEXT+CONTEXT_RIP(%r11), %rcx
    jmp     ordinary_call

// From the call table: on the kernel stack, r10 copied to rcx. r11: the callee, rax: the caller.
.globl gate_reply
.balign 16
gate_reply:
    movq    %gs:CPU_CURRENT, %r11
    movq    PE_CALLER(%r11), %rax
    testq   %rax, %rax
    jz      gate_rest
    movq    PE_MASK(%r11), %rcx
    notq    %rcx
    testq   %rcx, PE_PENDING(%r11)
    jnz     gate_reply_with_event
    movq    $STATE_RESTING, PE_STATE(%r11)
gate_reply_enter:
    movq    $0, PE_CALLER(%r11)
    movq    $STATE_READY, PE_STATE(%rax)
    SWITCH_TO %rax, %r11
    movq    PE_CONTEXT+CONTEXT_RSP(%rax), %rsp
    movq    PE_CONTEXT+CONTEXT_RIP(%rax), %rcx
    xorl    %eax, %eax
    movl    $USER_RFLAGS, %r11d
    swapgs
    sysretq

// An event is due: instead of resting, the callee is ready to begin at its gate entry with the caller 0, as by
// gate_wake.
gate_reply_with_event:
    movq    PE_ENTRY_GATE(%r11), %rcx
    movq    %rcx, PE_CONTEXT+CONTEXT_RIP(%r11)
    movq    PE_STACK_GATE(%r11), %rcx
    movq    %rcx, PE_CONTEXT+CONTEXT_RSP(%r11)
    movq    $0, PE_CONTEXT+CONTEXT_RDI(%r11)
    movq    $USER_RFLAGS, PE_CONTEXT+CONTEXT_RFLAGS(%r11)
    jmp     gate_reply_enter

gate_rest:
    leaq    call_gate_reply(%rip), %rax
    jmp     switching_call

.section .note.GNU-stack, "", @progbits
