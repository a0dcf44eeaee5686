// SPDX-License-Identifier: MIT
// The parts of arch.h that must be inline, for x86-64. In the kernel, GS points to this CPU's struct cpu.
#pragma once
#include "exo/arch/x86_64/cpu.h"
#include "exo/pe.h"
#include "pe/types.h"

constexpr uint64_t ARCH_DIRECT_MAP = 0xffff'8000'0000'0000ull; // all physical memory, slot 256 of the root table

static inline struct pe *arch_current(void) {
    struct pe *pe;
    __asm__("movq %%gs:0, %0" : "=r"(pe));
    return pe;
}

extern struct x86_cpu boot_cpu;
static inline struct cpu *arch_cpu(void) {
    return &boot_cpu.cpu;
}

static inline void *arch_frame(exo_frame frame) {
    return (void *)(ARCH_DIRECT_MAP + (frame.raw << EXO_PAGE_SHIFT));
}

static inline void arch_flush_page(exo_vaddr address) {
    __asm__ volatile("invlpg (%0)" ::"r"(address.raw) : "memory");
}

static inline uint64_t arch_entry_exchange(uint64_t *entry, uint64_t value) {
    __asm__ volatile("xchgq %0, %1" : "+r"(value), "+m"(*entry)::"memory");
    return value;
}

static inline uint64_t arch_entry_clear(uint64_t *entry, uint64_t bits) {
    return __atomic_fetch_and(entry, ~bits, __ATOMIC_SEQ_CST);
}

static inline void arch_entry_set(uint64_t *entry, uint64_t bits) {
    __atomic_fetch_or(entry, bits, __ATOMIC_SEQ_CST);
}

static inline uint64_t arch_ticks(void) {
    return __builtin_ia32_rdtsc();
}

// Zeroes the scratch registers that neither arguments nor the result are in and that entry.S does not overwrite; for
// handlers that are compiled without -fzero-call-used-regs.
static inline void arch_forget_scratch(void) {
    __asm__ volatile("xorl %%r9d, %%r9d; xorl %%r10d, %%r10d" ::: "r9", "r10");
}
