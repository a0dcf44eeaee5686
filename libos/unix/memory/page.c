// SPDX-License-Identifier: MIT
// Numbers of pages: handing them out and taking them back. See page.h.
#include "libos/unix/memory/page.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/swap.h"
#include "libos/unix/memory/transfer.h"

struct memory memory;

void page_number_free(uint32_t page) {
    memory.page[page] = (struct page){.slot = NONE, .next = NONE};
    if (memory.free_last == NONE)
        memory.free_first = page;
    else
        memory.page[memory.free_last].next = page;
    memory.free_last = page;
}

void pages_start(void) {
    memory.free_first = memory.free_last = memory.idle_first = memory.idle_last = NONE;
    memory.page[PAGE_ZERO] = (struct page){.slot = NONE, .kind = PAGE_PRIVATE, .references = 1};
    for (uint32_t page = PAGE_ZERO + 1; page < memory.page_count; page++) page_number_free(page);
}

uint32_t page_number_take(void) {
    if (memory.free_first == NONE && memory.idle_first != NONE) object_drop(memory.idle_first);
    const uint32_t page = memory.free_first;
    if (page == NONE) return NONE;
    memory.free_first = memory.page[page].next;
    if (memory.free_first == NONE) memory.free_last = NONE;
    return page;
}

// The bound is what makes every page evictable: see swap.h.
uint32_t page_new_private(void) {
    if (memory.private_count >= memory.private_most) return NONE;
    const uint32_t page = page_number_take();
    if (page == NONE) return NONE;
    memory.private_count++;
    memory.page[page] = (struct page){.slot = NONE, .map = NONE, .references = 1, .kind = PAGE_PRIVATE};
    return page;
}

uint32_t page_new_held(struct chunk *chunk, uint8_t index) {
    const bool swaps = chunk->object->inode == nullptr;
    if (swaps && memory.private_count >= memory.private_most) return NONE;
    const uint32_t page = page_number_take();
    if (page == NONE) return NONE;
    memory.private_count += swaps;
    memory.page[page] = (struct page){.slot = NONE, .map = NONE, .kind = PAGE_HELD, .chunk = chunk, .index = index};
    return page;
}

void page_release(uint32_t page) {
    if (--memory.page[page].references == 0) page_end(page);
}

void page_end(uint32_t number) {
    struct page *page = &memory.page[number];
    transfer_wait(number); // its block may be another's at once
    if (page->kind == PAGE_PRIVATE || page->chunk->object->inode == nullptr) {
        if (page->block != 0) swap_free(page->block);
        memory.private_count--;
    }
    if (page->slot == NONE) {
        page_number_free(number);
        return;
    }
    page->kind = PAGE_DEAD;
    page->flags = 0;
    page->block = 0;
    page->chunk = nullptr;
    memory.dead[memory.dead_count++] = page->slot;
}
