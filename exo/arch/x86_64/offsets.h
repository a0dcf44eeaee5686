// SPDX-License-Identifier: MIT
// Layout facts for assembly. offsets.c asserts every one of them against the C structures.
#pragma once
#include "pe/context.h"

// struct cpu, through GS
#define CPU_CURRENT 0
#define CPU_SCRATCH 8
#define CPU_KERNEL_STACK 16
#define CPU_SAVE_AREA 24

// From the stack pointer as an exception leaves it, at `error` in the save area, to the save area's fields …
#define SAVE_RAX (-48)
#define SAVE_RCX (-40)
#define SAVE_R11 (-32)
#define SAVE_CR2 (-24)
#define SAVE_VECTOR (-16)
#define SAVE_BUSY (-8)
#define SAVE_ERROR 0
#define SAVE_RIP 8
#define SAVE_CS 16
#define SAVE_RFLAGS 24
#define SAVE_RSP 32
#define SAVE_END 48
#define SAVE_TRACE0 104
#define SAVE_TRACE1 112
// … and to the entry-point table in the private frame below the PE page.
#define SAVE_ENTRY(upcall) ((upcall) * 16 - 4096 - 80)
#define SAVE_STACK(upcall) (SAVE_ENTRY(upcall) + 8)

#define UPCALL_FAULT 1
#define UPCALL_EXCEPTION 2
#define UPCALL_SYSCALL 3
#define UPCALL_DOUBLE_FAULT 4
#define VECTOR_SYSCALL 256

// struct pe: the context, a struct exo_context
#define PE_CONTEXT 96

#define NUMBER_OF_CALLS 27

#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA 0x23
#define SELECTOR_USER_CODE 0x2b
#define SELECTOR_TSS 0x30

#define USER_RFLAGS 0x202
