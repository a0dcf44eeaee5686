// SPDX-License-Identifier: MIT
// Layout facts that assembly needs, as plain numbers. offsets.c asserts each against the C declarations in pe/pe.h
// and upcall.h, so that a wrong one doesn't compile. Included by C and by assembly.
#pragma once
#include "pe/context.h"

// clang-format off
#define OFFSET_PE_PAGE        0x401ff000 // address at which every PE has its PE page

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
#define EXCEPTION_CR2         24
#define EXCEPTION_VECTOR      32
#define EXCEPTION_BUSY        40
#define EXCEPTION_ERROR       48
#define EXCEPTION_RIP         56
#define EXCEPTION_RFLAGS      72
#define EXCEPTION_RSP         80
// clang-format on
