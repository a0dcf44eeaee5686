// SPDX-License-Identifier: MIT
// struct exo_context for assembly, on both sides: the offset of each register. C asserts them here.
#pragma once

// clang-format off
#define CONTEXT_RAX    0
#define CONTEXT_RBX    8
#define CONTEXT_RCX    16
#define CONTEXT_RDX    24
#define CONTEXT_RSI    32
#define CONTEXT_RDI    40
#define CONTEXT_RBP    48
#define CONTEXT_RSP    56
#define CONTEXT_R8     64
#define CONTEXT_R9     72
#define CONTEXT_R10    80
#define CONTEXT_R11    88
#define CONTEXT_R12    96
#define CONTEXT_R13    104
#define CONTEXT_R14    112
#define CONTEXT_R15    120
#define CONTEXT_RIP    128
#define CONTEXT_RFLAGS 136
#define CONTEXT_SIZE   144
// clang-format on

#ifndef __ASSEMBLER__
#include "pe/pe.h"

#define CONTEXT(name, member) static_assert(CONTEXT_##name == offsetof(struct exo_context, member))
CONTEXT(RAX, rax);
CONTEXT(RBX, rbx);
CONTEXT(RCX, rcx);
CONTEXT(RDX, rdx);
CONTEXT(RSI, rsi);
CONTEXT(RDI, rdi);
CONTEXT(RBP, rbp);
CONTEXT(RSP, rsp);
CONTEXT(R8, r8);
CONTEXT(R9, r9);
CONTEXT(R10, r10);
CONTEXT(R11, r11);
CONTEXT(R12, r12);
CONTEXT(R13, r13);
CONTEXT(R14, r14);
CONTEXT(R15, r15);
CONTEXT(RIP, rip);
CONTEXT(RFLAGS, rflags);
static_assert(CONTEXT_SIZE == sizeof(struct exo_context));
#undef CONTEXT
#endif
