// SPDX-License-Identifier: MIT
// Moving pages of objects between disk and memory. See object.h.
#include "libos/unix/memory/machine.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/slots.h"
#include "libos/unix/memory/swap.h"
#include "libos/unix/memory/tables.h"
#include <errno.h>
#include <string.h>

uint64_t object_first_block;

// Asks the file system once where a page lies.
static int place(uint32_t number, uint32_t flags) {
    struct page *page = &memory.page[number];
    if ((page->flags & PAGE_PLACED) && (page->block != 0 || !(flags & FS_ALLOCATE))) return 0;
    struct fs_place at;
    const int error = fs_block(page->chunk->object->inode, object_index(page), flags, &at);
    if (error != 0) return error;
    page->block = (uint32_t)at.block;
    page->flags |= PAGE_PLACED | (at.fresh ? PAGE_FRESH : 0);
    return 0;
}

int object_allocate(uint32_t page) {
    return place(page, FS_ALLOCATE);
}

// What lies behind the file's end in its last page is zero, whatever the disk has there.
static void zero_tail(const struct page *page, char *contents) {
    const uint64_t size = page->chunk->object->inode->size;
    if (object_index(page) == size / EXO_PAGE_SIZE)
        memset(contents + size % EXO_PAGE_SIZE, 0, EXO_PAGE_SIZE - size % EXO_PAGE_SIZE);
}

int object_read(uint32_t number) {
    const struct page *page = &memory.page[number];
    const int error = place(number, 0);
    if (error != 0) return error;
    if (page->block == 0) {
        page_zero(page_memory(number));
        return 0;
    }
    memory.count.reads++;
    if (machine_transfer(EXO_RING_READ, frame_of(number), object_first_block + page->block) != EXO_OK) return -EIO;
    zero_tail(page, page_memory(number));
    return 0;
}

int object_write(uint32_t number) {
    memory.count.writes++;
    const uint64_t block = object_first_block + memory.page[number].block;
    if (machine_transfer(EXO_RING_WRITE, frame_of(number), block) != EXO_OK) return -EIO;
    object_clean(number);
    return 0;
}

int object_sync(struct object *object, bool fresh) {
    int error = 0;
    for (struct chunk *chunk = object->dirty, *next; chunk != nullptr; chunk = next) {
        next = chunk->dirty_next;
        for (uint32_t rest = chunk->dirty; rest != 0; rest &= rest - 1) {
            const uint32_t page = chunk->page[__builtin_ctz(rest)];
            if (fresh && !(memory.page[page].flags & PAGE_FRESH)) continue;
            page_write_protect(page);
            const int result = object_write(page);
            if (result != 0) error = result;
        }
    }
    return error;
}

int objects_sync(void) {
    int error = 0;
    for (struct object *object = objects; object != nullptr; object = object->next) {
        const int result = object_sync(object, false);
        if (result != 0) error = result;
    }
    return error;
}
