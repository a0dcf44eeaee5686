// SPDX-License-Identifier: MIT
// Moving pages of objects between disk and memory. See object.h.
#include "libos/unix/memory/machine.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/slots.h"
#include "libos/unix/memory/tables.h"
#include "libos/unix/memory/transfer.h"
#include <errno.h>
#include <string.h>

constexpr unsigned AHEAD_SHARE = 16; // of memory has a reader at most to be read ahead
constexpr unsigned SYNC_BATCH = 256; // pages that are put in order at a time

uint64_t object_first_block;

// Notes what the file system says of a page, and of those behind it in its chunk that lie in the same run.
static void place_run(struct page *page, const struct fs_place *at) {
    const struct chunk *chunk = page->chunk;
    for (uint32_t i = page->index, k = 0; i < CHUNK_PAGES && k < at->run; i++, k++) {
        if (chunk->page[i] == NONE) continue;
        struct page *each = &memory.page[chunk->page[i]];
        if (each->flags & PAGE_PLACED) continue;
        each->block = at->block == 0 ? 0 : (uint32_t)(at->block + k);
        each->flags |= PAGE_PLACED;
    }
}

int object_place(uint32_t number) {
    struct page *page = &memory.page[number];
    if (page->flags & PAGE_PLACED) return 0;
    struct fs_place at;
    const int error = fs_block(page->chunk->object->inode, object_index(page), 0, &at);
    if (error == 0) place_run(page, &at);
    return error;
}

int object_allocate(uint32_t number) {
    struct page *page = &memory.page[number];
    if ((page->flags & PAGE_PLACED) && page->block != 0) return 0;
    struct fs_place at;
    const int error = fs_block(page->chunk->object->inode, object_index(page), FS_ALLOCATE, &at);
    if (error != 0) return error;
    page->block = (uint32_t)at.block;
    page->flags |= PAGE_PLACED | (at.fresh ? PAGE_FRESH : 0);
    return 0;
}

// What lies behind the file's end in its last page is zero, whatever the disk has there.
void object_filled(uint32_t number) {
    const struct page *page = &memory.page[number];
    const uint64_t size = page->chunk->object->inode->size;
    if (object_index(page) == size / EXO_PAGE_SIZE)
        memset(page_memory(number) + size % EXO_PAGE_SIZE, 0, EXO_PAGE_SIZE - size % EXO_PAGE_SIZE);
}

// While most frames are free, the pages up to the end of the chunk are read along with any page. After that a reader in
// rising order has as many read ahead as it has shown that it reads in order, to the end of the chunk and as far as
// that takes no more than a part of memory; others have none.
unsigned object_ahead(uint32_t number, uint32_t others[CHUNK_PAGES]) {
    const struct page *page = &memory.page[number];
    if (page->kind != PAGE_HELD || page->chunk->object->inode == nullptr) return 0;
    struct object *object = page->chunk->object;
    if (object->at_random) return 0;
    const uint64_t index = object_index(page), pages = (object->inode->size + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE;
    if (index != object->next_read) object->in_order = 0;
    unsigned most = CHUNK_PAGES - 1 - page->index, count = 0;
    if (most > object->in_order && !slots_mostly_free()) most = object->in_order;
    if (most > memory.slots / AHEAD_SHARE) most = memory.slots / AHEAD_SHARE;
    while (count < most && index + count + 1 < pages) {
        const uint32_t other = object_page(object, index + count + 1);
        if (other == NONE || page_resident(other) || (memory.page[other].flags & (PAGE_WRITING | PAGE_LOST))) break;
        if (object_place(other) != 0 || memory.page[other].block != page->block + count + 1) break;
        object_brought(other); // its number is not to be taken meanwhile
        others[count++] = other;
    }
    object->next_read = index + count + 1;
    if (object->in_order < CHUNK_PAGES) object->in_order += count + 1;
    return count;
}

// ---- writing

// Dirty pages, to be sorted by their blocks.
struct batch {
    uint32_t count;
    uint32_t page[SYNC_BATCH];
};

static void batch_write(struct batch *batch) {
    uint32_t *page = batch->page;
    for (uint32_t i = 1; i < batch->count; i++) {
        const uint32_t moved = page[i];
        uint32_t at = i;
        for (; at > 0 && memory.page[page[at - 1]].block > memory.page[moved].block; at--) page[at] = page[at - 1];
        page[at] = moved;
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        transfer_wait(page[i]);
        page_write_protect(page[i]);
        object_clean(page[i]);
        transfer_write_in_place(page[i], object_first_block + memory.page[page[i]].block);
    }
    batch->count = 0;
}

static void write_dirty(struct object *object, bool fresh) {
    struct batch batch = {.count = 0};
    for (const struct chunk *chunk = object->dirty, *next; chunk != nullptr; chunk = next) {
        next = chunk->dirty_next;
        if (batch.count + CHUNK_PAGES > SYNC_BATCH) batch_write(&batch);
        for (uint32_t rest = chunk->dirty; rest != 0; rest &= rest - 1) {
            const uint32_t page = chunk->page[__builtin_ctz(rest)];
            if (!fresh || (memory.page[page].flags & PAGE_FRESH)) batch.page[batch.count++] = page;
        }
    }
    batch_write(&batch);
}

int object_sync(struct object *object, bool fresh) {
    write_dirty(object, fresh);
    return transfers_write_finish();
}

int objects_sync(void) {
    for (struct object *object = objects; object != nullptr; object = object->next) write_dirty(object, false);
    return transfers_write_finish();
}
