// SPDX-License-Identifier: MIT
// What the memory of processes needs of the machine, and all it knows of it. machine.c gives it from libos/core, the
// host's unit tests from arrays.
//
// Table entries are written through a queue: machine_put, …, machine_commit. Nobody else runs in between, so what is
// queued is as good as written, except for who reads the entry. With one update a commit is one plain tlb_set.
#pragma once
#include "pe/pe.h"
#include "pe/ring.h"
#include "pe/tlb.h"

// A page table: its frame, and its live entries, to be read without a call.
struct table {
    exo_frame frame;
    const volatile uint64_t *entry;
};

// An empty table of a level (1 to 3), for good; a table of level 3 has the library OS's own part in it. False: no
// frame.
[[nodiscard]] bool machine_table(unsigned level, struct table *table);

void machine_put(const struct table *table, unsigned index, exo_entry entry);
// Writes what was put. `flush`: 0, an address of the present address space, or MACHINE_FLUSH_ALL.
constexpr uint64_t MACHINE_FLUSH_ALL = UINT64_MAX;
void machine_commit(uint64_t flush);

// Makes a level-3 table the one that user addresses go by; null: one in which nothing but the library OS is.
void machine_enter(const struct table *table);

// Memory for good: zeroed, page-aligned, always mapped. Null: none left.
void *machine_memory(uint64_t bytes);

// Takes `count` frames, which the library OS sees in a row from the result on; `number[i]` is the i-th one's. Null: too
// few. Asked for once.
char *machine_frames(uint64_t count, uint32_t *number);
uint64_t machine_frames_left(void);

// The disk: transfers are put, start at a kick, and are taken as they end, in whatever order; the tag comes back. A put
// that gives false has to wait until one was taken; a take waits, and gives false if none is under way.
[[nodiscard]] bool machine_disk_put(enum exo_ring_operation operation, exo_frame frame, uint64_t block, uint32_t tag);
void machine_disk_kick(void);
[[nodiscard]] bool machine_disk_take(uint32_t *tag, enum exo_error *error);

// One line to the report channel. Ends the PE with one line.
[[gnu::format(printf, 1, 2)]] void machine_report(const char *format, ...);
[[noreturn, gnu::format(printf, 1, 2)]] void machine_fail(const char *format, ...);
