// SPDX-License-Identifier: MIT
// Entries of a test image, and of its children. Offsets of the PE page are asserted in rig.c.

#define PE_PAGE    0x1ff000
#define BUSY       72
#define CR2        56
#define ERROR      80
#define RIP        88
#define RSP        112
#define CALL_EXIT  16

.text

// The kernel enters with no stack.
.globl rig_start
rig_start:
    leaq    rig_stack_top(%rip), %rsp
    xorl    %ebp, %ebp
    call    rig_main
    ud2

// A fault of the test itself. In a probe it is the answer; anywhere else, the end.
.globl rig_on_fault
rig_on_fault:
    movq    PE_PAGE+RIP, %rcx
    movq    PE_PAGE+RSP, %rdx
    leaq    probe_read_at(%rip), %rax
    cmpq    %rax, %rcx
    je      1f
    leaq    probe_write_at(%rip), %rax
    cmpq    %rax, %rcx
    je      1f
    cmpq    %rcx, probe_target(%rip)
    jne     rig_crashed
    addq    $8, %rdx // the call had pushed where it came from
1:  movq    PE_PAGE+CR2, %rax
    movq    %rax, rig_fault_address(%rip)
    movq    PE_PAGE+ERROR, %rax
    movq    %rax, rig_fault_error(%rip)
    movq    %rdx, %rsp
    movq    $0, probe_target(%rip)
    movq    $0, PE_PAGE+BUSY
    xorl    %eax, %eax
    ret

// bool rig_reads(address), rig_writes(address), rig_executes(address): whether the access works.
.globl rig_reads
rig_reads:
probe_read_at:
    movb    (%rdi), %al
    movl    $1, %eax
    ret

.globl rig_writes
rig_writes:
probe_write_at:
    lock orb $0, (%rdi)
    movl    $1, %eax
    ret

.globl rig_executes
rig_executes:
    movq    %rdi, probe_target(%rip)
    call    *%rdi
    movq    $0, probe_target(%rip)
    movl    $1, %eax
    ret

// A child's upcalls: store every register as struct child_registers, and exit with a status that tells the upcall.
.macro CHILD_HANDLER name, number
.globl child_on_\name
child_on_\name:
    pushq   %rax
    pushq   %rbx
    pushq   %rcx
    pushq   %rdx
    pushq   %rsi
    pushq   %rdi
    pushq   %rbp
    pushq   %r8
    pushq   %r9
    pushq   %r10
    pushq   %r11
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    pushfq
    movl    $0x1000+\number, %edi
    jmp     child_exit
.endm
CHILD_HANDLER fault, 1
CHILD_HANDLER exception, 2
CHILD_HANDLER syscall, 3
CHILD_HANDLER double_fault, 4
CHILD_HANDLER interrupt, 5
CHILD_HANDLER gate, 6

// Where a child's code returns to: its result is its status.
.globl child_return
child_return:
    movq    %rax, %rdi
.globl child_exit
child_exit:
    movq    $~CALL_EXIT, %rax // call n travels as ~n
    syscall
    ud2

.bss
.balign 8
probe_target:
    .skip 8
.globl rig_fault_address, rig_fault_error
rig_fault_address:
    .skip 8
rig_fault_error:
    .skip 8
.balign 4096
    .skip 16384
rig_stack_top:
    .skip 4096
.globl rig_fault_stack_top
rig_fault_stack_top:

.section .note.GNU-stack, "", @progbits
