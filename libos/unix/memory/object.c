// SPDX-License-Identifier: MIT
// Objects and their chunks. See object.h; contents are moved in object_io.c.
#include "libos/unix/memory/object.h"
#include "libos/core/heap.h"
#include "libos/unix/files/file.h"
#include "libos/unix/memory/machine.h"
#include "libos/unix/memory/slots.h"
#include "libos/unix/memory/tables.h"

// Files that the cache holds on to. Past OBJECTS_MOST, those that nobody uses go, down to OBJECTS_KEPT.
constexpr uint32_t OBJECTS_MOST = 256, OBJECTS_KEPT = 192;

struct object *objects;
static struct object *last_object;
static uint32_t object_count;

static struct chunk **hash;
static uint64_t hash_mask;

bool objects_start(uint32_t pages) {
    uint64_t size = 64;
    while (size < pages / CHUNK_PAGES * 2) size *= 2;
    hash = machine_memory(size * sizeof *hash);
    hash_mask = size - 1;
    objects = last_object = nullptr;
    object_count = 0;
    return hash != nullptr;
}

static struct chunk **hash_place(const struct object *object, uint64_t index) {
    const uint64_t key = ((uint64_t)object >> 4) * 0x9e37'79b9'7f4a'7c15u + index * 0xff51'afd7'ed55'8ccdu;
    return &hash[key >> 32 & hash_mask];
}

static void link_first(struct object *object) {
    object->previous = nullptr;
    object->next = objects;
    if (objects != nullptr)
        objects->previous = object;
    else
        last_object = object;
    objects = object;
}

static void unlink(struct object *object) {
    if (object->next != nullptr)
        object->next->previous = object->previous;
    else
        last_object = object->previous;
    if (object->previous != nullptr)
        object->previous->next = object->next;
    else
        objects = object->next;
}

// Lets files go that only the cache uses, the one longest not asked for first: each keeps an inode in memory.
static void trim(void) {
    struct object *previous;
    for (struct object *each = last_object; each != nullptr && object_count > OBJECTS_KEPT; each = previous) {
        previous = each->previous;
        if (each->inode->references != 1 || (each->dirty != nullptr && object_sync(each, false) != 0)) continue;
        object_forget(each);
    }
}

struct object *object_of(struct inode *inode) {
    struct object *known = inode->owner;
    if (known != nullptr) {
        if (known == objects) return known;
        unlink(known);
        link_first(known);
        return known;
    }
    if (object_count >= OBJECTS_MOST) trim();
    struct object *object = heap_allocate_zeroed(sizeof *object);
    if (object == nullptr) return nullptr;
    object->inode = fs_hold(inode);
    link_first(object);
    object_count++;
    inode->owner = object;
    return object;
}

struct object *object_new(void) {
    struct object *object = heap_allocate_zeroed(sizeof *object);
    if (object != nullptr) object->references = 1;
    return object;
}

void object_hold(struct object *object) {
    if (object->inode != nullptr)
        (void)inode_hold(object->inode);
    else
        object->references++;
}

void object_release(struct object *object) {
    if (object->inode != nullptr)
        inode_release(object->inode);
    else if (--object->references == 0)
        object_forget(object);
}

// ---- chunks

struct chunk *object_chunk(struct object *object, uint64_t index) {
    const uint64_t at = index / CHUNK_PAGES;
    if (object->last != nullptr && object->last->index == at) return object->last;
    struct chunk *chunk = *hash_place(object, at);
    while (chunk != nullptr && (chunk->object != object || chunk->index != at)) chunk = chunk->same_hash;
    if (chunk != nullptr) object->last = chunk;
    return chunk;
}

static struct chunk *chunk_new(struct object *object, uint64_t at) {
    struct chunk *chunk = heap_allocate_zeroed(sizeof *chunk);
    if (chunk == nullptr) return nullptr;
    struct chunk **place = hash_place(object, at);
    chunk->object = object;
    chunk->index = at;
    chunk->same_hash = *place;
    *place = chunk;
    chunk->next = object->chunks;
    if (object->chunks != nullptr) object->chunks->previous = chunk;
    object->chunks = chunk;
    for (unsigned i = 0; i < CHUNK_PAGES; i++) chunk->page[i] = NONE;
    return object->last = chunk;
}

static void chunk_free(struct chunk *chunk) {
    struct object *object = chunk->object;
    struct chunk **place = hash_place(object, chunk->index);
    while (*place != chunk) place = &(*place)->same_hash;
    *place = chunk->same_hash;
    if (chunk->next != nullptr) chunk->next->previous = chunk->previous;
    if (chunk->previous != nullptr)
        chunk->previous->next = chunk->next;
    else
        object->chunks = chunk->next;
    if (object->last == chunk) object->last = nullptr;
    heap_release(chunk);
}

uint32_t object_find(struct object *object, uint64_t index) {
    const struct chunk *chunk = object_chunk(object, index);
    return chunk == nullptr ? NONE : chunk->page[index % CHUNK_PAGES];
}

