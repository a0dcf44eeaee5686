// SPDX-License-Identifier: MIT
// Bringing pages into memory and evicting others for them. See slots.h.
#include "libos/unix/memory/slots.h"
#include "libos/unix/memory/instruction.h"
#include "libos/unix/memory/machine.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/once.h"
#include "libos/unix/memory/swap.h"
#include "libos/unix/memory/tables.h"
#include "libos/unix/memory/transfer.h"
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

// The block that a page has, from the start of the disk.
static uint64_t block_of(const struct page *page) {
    return is_swapped(page) ? swap_block(page->block) : object_first_block + page->block;
}

// Whether a page can leave memory: it is not in use by library code, nor by the instruction that faults, and there is a
// place for its contents.
static bool can_go(uint32_t number) {
    const struct page *page = &memory.page[number];
    if (page->pins != 0 || instruction_needs(number)) return false;
    return !is_swapped(page) || page->block != 0 || swap_left() != 0 || !is_dirty(number);
}

// The policy's victim, or the next slot whose page can go. NONE: there is none.
static uint32_t choose(uint32_t incoming) {
    const uint32_t victim = memory.policy->victim(memory.policy_state, incoming);
    instruction_evicts();
    if (victim >= memory.slots)
        machine_fail("policy %s chose slot %u of %u", memory.policy->name, victim, memory.slots);
    for (uint32_t i = 0; i < memory.slots; i++) {
        const uint32_t slot = (victim + i) % memory.slots;
        if (can_go(memory.slot[slot].page)) return slot;
    }
    return NONE;
}

// Starts to write a page, which is about to leave memory, back to where its contents belong.
static void write_back(uint32_t number) {
    struct page *page = &memory.page[number];
    transfer_wait(number);
    if (is_swapped(page) && page->block == 0) page->block = swap_take();
    if (page->kind == PAGE_HELD) object_clean(number);
    page->flags &= (uint8_t)~PAGE_DIRTY;
    transfer_write_behind(number, block_of(page));
}

static void told_removed(uint32_t page, uint32_t slot) {
    if (memory.policy->removed != nullptr) memory.policy->removed(memory.policy_state, page, slot);
}

// Empties a slot.
static void evict(uint32_t slot) {
    const uint32_t number = memory.slot[slot].page;
    struct page *page = &memory.page[number];
    page_unmap(number);
    if (page->flags & PAGE_DIRTY) write_back(number);
    page->flags &= (uint8_t)~PAGE_ACCESSED;
    page->slot = NONE;
    memory.count.evictions++;
    if (page->kind == PAGE_HELD) object_evicted(number);
    told_removed(number, slot);
}

// Pages that the policy wants to have in memory no longer. Their slots stay empty until pages come.
static void give_up(void) {
    if (memory.policy->surplus == nullptr) return;
    uint32_t slot;
    while ((slot = memory.policy->surplus(memory.policy_state)) != NONE) {
        if (!can_go(memory.slot[slot].page)) return;
        evict(slot);
        memory.slot[slot].page = NONE;
        memory.dead[memory.dead_count++] = slot;
    }
}

static void count_peak(void) {
    const uint64_t in_use = memory.used - memory.dead_count;
    if (in_use > memory.count.peak) memory.count.peak = in_use;
}

// A slot for a page that is to come; NONE: no page can leave memory.
static uint32_t slot_take(uint32_t incoming) {
    if (memory.used < memory.slots) {
        const uint32_t slot = memory.used++;
        count_peak();
        return slot;
    }
    if (memory.dead_count != 0) {
        const uint32_t slot = memory.dead[--memory.dead_count], page = memory.slot[slot].page;
        count_peak();
        if (page == NONE) return slot;
        told_removed(page, slot);
        page_number_free(page);
        return slot;
    }
    uint32_t slot = once_take();
    if (slot == NONE || !can_go(memory.slot[slot].page)) slot = choose(incoming);
    if (slot != NONE) evict(slot);
    return slot;
}

// ---- bringing

bool slots_any_free(void) {
    return memory.used < memory.slots || memory.dead_count != 0;
}

bool slots_mostly_free(void) {
    return memory.slots - memory.used + memory.dead_count > memory.slots / 2;
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

// Gives a page that is not in memory a slot. 0 or -ENOMEM.
static int settle(uint32_t number) {
    struct page *page = &memory.page[number];
    memory.count.misses++;
    page_pin(number);
    if (memory.policy->fault != nullptr) memory.policy->fault(memory.policy_state, number);
    give_up();
    const uint32_t slot = slot_take(number);
    page_unpin(number);
    if (slot == NONE) return -ENOMEM;
    if (page->kind == PAGE_HELD) object_brought(number);
    page->slot = slot;
    page->map = NONE;
    memory.slot[slot].page = number;
    if (memory.policy->inserted != nullptr) memory.policy->inserted(memory.policy_state, number, slot);
    return 0;
}

// Ends a read. The page is in memory, or was not to be had.
static int read_over(uint32_t number) {
    struct page *page = &memory.page[number];
    page_unpin(number);
    if (!(page->flags & PAGE_FAILED)) return 0;
    page->flags &= (uint8_t)~PAGE_FAILED;
    page_empty(number);
    return -EIO;
}

// Reads a page that has a slot, and with it pages of the same file that are wanted soon.
static int read_with_others(uint32_t number) {
    uint32_t others[CHUNK_PAGES];
    page_pin(number);
    transfer_read(number, block_of(&memory.page[number]));
    const unsigned count = object_ahead(number, others);
    unsigned read = 0;
    for (; read < count && settle(others[read]) == 0; read++) {
        page_pin(others[read]);
        transfer_read(others[read], block_of(&memory.page[others[read]]));
    }
    for (unsigned i = read; i < count; i++) object_evicted(others[i]);
    transfers_read_finish();
    for (unsigned i = 0; i < read; i++)
        if (read_over(others[i]) == 0) object_filled(others[i]);
    return read_over(number);
}

// Puts a page's contents into its frame.
static int fill_frame(uint32_t number) {
    struct page *page = &memory.page[number];
    if (page->flags & PAGE_WRITING) {
        transfer_rescue(number, page_memory(number));
        return 0;
    }
    const int error = page->flags & PAGE_LOST ? -EIO : is_swapped(page) ? 0 : object_place(number);
    if (error != 0) {
        page_empty(number);
        return error;
    }
    if (page->block == 0) {
        page_zero(page_memory(number));
        return 0;
    }
    const int result = read_with_others(number);
    if (result == 0 && !is_swapped(page)) object_filled(number);
    return result;
}

int page_bring(uint32_t number, enum fill fill) {
    if (memory.page[number].slot != NONE) return 0;
    const int error = settle(number);
    if (error != 0) return error;
    instruction_brought(number);
    if (fill == FILL_CONTENTS) return fill_frame(number);
    memory.page[number].flags &= (uint8_t)~PAGE_LOST;
    return 0;
}
