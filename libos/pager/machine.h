// SPDX-License-Identifier: MIT
// What the pager needs of its library OS, and all it knows of the machine. machine.c gives it from libos/core; the
// host's unit test gives it from arrays. Functions below the line run in the fault handler.
#pragma once
#include "pe/pe.h"
#include "pe/ring.h"
#include "pe/tlb.h"

// Memory for tables: zeroed, always mapped, never given back. Null: none left.
void *machine_memory(uint64_t bytes);

// Takes `count` frames for good, and writes their numbers. The pager sees them, in order, as one range of memory whose
// start is returned. Null: too few frames; those taken so far stay taken.
void *machine_frames(exo_frame *frames, uint64_t count);

// A range of memory to see frames in that come and go. Null: no room. Show: in a page of it; false: refused.
void *machine_window(uint64_t pages);
[[nodiscard]] bool machine_show(void *page, exo_frame frame);
void machine_hide(void *page);

// Makes the tables for a range of pages that nobody has mapped. False: no frames for them.
[[nodiscard]] bool machine_reserve(exo_vaddr first, uint64_t pages);

// The live table entries of a range, one word a page.
const volatile uint64_t *machine_entries(exo_vaddr first);

// ---- in the fault handler ----

// Maps a page to read and write, with A = D = 0. False: refused.
[[nodiscard]] bool machine_bind(exo_vaddr page, exo_frame frame);

// Unmaps a page and flushes it; returns the old entry, exact to its A and D bits. 0: refused.
uint64_t machine_unbind(exo_vaddr page);

// Clears bits (EXO_ENTRY_ACCESSED, EXO_ENTRY_DIRTY) of a mapped page, or of all mapped pages of a range, and flushes.
void machine_clear(exo_vaddr page, uint64_t bits);
void machine_clear_range(exo_vaddr first, uint64_t pages, uint64_t bits);

// One disk transfer: start it, and wait for its end. One at a time, beside those below.
[[nodiscard]] bool machine_disk_start(enum exo_ring_operation operation, exo_frame frame, uint64_t block);
[[nodiscard]] enum exo_error machine_disk_finish(void);

// Transfers that are not waited for at once. Put one for the next kick, with a tag that comes back with its completion;
// false: no place before a completion was taken. Take a completion, in whatever order they come; false: none has come,
// or with `wait` none is under way.
constexpr uint32_t MACHINE_TAG_MOST = (1u << 28) - 1;
[[nodiscard]] bool machine_disk_put(enum exo_ring_operation operation, exo_frame frame, uint64_t block, uint32_t tag);
void machine_disk_kick(void);
[[nodiscard]] bool machine_disk_take(bool wait, uint32_t *tag, enum exo_error *error);

// Gives up the rest of a time slice that has lasted for a while. For measurements: what follows, if it is short beside
// a slice, is not interrupted by a slice's end.
void machine_steady(void);

// From now on ticks that pass while a transfer is waited for are added up; how many there have been.
void machine_count_waits(void);
uint64_t machine_waited(void);

// Fills a page of memory with zeros.
void machine_zero(void *page);

// The time-stamp counter; under -icount it counts instructions.
static inline uint64_t machine_time(void) {
    return __builtin_ia32_rdtsc();
}

// A digest of all general registers at the fault.
uint64_t machine_registers(const struct exo_exception *exception);

// The kernel's stamps of the last fault: at its detection and at the upcall. 0 without tracing.
uint64_t machine_kernel_time(unsigned step);

// One line to the report channel, of at most MACHINE_LINE bytes.
constexpr unsigned MACHINE_LINE = 1900;
[[gnu::format(printf, 1, 2)]] void machine_report(const char *format, ...);

// One more word of the recording (recording.h); a recording that has no room left, or cannot be written, ends the PE.
// Recorded: writes what is left of it; returns how many words there are.
void machine_record(uint32_t word);
[[nodiscard]] uint64_t machine_recorded(void);

// Ends the PE with one line.
[[noreturn, gnu::format(printf, 1, 2)]] void machine_fail(const char *format, ...);
