// SPDX-License-Identifier: MIT
// Layout facts for assembly. offsets.c asserts every one of them against the C structures.
#pragma once
#include "pe/context.h"

// struct cpu, through GS
#define CPU_CURRENT 0
#define CPU_SCRATCH 8
#define CPU_KERNEL_STACK 16
#define CPU_SAVE_AREA (-104) // in the task state, see cpu.h

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

// struct pe, what lies in the page behind it, and its table of bindings behind that
#define PE_ENTRY_GATE 96
#define PE_STACK_GATE 104
#define PE_CONTEXT 112
#define PE_FS_BASE 256
#define PE_ROOT 784
#define PE_TABLE_SIZE 800
#define PE_ID 832
#define PE_STATE 856
#define PE_CALLER 928
#define PE_CALLING 936
#define PE_SAVE_END (4096 + 128)
#define PE_PENDING (4096 + 144)
#define PE_MASK (4096 + 152)
#define PE_TABLE 8192

// struct sb_binding
#define SB_SHIFT 6
#define SB_FIRST 24
#define SB_TAG 40
#define SB_CALLABLE 60

#define STATE_READY 1
#define STATE_RESTING 4
#define STATE_CALLING 5

#define NUMBER_OF_CALLS 64
#define NUMBER_OF_GATE_CALL 63

#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA 0x23
#define SELECTOR_USER_CODE 0x2b
#define SELECTOR_TSS 0x30

#define USER_RFLAGS 0x202
