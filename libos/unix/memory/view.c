// SPDX-License-Identifier: MIT
// What the policy sees of a slot: the A and D bits of all table entries that map its page, and of library code's own
// reads and writes. Bits of entries are read with no call; clearing them is one, with a flush.
#include "libos/unix/memory/slots.h"
#include "libos/unix/memory/tables.h"

static_assert(PAGE_ACCESSED == (int)POLICY_ACCESSED && PAGE_DIRTY == (int)POLICY_DIRTY);

static uint8_t view_bits(void *, uint32_t slot) {
    if (slot >= memory.used) return 0;
    const uint32_t page = memory.slot[slot].page;
    if (page == NONE) return POLICY_ACCESSED | POLICY_DIRTY; // as policy.h has it
    if (memory.page[page].kind == PAGE_DEAD) return 0;
    const uint64_t entries = page_bits(page);
    return (uint8_t)((memory.page[page].flags & (PAGE_ACCESSED | PAGE_DIRTY))
                     | (entries & EXO_ENTRY_ACCESSED ? POLICY_ACCESSED : 0)
                     | (entries & EXO_ENTRY_DIRTY ? POLICY_DIRTY : 0));
}

static void view_bits_from(void *pager, uint32_t slot, uint32_t count, uint8_t *bits) {
    for (uint32_t i = 0; i < count; i++) bits[i] = view_bits(pager, slot + i);
}

static void view_clear_accessed(void *, uint32_t slot) {
    if (slot >= memory.used) return;
    const uint32_t page = memory.slot[slot].page;
    if (page != NONE && memory.page[page].kind != PAGE_DEAD) page_clear_accessed(page);
}

static void view_clear_accessed_all(void *pager) {
    for (uint32_t slot = 0; slot < memory.used; slot++) view_clear_accessed(pager, slot);
}

struct policy_view slots_view(uint64_t seed) {
    return (struct policy_view){
        .frames = memory.slots,
        .pages = memory.page_count,
        .seed = seed,
        .bits = view_bits,
        .bits_from = view_bits_from,
        .clear_accessed = view_clear_accessed,
        .clear_accessed_all = view_clear_accessed_all,
    };
}
