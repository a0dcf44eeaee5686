// SPDX-License-Identifier: MIT
// What the files of this folder, and the drivers, share about an x86-64 PC.
#pragma once
#include "pe/types.h"

// Interrupt vectors above the processor's own exceptions.
constexpr uint8_t ARCH_VECTOR_TIMER = 32;
constexpr uint8_t ARCH_VECTOR_DISK = 33;
constexpr uint8_t ARCH_VECTOR_SPURIOUS = 47;
constexpr unsigned ARCH_VECTORS = 48;

static inline uint8_t arch_port_in8(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline uint16_t arch_port_in16(uint16_t port) {
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline uint32_t arch_port_in32(uint16_t port) {
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline void arch_port_out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
static inline void arch_port_out16(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
static inline void arch_port_out32(uint16_t port, uint32_t value) {
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline uint64_t arch_msr_read(uint32_t number) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}
static inline void arch_msr_write(uint32_t number, uint64_t value) {
    __asm__ volatile("wrmsr" ::"c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

// memory.c: an uncached kernel mapping of device registers; null if there is no room for it.
volatile void *arch_device_map(exo_paddr base, uint64_t bytes);
// memory.c: the physical address of static kernel memory.
exo_paddr arch_kernel_paddr(const void *object);

// apic.c
void apic_init(void);
void apic_end_of_interrupt(void);
bool apic_timer_passed(void); // the time that arch_timer_set gave
uint32_t arch_apic_id(void);

// trap.c: descriptor tables, system-call registers, processor features.
void trap_init(bool tracing);

// console.c
void console_init(void);

// run.c: gives the CPU to whom slice_pick names.
[[noreturn]] void leave_kernel(void);

// Where the kernel image is linked: its physical address is this much less.
constexpr uint64_t KERNEL_BASE = 0xffff'8080'0000'0000ull;
