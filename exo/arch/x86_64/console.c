// SPDX-License-Identifier: MIT
// The serial line (16550), the byte channel to the host's tools (QEMU's isa-debugcon), the power switch (QEMU's
// isa-debug-exit), and the kernel's last words.
#include "exo/arch/arch.h"
#include "exo/arch/x86_64/machine.h"

constexpr uint16_t SERIAL = 0x3f8;
constexpr uint16_t REPORT = 0xe9;
constexpr uint16_t POWER = 0xf4;
constexpr unsigned PANIC_STATUS = 63;

void console_init(void) {
    arch_port_out8(SERIAL + 1, 0);    // no interrupts
    arch_port_out8(SERIAL + 3, 0x80); // divisor 1: 115,200 bits a second
    arch_port_out8(SERIAL, 1);
    arch_port_out8(SERIAL + 1, 0);
    arch_port_out8(SERIAL + 3, 3); // 8 data bits, no parity, 1 stop bit
    arch_port_out8(SERIAL + 2, 7); // FIFOs on
}

// The serial line takes no byte while it is sending one, or the host is slow to read. The kernel does not wait for it:
// a call of 3,072 bytes could last for slices.
bool arch_console_write(enum exo_device console, uint8_t byte) {
    if (console == EXO_REPORT) {
        arch_port_out8(REPORT, byte);
        return true;
    }
    if (!(arch_port_in8(SERIAL + 5) & 0x20)) return false;
    arch_port_out8(SERIAL, byte);
    return true;
}

int arch_console_read(enum exo_device console) {
    if (console != EXO_CONSOLE || !(arch_port_in8(SERIAL + 5) & 1)) return -1;
    return arch_port_in8(SERIAL);
}

void arch_off(uint64_t status) {
    arch_port_out32(POWER, (uint32_t)status);
    while (true) __asm__ volatile("cli; hlt"); // a machine without that device stays here
}

// Last words wait, but not for ever: nobody is left to read that the host does not.
static void say_byte(char byte) {
    for (unsigned patience = 100'000; patience > 0 && !arch_console_write(EXO_CONSOLE, (uint8_t)byte);) patience--;
}

static void say(const char *text) {
    while (*text) say_byte(*text++);
}

static void say_number(const char *name, uint64_t number) {
    say(name);
    for (int shift = 60; shift >= 0; shift -= 4) say_byte("0123456789abcdef"[number >> shift & 15]);
}

void arch_panic(const char *sentence) {
    say("\nBindery kernel: ");
    say(sentence);
    say("\n");
    arch_off(PANIC_STATUS);
}

[[noreturn]] void trap_kernel_fault(uint64_t vector, uint64_t rip, uint64_t error, uint64_t cr2) {
    say_number("\nBindery kernel: exception ", vector);
    say_number(" at ", rip);
    say_number(", error ", error);
    say_number(", cr2 ", cr2);
    arch_panic("The kernel itself has faulted; this is a bug in it.");
}
