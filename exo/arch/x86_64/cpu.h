// SPDX-License-Identifier: MIT
// What an x86-64 CPU has of its own, with the portable struct cpu in it.
#pragma once
#include "exo/pe.h"

// Task state segment: where the processor finds stacks (AMD64 APM vol. 2, 12.2.5).
struct [[gnu::packed]] task_state {
    uint32_t reserved0;
    uint64_t stack[3];
    uint64_t reserved1;
    uint64_t interrupt_stack[7];
    uint64_t reserved2;
    uint16_t reserved3, io_map;
};

// In the kernel GS points to `cpu`, and the task state lies before it, so that stack[0], the end of the running PE's
// exception save area, has a constant place that is aligned.
struct x86_cpu {
    uint32_t reserved0;
    struct task_state task;
    uint32_t reserved1;
    struct cpu cpu;
};
