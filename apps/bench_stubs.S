// SPDX-License-Identifier: MIT
// Entries with a time stamp as their first instruction, for bench_fault.c. They change registers that the code under
// test lists as clobbered: rax and rdx in the first two, rax, rcx, rdx and r11 in the third.
#include "libos/core/offsets.h"

#define EXCEPTION(field)  OFFSET_PE_PAGE + OFFSET_EXCEPTION + EXCEPTION_##field

    .text
// In place of entry_fault: stamps, then goes on there.
    .globl bench_entry_fault
bench_entry_fault:
    rdtsc
    movl %eax, bench_stamp
    jmp entry_fault

// In place of a handler in C: maps the page by the call prepared in bench_map, stamps, and returns.
    .globl bench_handler_stamped
bench_handler_stamped:
    call bench_map
    rdtsc
    movl %eax, bench_stamp
    ret

// In place of entry_syscall: stamps, and goes straight back.
    .globl bench_entry_syscall
bench_entry_syscall:
    rdtsc
    movl %eax, bench_stamp
    movq EXCEPTION(RSP), %rsp
    movq $0, EXCEPTION(BUSY)
    jmpq *EXCEPTION(RIP)

    .section .note.GNU-stack, "", @progbits
