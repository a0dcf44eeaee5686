// SPDX-License-Identifier: MIT
// A ring of page numbers, the oldest first. What is in it may have become untrue: it is checked when it is taken out.
// See once.h.
#include "libos/unix/memory/once.h"
#include "libos/unix/memory/machine.h"
#include "libos/unix/memory/object.h"

static struct {
    uint32_t *page;
    uint32_t size, first, count;
} ring;

bool once_start(uint32_t slots) {
    ring.page = machine_memory(slots * sizeof *ring.page);
    ring.size = slots;
    ring.first = ring.count = 0;
    return ring.page != nullptr;
}

static uint32_t oldest(void) {
    const uint32_t page = ring.page[ring.first];
    ring.first = ring.first + 1 == ring.size ? 0 : ring.first + 1;
    ring.count--;
    return page;
}

// When the ring is full its oldest page becomes the policy's alone.
static void add(uint32_t page) {
    if (ring.count == ring.size) (void)oldest();
    const uint32_t at = ring.first + ring.count++;
    ring.page[at < ring.size ? at : at - ring.size] = page;
}

void once_count(uint32_t number, uint32_t offset, uint32_t bytes, bool writes) {
    struct page *page = &memory.page[number];
    struct object *object = page->chunk->object;
    const uint64_t at = object_index(page) * EXO_PAGE_SIZE + offset;
    const bool goes_on = offset != 0 && at == object->used_end, overwrites = writes && bytes == EXO_PAGE_SIZE;
    if (page->use == USE_NONE) {
        page->use = USE_ONCE;
        if (!(page->flags & PAGE_DIRTY)) add(number);
    } else if (!goes_on && !overwrites) {
        page->use = USE_AGAIN;
        page->flags |= PAGE_ACCESSED;
    }
    object->used_end = at + bytes;
}

void once_written(uint32_t page) {
    if (memory.page[page].use == USE_ONCE) add(page);
}

static bool may_leave(const struct page *page) {
    return page->kind == PAGE_HELD && page->use == USE_ONCE && page->slot != NONE && page->map == NONE
           && page->pins == 0 && !(page->flags & (PAGE_DIRTY | PAGE_WRITING));
}

uint32_t once_take(void) {
    while (ring.count != 0) {
        const struct page *page = &memory.page[oldest()];
        if (may_leave(page)) return page->slot;
    }
    return NONE;
}
