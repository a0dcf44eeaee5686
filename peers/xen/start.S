// SPDX-License-Identifier: MIT
// The guest's first instruction, and the notes by which Xen knows it for a paravirtual guest (elfnote.h of libxen-dev).
#include "peers/xen/hypervisor.h"

    .macro NOTE type
    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:
    .endm
    .macro NUMBER type, value
    NOTE \type
    .quad \value
2:
    .endm
    .macro WORDS type, value
    NOTE \type
    .asciz "\value"
2:  .balign 4
    .endm

    NUMBER 1, start                     // entry
    NUMBER 2, hypercall_page            // demanded by Xen, not used
    NUMBER 3, 0xffffffff80000000        // where frame 0 of the guest is mapped
    NUMBER 4, 0xffffffff80000000        // what to take off a physical address in the program header
    WORDS 5, "xen-3.0"                  // the interface's version; never another
    WORDS 6, "bindery peer"
    WORDS 8, "generic"                  // the kind of loading

// rsi = struct xen_start. Guest kernel mode, events masked, memory below bss mapped and writable.
    .text
    .globl start
start:
    cld
    leaq kernel_stack_top, %rsp
    xorl %ebp, %ebp
    movq %rsi, %rdi
    call guest_main
    ud2

    .bss
    .balign 4096
hypercall_page:
    .skip 4096
    .skip 16384
kernel_stack_top:
    .skip 16384
    .globl trap_stack_top                   // where Xen puts the frames of traps and system calls out of user mode
trap_stack_top:

    .section .note.GNU-stack, "", @progbits
