// SPDX-License-Identifier: MIT
// Building one's own address space, and operations on ranges of it. One entry at a time is in space.h, inline.
#include "libos/core/space.h"
#include "libos/core/harvest.h"
#include "libos/core/upcall.h"
#include <string.h>

// Links a new level-1 table and shows it in the window.
static bool add_table(uint64_t index) {
    const exo_frame table = frames_take_as(EXO_FRAME_TABLE1);
    if (table.raw == 0) return false;
    const exo_paddr link = {start->table2.raw << EXO_PAGE_SHIFT | index * sizeof(uint64_t)};
    const exo_entry all = exo_entry_for(table, EXO_READ | EXO_WRITE | EXO_EXECUTE);
    if (exo_tlb_set(space_tables, link, frames_binding, all, (exo_vaddr){0}).error != EXO_OK) return false;
    return space_map((exo_vaddr){MAP_WINDOW + index * EXO_PAGE_SIZE}, table, EXO_READ) == EXO_OK;
}

bool space_reserve(exo_vaddr first, uint64_t pages) {
    const uint64_t end = first.raw + pages * EXO_PAGE_SIZE;
    if (first.raw < MAP_BASE || pages > (MAP_END - MAP_BASE) / EXO_PAGE_SIZE || end > MAP_END) return false;
    for (uint64_t at = first.raw & ~(MAP_TABLE_SPAN - 1); at < end; at += MAP_TABLE_SPAN)
        if (!space_reserved((exo_vaddr){at}) && !add_table((at - MAP_BASE) / MAP_TABLE_SPAN)) return false;
    return true;
}

enum exo_error space_map_run(exo_vaddr first, exo_frame frame, uint64_t pages, uint64_t rights) {
    struct exo_tlb_update *updates = (struct exo_tlb_update *)pe_page()->args;
    enum exo_error error = EXO_OK;
    for (uint64_t done = 0; done < pages && error == EXO_OK;) {
        const uint64_t count = pages - done < EXO_BATCH_MAX ? pages - done : EXO_BATCH_MAX;
        const uint64_t held = events_hold();
        for (uint64_t i = 0; i < count; i++, done++)
            updates[i] = (struct exo_tlb_update){
                space_slot((exo_vaddr){first.raw + done * EXO_PAGE_SIZE}),
                exo_entry_for((exo_frame){frame.raw + done}, rights),
            };
        error = exo_tlb_set_batch(space_tables, frames_binding, count, (exo_vaddr){0}).error;
        events_release(held);
    }
    return error;
}

// Pages from `first` on that one table maps, at most `pages`.
static uint64_t in_one_table(exo_vaddr first, uint64_t pages) {
    const uint64_t rest = EXO_TABLE_ENTRIES - exo_table_index(first, 1);
    return pages < rest ? pages : rest;
}

// tlb_set, which finds the frame marked as the caller's, takes fewer instructions than tlb_protect; but it writes the
// whole entry, so an A or D bit set since that was read is put back.
enum exo_error space_protect_page(exo_vaddr page, uint64_t rights) {
    constexpr uint64_t changing = EXO_ENTRY_WRITE | EXO_ENTRY_NO_EXECUTE;
    constexpr uint64_t marks = EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY;
    uint64_t entry = space_entry(page);
    while (entry & EXO_ENTRY_PRESENT) {
        entry = (entry & ~changing) | (exo_entry_for((exo_frame){0}, rights).raw & changing);
        const struct exo_result old =
            exo_tlb_set(space_tables, space_slot(page), frames_binding, (exo_entry){entry}, page);
        const uint64_t missed = old.value & marks & ~entry;
        if (old.error != EXO_OK || missed == 0) return old.error;
        entry |= missed;
    }
    return EXO_OK;
}

enum exo_error space_protect(exo_vaddr first, uint64_t pages, uint64_t rights) {
    while (pages > 0) {
        const uint64_t count = in_one_table(first, pages);
        const struct exo_result result =
            exo_tlb_protect(space_tables, space_slot(first), count, frames_binding, exo_protect_for(first, rights));
        if (result.error != EXO_OK) return result.error;
        first.raw += count * EXO_PAGE_SIZE;
        pages -= count;
    }
    return EXO_OK;
}

uint64_t space_harvest(exo_vaddr first, uint64_t pages, uint64_t bits, struct exo_harvest *harvest) {
    const struct exo_harvest *part = (const struct exo_harvest *)pe_page()->args;
    uint64_t set = 0;
    memset(harvest, 0, sizeof(*harvest));
    for (uint64_t done = 0; done < pages && done < EXO_TABLE_ENTRIES;) {
        const exo_vaddr from = {first.raw + done * EXO_PAGE_SIZE};
        const uint64_t count = in_one_table(from, pages - done);
        const uint64_t held = events_hold();
        const struct exo_result result =
            exo_tlb_harvest(space_tables, space_slot(from), count, (exo_entry){bits}, from);
        if (result.error == EXO_OK) {
            set += result.value;
            harvest_merge(harvest, part, done, count);
        }
        events_release(held);
        done += count;
    }
    return set;
}
