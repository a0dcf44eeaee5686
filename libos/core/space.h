// SPDX-License-Identifier: MIT
// One's own address space: 1 GiB, mapped by level-1 tables that are all visible, read-only, in the table window.
//
//   if (!space_reserve(first, pages)) …              // makes the tables; once per region
//   space_map(page, frame, EXO_READ | EXO_WRITE);    // one call
//   if (space_entry(page) & EXO_ENTRY_DIRTY) …       // no call: a load
//
// Addresses are page-aligned and inside what was reserved, except where `space_reserved` is asked. Nothing here
// decides anything: which page gets which frame is the caller's.
#pragma once
#include "libos/core/frames.h"
#include "libos/core/map.h"
#include "pe/pe.h"
#include "pe/stubs.h"
#include "pe/tlb.h"

#define space_tables frames_binding // the binding that covers the tables: they are frames of this PE

// Pure arithmetic; also checked on the host.
// The word of the window that is the entry of a page.
static inline uint64_t space_window(exo_vaddr page) {
    return MAP_WINDOW + ((page.raw - MAP_BASE) >> EXO_PAGE_SHIFT) * sizeof(uint64_t);
}
// The word of the window that is the window's own entry for the table that maps a page: it names the table's frame.
static inline uint64_t space_window_table(exo_vaddr page) {
    return space_window((exo_vaddr){MAP_WINDOW}) + (page.raw - MAP_BASE) / MAP_TABLE_SPAN * sizeof(uint64_t);
}

// The live entry of a page, with its accessed and dirty bits.
static inline uint64_t space_entry(exo_vaddr page) {
    return *(volatile const uint64_t *)space_window(page);
}

// Whether a page has a table.
static inline bool space_reserved(exo_vaddr page) {
    return page.raw - MAP_BASE < MAP_END - MAP_BASE
           && (*(volatile const uint64_t *)space_window_table(page) & EXO_ENTRY_PRESENT);
}

// The physical address of a page's entry, as tlb_* calls want it.
static inline exo_paddr space_slot(exo_vaddr page) {
    const uint64_t table = *(const uint64_t *)space_window_table(page);
    return (exo_paddr){(table & EXO_ENTRY_FRAME) | (page.raw >> EXO_PAGE_SHIFT) % EXO_TABLE_ENTRIES * sizeof(uint64_t)};
}

// Maps a page, where none was mapped. Errors: those of tlb_set.
static inline enum exo_error space_map(exo_vaddr page, exo_frame frame, uint64_t rights) {
    return exo_tlb_set(space_tables, space_slot(page), frames_binding, exo_entry_for(frame, rights), (exo_vaddr){0})
        .error;
}

// Unmaps a page and flushes it. Returns the old entry; 0 also if there was none.
static inline uint64_t space_unmap(exo_vaddr page) {
    const struct exo_result result = exo_tlb_set(space_tables, space_slot(page), frames_binding, (exo_entry){0}, page);
    return result.error == EXO_OK ? result.value : 0;
}

// Makes the tables for a range of pages, from frames of the pool. False: too few frames, or past MAP_END; tables made
// before that stay.
[[nodiscard]] bool space_reserve(exo_vaddr first, uint64_t pages);

// Maps frames in a row to pages in a row, with few calls. Errors: those of tlb_set_batch. Uses the argument area.
[[nodiscard]] enum exo_error space_map_run(exo_vaddr first, exo_frame frame, uint64_t pages, uint64_t rights);

// Gives one page, if it is present, other rights, and flushes it. Errors: those of tlb_set.
enum exo_error space_protect_page(exo_vaddr page, uint64_t rights);

// Gives all present pages of a range other rights and flushes them. Errors: those of tlb_protect.
enum exo_error space_protect(exo_vaddr first, uint64_t pages, uint64_t rights);

// Clears the given bits (EXO_ENTRY_ACCESSED, EXO_ENTRY_DIRTY) of 1 to 512 pages, and flushes them; bit i of the result
// says which page i had set. Returns how many had one set. Uses the argument area.
uint64_t space_harvest(exo_vaddr first, uint64_t pages, uint64_t bits, struct exo_harvest *harvest);
