// SPDX-License-Identifier: MIT
// Bringing pages into memory and evicting others for them. See slots.h.
#include "libos/unix/memory/slots.h"
#include "libos/unix/memory/machine.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/swap.h"
#include "libos/unix/memory/tables.h"
#include <errno.h>

void page_zero(char *contents) {
    uint64_t words = EXO_PAGE_SIZE / sizeof(uint64_t);
    __asm__ volatile("rep stosq" : "+D"(contents), "+c"(words) : "a"(0ul) : "memory");
    memory.count.zeroed++;
}

void page_copy(char *to, const char *from) {
    uint64_t words = EXO_PAGE_SIZE / sizeof(uint64_t);
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

// ---- eviction

// Whether a page's contents are swapped, rather than in a file.
static bool is_swapped(const struct page *page) {
    return page->kind == PAGE_PRIVATE || page->chunk->object->inode == nullptr;
}

static bool is_dirty(uint32_t page) {
    return (memory.page[page].flags & PAGE_DIRTY) || (page_bits(page) & EXO_ENTRY_DIRTY);
}

// Whether a page can leave memory: it is not in use by library code, and there is a place for its contents.
static bool can_go(uint32_t number) {
    const struct page *page = &memory.page[number];
    if (page->pins != 0) return false;
    return !is_swapped(page) || page->block != 0 || swap_left() != 0 || !is_dirty(number);
}

// The policy's victim, or the next slot whose page can go. NONE: there is none.
static uint32_t choose(uint32_t incoming) {
    const uint32_t victim = memory.policy->victim(memory.policy_state, incoming);
    if (victim >= memory.slots)
        machine_fail("policy %s chose slot %u of %u", memory.policy->name, victim, memory.slots);
    for (uint32_t i = 0; i < memory.slots; i++) {
        const uint32_t slot = (victim + i) % memory.slots;
        if (can_go(memory.slot[slot].page)) return slot;
    }
    return NONE;
}

// Writes a page that nobody can write to at present back to where its contents belong.
static int write_back(uint32_t number) {
    struct page *page = &memory.page[number];
    if (page->kind == PAGE_HELD && page->chunk->object->inode != nullptr) return object_write(number);
    if (page->block == 0) page->block = swap_take();
    memory.count.writes++;
    const enum exo_error error = machine_transfer(EXO_RING_WRITE, frame_of(number), swap_block(page->block));
    if (error != EXO_OK) return -EIO;
    if (page->kind == PAGE_HELD) object_clean(number);
    page->flags &= (uint8_t)~PAGE_DIRTY;
    return 0;
}

static void told_removed(uint32_t page, uint32_t slot) {
    if (memory.policy->removed != nullptr) memory.policy->removed(memory.policy_state, page, slot);
}

// Empties a slot. On an error its page stays in memory, unmapped.
static int evict(uint32_t slot) {
    const uint32_t number = memory.slot[slot].page;
    struct page *page = &memory.page[number];
    page_unmap(number);
    if (page->flags & PAGE_DIRTY) {
        const int error = write_back(number);
        if (error != 0) return error;
    }
    page->flags &= (uint8_t)~PAGE_ACCESSED;
    page->slot = NONE;
    memory.count.evictions++;
    if (page->kind == PAGE_HELD) object_evicted(number);
    told_removed(number, slot);
    return 0;
}

// Pages that the policy wants to have in memory no longer. Their slots stay empty until pages come.
static void give_up(void) {
    if (memory.policy->surplus == nullptr) return;
    uint32_t slot;
    while ((slot = memory.policy->surplus(memory.policy_state)) != NONE) {
        if (!can_go(memory.slot[slot].page) || evict(slot) != 0) return;
        memory.slot[slot].page = NONE;
        memory.dead[memory.dead_count++] = slot;
    }
}

// A slot for a page that is to come. NONE after setting *error.
static uint32_t slot_take(uint32_t incoming, int *error) {
    if (memory.used < memory.slots) return memory.used++;
    if (memory.dead_count != 0) {
        const uint32_t slot = memory.dead[--memory.dead_count], page = memory.slot[slot].page;
        if (page == NONE) return slot;
        told_removed(page, slot);
        page_number_free(page);
        return slot;
    }
    const uint32_t slot = choose(incoming);
    *error = slot == NONE ? -ENOMEM : evict(slot);
    return *error == 0 ? slot : NONE;
}

// ---- bringing

// Puts a page's contents into its frame.
static int fill_frame(uint32_t number) {
    struct page *page = &memory.page[number];
    if (page->kind == PAGE_HELD && page->chunk->object->inode != nullptr) return object_read(number);
    if (page->block == 0) {
        page_zero(page_memory(number));
        return 0;
    }
    memory.count.reads++;
    return machine_transfer(EXO_RING_READ, frame_of(number), swap_block(page->block)) == EXO_OK ? 0 : -EIO;
}

// A page that is gone takes its place.
void page_empty(uint32_t number) {
    const uint32_t slot = memory.page[number].slot;
    page_unmap(number);
    const uint32_t other = page_number_take();
    if (other == NONE) machine_fail("no number is left for a page");
    told_removed(number, slot);
    memory.page[number].slot = NONE;
    if (memory.page[number].kind == PAGE_HELD) object_evicted(number);
    memory.page[other] = (struct page){.slot = slot, .kind = PAGE_DEAD};
    memory.slot[slot].page = other;
    memory.dead[memory.dead_count++] = slot;
    if (memory.policy->inserted != nullptr) memory.policy->inserted(memory.policy_state, other, slot);
}

int page_bring(uint32_t number, enum fill fill) {
    struct page *page = &memory.page[number];
    if (page->slot != NONE) return 0;
    memory.count.misses++;
    int error = 0;
    page_pin(number);
    if (memory.policy->fault != nullptr) memory.policy->fault(memory.policy_state, number);
    give_up();
    const uint32_t slot = slot_take(number, &error);
    page_unpin(number);
    if (slot == NONE) return error;
    if (page->kind == PAGE_HELD) object_brought(number);
    page->slot = slot;
    page->map = NONE;
    memory.slot[slot].page = number;
    if (memory.policy->inserted != nullptr) memory.policy->inserted(memory.policy_state, number, slot);
    if (fill == FILL_NOTHING) return 0;
    page_pin(number);
    error = fill_frame(number);
    page_unpin(number);
    if (error != 0) page_empty(number);
    return error;
}
