// SPDX-License-Identifier: MIT
// Layout facts that assembly needs, as plain numbers. offsets.c asserts each against the C declarations in pe/pe.h
// and upcall.h, so that a wrong one doesn't compile. Included by C and by assembly.
#pragma once

// clang-format off
#define OFFSET_PE_PAGE        0x1ff000 // address at which every PE has its PE page

// struct exo_pe_page
#define OFFSET_EXCEPTION      32
#define OFFSET_PENDING        144
#define OFFSET_MASK           152
#define OFFSET_INTERRUPT_BUSY 160
#define OFFSET_INTERRUPT      200

// struct exo_exception
#define EXCEPTION_RAX         0
#define EXCEPTION_RCX         8
#define EXCEPTION_R11         16
#define EXCEPTION_BUSY        40
#define EXCEPTION_RIP         56
#define EXCEPTION_RFLAGS      72
#define EXCEPTION_RSP         80

// struct exo_context
#define CONTEXT_RAX           0
#define CONTEXT_RBX           8
#define CONTEXT_RCX           16
#define CONTEXT_RDX           24
#define CONTEXT_RSI           32
#define CONTEXT_RDI           40
#define CONTEXT_RBP           48
#define CONTEXT_RSP           56
#define CONTEXT_R8            64
#define CONTEXT_R9            72
#define CONTEXT_R10           80
#define CONTEXT_R11           88
#define CONTEXT_R12           96
#define CONTEXT_R13           104
#define CONTEXT_R14           112
#define CONTEXT_R15           120
#define CONTEXT_RIP           128
#define CONTEXT_RFLAGS        136
// clang-format on
