// SPDX-License-Identifier: MIT
// The local interrupt controller (AMD64 APM vol. 2, chapter 16): end of interrupt, and the timer that ends slices.
#include "exo/arch/arch.h"
#include "exo/arch/x86_64/machine.h"

enum {
    ID = 0x20,
    TASK_PRIORITY = 0x80,
    END_OF_INTERRUPT = 0xb0,
    SPURIOUS = 0xf0,
    TIMER = 0x320,
    TIMER_INITIAL = 0x380,
    TIMER_CURRENT = 0x390,
    TIMER_DIVIDE = 0x3e0,
};
constexpr uint32_t TIMER_MASKED = 1 << 16;
constexpr uint32_t DIVIDE_BY_16 = 3;
constexpr uint64_t PIT_HERTZ = 1'193'182;

static volatile uint8_t *registers;
static uint64_t ticks_per_millisecond, stamps_per_millisecond; // of the timer, and of the time-stamp counter

static void write(unsigned at, uint32_t value) {
    *(volatile uint32_t *)(registers + at) = value;
}
static uint32_t read(unsigned at) {
    return *(volatile uint32_t *)(registers + at);
}

// Counts timer ticks and time stamps during a millisecond of the PIT's second channel, which needs no interrupt.
static void calibrate(void) {
    constexpr uint16_t count = PIT_HERTZ / 1000;
    arch_port_out8(0x61, (arch_port_in8(0x61) & ~2) | 1); // gate on, speaker off
    arch_port_out8(0x43, 0xb0);                           // channel 2, both bytes, mode 0
    arch_port_out8(0x42, count & 0xff);
    arch_port_out8(0x42, count >> 8);
    write(TIMER_INITIAL, UINT32_MAX);
    const uint64_t stamp = __builtin_ia32_rdtsc();
    while (!(arch_port_in8(0x61) & 0x20)) {
    }
    stamps_per_millisecond = __builtin_ia32_rdtsc() - stamp;
    ticks_per_millisecond = UINT32_MAX - read(TIMER_CURRENT);
    write(TIMER_INITIAL, 0);
}

void apic_init(void) {
    registers = arch_device_map((exo_paddr){arch_msr_read(0x1b) & ~0xfffull}, EXO_PAGE_SIZE);
    arch_port_out8(0x21, 0xff); // the old controllers stay masked
    arch_port_out8(0xa1, 0xff);
    write(TASK_PRIORITY, 0);
    write(SPURIOUS, 1 << 8 | ARCH_VECTOR_SPURIOUS);
    write(TIMER_DIVIDE, DIVIDE_BY_16);
    write(TIMER, TIMER_MASKED | ARCH_VECTOR_TIMER);
    calibrate();
    write(TIMER, ARCH_VECTOR_TIMER); // one shot
}

void apic_end_of_interrupt(void) {
    write(END_OF_INTERRUPT, 0);
}

uint64_t arch_ticks_per_second(void) {
    return stamps_per_millisecond * 1000;
}

uint32_t arch_apic_id(void) {
    return read(ID) >> 24;
}

// An interrupt that was under way when the timer was set anew belongs to a time that is over.
bool apic_timer_passed(void) {
    return read(TIMER_CURRENT) == 0;
}

void arch_timer_set(uint64_t nanoseconds_from_now) {
    const uint64_t ticks = nanoseconds_from_now * ticks_per_millisecond / 1'000'000;
    write(TIMER_INITIAL, ticks > UINT32_MAX ? UINT32_MAX : ticks == 0 ? 1 : (uint32_t)ticks);
}