uint32_t object_page(struct object *object, uint64_t index) {
    struct chunk *chunk = object_chunk(object, index);
    const uint8_t at = index % CHUNK_PAGES;
    if (chunk != nullptr && chunk->page[at] != NONE) return chunk->page[at];
    if (chunk == nullptr && (chunk = chunk_new(object, index / CHUNK_PAGES)) == nullptr) return NONE;
    chunk->count++; // before a number is taken, perhaps from an idle page of this very chunk
    const uint32_t page = page_new_held(chunk, at);
    if (page != NONE) {
        chunk->page[at] = page;
        object_evicted(page);
    } else if (--chunk->count == 0)
        chunk_free(chunk);
    return page;
}

uint64_t object_index(const struct page *page) {
    return page->chunk->index * CHUNK_PAGES + page->index;
}

// ---- dirty pages

void object_dirty(uint32_t number) {
    struct page *page = &memory.page[number];
    page->flags |= PAGE_DIRTY;
    struct chunk *chunk = page->chunk;
    chunk->object->version = 0;
    if (chunk->dirty == 0) {
        struct object *object = chunk->object;
        chunk->dirty_previous = nullptr;
        chunk->dirty_next = object->dirty;
        if (object->dirty != nullptr) object->dirty->dirty_previous = chunk;
        object->dirty = chunk;
    }
    chunk->dirty |= (uint16_t)(1u << page->index);
}

void object_clean(uint32_t number) {
    struct page *page = &memory.page[number];
    struct chunk *chunk = page->chunk;
    page->flags &= (uint8_t)~(PAGE_DIRTY | PAGE_FRESH);
    if (chunk->dirty == 0) return;
    chunk->dirty &= (uint16_t)~(1u << page->index);
    if (chunk->dirty != 0) return;
    if (chunk->dirty_next != nullptr) chunk->dirty_next->dirty_previous = chunk->dirty_previous;
    if (chunk->dirty_previous != nullptr)
        chunk->dirty_previous->dirty_next = chunk->dirty_next;
    else
        chunk->object->dirty = chunk->dirty_next;
}

uint64_t object_version(struct object *object) {
    static uint64_t last;
    if (object->version != 0) return object->version;
    for (const struct chunk *chunk = object->dirty; chunk != nullptr; chunk = chunk->dirty_next)
        for (uint32_t rest = chunk->dirty; rest != 0; rest &= rest - 1)
            page_write_protect(chunk->page[__builtin_ctz(rest)]);
    return object->version = ++last;
}

// ---- numbers of pages that are not in memory

void object_evicted(uint32_t number) {
    struct page *page = &memory.page[number];
    if (page->chunk->object->inode == nullptr) return;
    page->flags |= PAGE_IDLE;
    page->next = NONE;
    page->previous = memory.idle_last;
    if (memory.idle_last == NONE)
        memory.idle_first = number;
    else
        memory.page[memory.idle_last].next = number;
    memory.idle_last = number;
}

void object_brought(uint32_t number) {
    struct page *page = &memory.page[number];
    if (!(page->flags & PAGE_IDLE)) return;
    page->flags &= (uint8_t)~PAGE_IDLE;
    if (page->previous == NONE)
        memory.idle_first = page->next;
    else
        memory.page[page->previous].next = page->next;
    if (page->next == NONE)
        memory.idle_last = page->previous;
    else
        memory.page[page->next].previous = page->previous;
}

// ---- ends

static void object_end(struct object *object) {
    struct inode *inode = object->inode;
    if (inode != nullptr) {
        unlink(object);
        object_count--;
        inode->owner = nullptr;
    }
    heap_release(object);
    if (inode != nullptr) fs_release(inode);
}

// Takes one page out. Its chunk goes with the last one.
static void page_cut(struct chunk *chunk, unsigned at) {
    const uint32_t number = chunk->page[at];
    if (page_resident(number)) page_unmap(number);
    object_brought(number);
    object_clean(number);
    chunk->page[at] = NONE;
    page_end(number);
    if (--chunk->count == 0) chunk_free(chunk);
}

void object_drop(uint32_t number) {
    struct chunk *chunk = memory.page[number].chunk;
    struct object *object = chunk->object;
    page_cut(chunk, memory.page[number].index);
    if (object->chunks == nullptr && object->inode->references == 1) object_end(object);
}

void object_cut(struct object *object, uint64_t first) {
    struct chunk *next;
    for (struct chunk *chunk = object->chunks; chunk != nullptr; chunk = next) {
        next = chunk->next;
        const uint64_t base = chunk->index * CHUNK_PAGES;
        if (base + CHUNK_PAGES <= first) continue;
        chunk->count++; // not to be freed within the loop
        for (unsigned at = base >= first ? 0 : (unsigned)(first - base); at < CHUNK_PAGES; at++)
            if (chunk->page[at] != NONE) page_cut(chunk, at);
        if (--chunk->count == 0) chunk_free(chunk);
    }
}

void object_forget(struct object *object) {
    object_cut(object, 0);
    object_end(object);
}
