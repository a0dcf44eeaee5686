// SPDX-License-Identifier: MIT
// What the portable kernel asks of a machine. Each folder beside this file supplies all of it, and nothing else of a
// machine is known outside arch/. Contracts common to all: the kernel is never re-entered (interrupts stay off in
// it), and until a second CPU is started one CPU is the lock of every structure.
#pragma once
#include "pe/pe.h"
#include "pe/types.h"

struct pe;
struct cpu;

// From the folder of the machine that is built for; inline there, because calls live on them:
//   struct cpu *arch_cpu(void);                  this CPU
//   struct pe *arch_current(void);               arch_cpu()->current
//   void *arch_frame(exo_frame frame);           the kernel's own view of a frame of the frame table
//   void arch_flush_page(exo_vaddr address);     this CPU's TLB, current address space
//   uint64_t arch_entry_exchange(uint64_t *entry, uint64_t value);
//   uint64_t arch_entry_clear(uint64_t *entry, uint64_t bits);
//   void arch_entry_set(uint64_t *entry, uint64_t bits);
//                                                atomically, as the MMU sets A and D behind our back; return the old
//                                                entry
//   uint64_t arch_ticks(void);                   the time-stamp counter, which user code reads too
//   void arch_forget_scratch(void);              leave nothing of the kernel's in registers that calls may change
#include "arch_inline.h"

// Memory.
void arch_zero(exo_frame frame);     // fills a frame with zeros
void arch_root_init(exo_frame root); // puts the kernel's part into a zeroed level-4 table
void arch_flush_all(void);           // this CPU's whole TLB; calls frame_tlb_flushed

// Processor.
void arch_switch(struct pe *from, struct pe *to); // address space (a full flush), save area, FPU, segment bases
void arch_fpu_init(uint8_t state[512]);           // the state in which a PE finds the FPU

// Time. One deadline per CPU; when it passes the machine calls slice_timer.
void arch_timer_set(uint64_t nanoseconds_from_now);
uint64_t arch_ticks_per_second(void); // of the time-stamp counter

// Devices.
bool arch_console_write(enum exo_device console, uint8_t byte); // false: it takes none now
int arch_console_read(enum exo_device console); // a byte, or -1
[[noreturn]] void arch_off(uint64_t status);
[[noreturn]] void arch_panic(const char *sentence); // a broken promise of the kernel itself
