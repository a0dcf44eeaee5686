// SPDX-License-Identifier: MIT
// A process of the guest: an address space of its own and the registers that a function call keeps. For C and assembly.
#pragma once

#define PROCESS_RBX 0
#define PROCESS_RBP 8
#define PROCESS_R12 16
#define PROCESS_R13 24
#define PROCESS_R14 32
#define PROCESS_R15 40
#define PROCESS_RIP 48
#define PROCESS_RSP 56
#define PROCESS_OTHER 64
#define PROCESS_COUNT 72
#define PROCESS_SPACES 80

#ifndef __ASSEMBLER__
#include "peers/xen/hypervisor.h"

struct process {
    uint64_t rbx, rbp, r12, r13, r14, r15, rip, rsp;
    struct process *other; // whom it yields to
    uint64_t count;        // of the operations that enter its address space
    struct xen_operation spaces[2];
};
static_assert(__builtin_offsetof(struct process, rip) == PROCESS_RIP);
static_assert(__builtin_offsetof(struct process, other) == PROCESS_OTHER);
static_assert(__builtin_offsetof(struct process, count) == PROCESS_COUNT);
static_assert(__builtin_offsetof(struct process, spaces) == PROCESS_SPACES);

extern struct process *process_current; // in user mode
#endif
