// SPDX-License-Identifier: MIT
// A TLB entry is a page-table entry. On x86-64 its format is the processor's (AMD64 APM vol. 2, 5.4):
// the kernel accepts the bits below, adds the user bit, and refuses all others.
#pragma once
#include "pe/types.h"

constexpr uint64_t EXO_ENTRY_PRESENT = 1ull << 0;
constexpr uint64_t EXO_ENTRY_WRITE = 1ull << 1;
constexpr uint64_t EXO_ENTRY_USER = 1ull << 2; // the kernel sees to it that every present entry has it
constexpr uint64_t EXO_ENTRY_ACCESSED = 1ull << 5;
constexpr uint64_t EXO_ENTRY_DIRTY = 1ull << 6;
constexpr uint64_t EXO_ENTRY_SOFT = 7ull << 9; // three bits for the library OS's own use
constexpr uint64_t EXO_ENTRY_FRAME = 0x000f'ffff'ffff'f000ull;
constexpr uint64_t EXO_ENTRY_NO_EXECUTE = 1ull << 63;
constexpr unsigned EXO_TABLE_ENTRIES = 512;

// What a library OS may ask for in an entry.
constexpr uint64_t EXO_ENTRY_ALLOWED = EXO_ENTRY_PRESENT | EXO_ENTRY_WRITE | EXO_ENTRY_USER | EXO_ENTRY_ACCESSED
                                       | EXO_ENTRY_DIRTY | EXO_ENTRY_SOFT | EXO_ENTRY_FRAME | EXO_ENTRY_NO_EXECUTE;

// An entry for a page of data with the given rights (EXO_READ | EXO_WRITE | EXO_EXECUTE).
static inline exo_entry exo_entry_for(exo_frame frame, uint64_t rights) {
    return (exo_entry){frame.raw << EXO_PAGE_SHIFT | EXO_ENTRY_PRESENT | EXO_ENTRY_USER
                       | (rights & EXO_WRITE ? EXO_ENTRY_WRITE : 0)
                       | (rights & EXO_EXECUTE ? 0 : EXO_ENTRY_NO_EXECUTE)};
}

static inline exo_frame exo_entry_frame(exo_entry entry) {
    return (exo_frame){(entry.raw & EXO_ENTRY_FRAME) >> EXO_PAGE_SHIFT};
}

// The index that a virtual address has in a table of a level (1 to 4).
static inline unsigned exo_table_index(exo_vaddr address, unsigned level) {
    return address.raw >> (EXO_PAGE_SHIFT + 9 * (level - 1)) & (EXO_TABLE_ENTRIES - 1);
}

// tlb_protect's last argument: where the range starts in the caller's address space, to be flushed (0: nowhere
// that needs a flush), and the rights its present entries get.
static inline exo_protect exo_protect_for(exo_vaddr first, uint64_t rights) {
    return (exo_protect){first.raw | rights};
}
