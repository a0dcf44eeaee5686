// SPDX-License-Identifier: MIT
// The parts of arch.h that must be inline, for the simulated machine.
#pragma once
#include "exo/pe.h"
#include "pe/types.h"

extern struct cpu host_cpu;
static inline struct cpu *arch_cpu(void) {
    return &host_cpu;
}
static inline struct pe *arch_current(void) {
    return host_cpu.current;
}

// Stops the process if the frame is none of the machine: a frame number that the kernel has not checked.
void *arch_frame(exo_frame frame);
void arch_flush_page(exo_vaddr address);

static inline uint64_t arch_entry_exchange(uint64_t *entry, uint64_t value) {
    return __atomic_exchange_n(entry, value, __ATOMIC_SEQ_CST);
}

static inline uint64_t arch_entry_clear(uint64_t *entry, uint64_t bits) {
    return __atomic_fetch_and(entry, ~bits, __ATOMIC_SEQ_CST);
}

static inline void arch_entry_set(uint64_t *entry, uint64_t bits) {
    __atomic_fetch_or(entry, bits, __ATOMIC_SEQ_CST);
}

extern uint64_t host_ticks; // nanoseconds that the timer has let pass
static inline uint64_t arch_ticks(void) {
    return host_ticks;
}

static inline void arch_forget_scratch(void) {} // there are no registers to look into
