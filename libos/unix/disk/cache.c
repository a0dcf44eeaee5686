// SPDX-License-Identifier: MIT
// The cache of blocks: directories, inode tables, maps and bitmaps; never a file's contents.
//
// Every entry is in the list of its state. Only clean ones are replaced, the longest unused first. Dirty and logged
// ones leave their state by a commit, a checkpoint, or because the block was freed; operation.c commits early enough
// that CACHE_HELD clean ones are always left.
#include "libos/unix/disk/internal.h"

static void list_remove(struct block_list *list, struct block *block) {
    *(block->previous ? &block->previous->next : &list->first) = block->next;
    *(block->next ? &block->next->previous : &list->last) = block->previous;
    list->count--;
}

static void list_append(struct block_list *list, struct block *block) {
    block->previous = list->last;
    block->next = nullptr;
    *(list->last ? &list->last->next : &list->first) = block;
    list->last = block;
    list->count++;
}

static struct block **bucket(struct cache *cache, uint64_t number) {
    return &cache->hash[(number * 0x9e3779b97f4a7c15 >> 32) & cache->hash_mask];
}

static void unhash(struct cache *cache, struct block *block) {
    if (block->number == NO_BLOCK) return;
    struct block **link = bucket(cache, block->number);
    while (*link != block) link = &(*link)->hash_next;
    *link = block->hash_next;
    block->number = NO_BLOCK;
}

int cache_init(struct filesystem *fs, void *memory, uint32_t count) {
    struct cache *cache = &fs->cache;
    uint32_t buckets = 64;
    while (buckets < count) buckets *= 2;
    cache->blocks = fs_heap_calloc(count, sizeof *cache->blocks);
    cache->hash = fs_heap_calloc(buckets, sizeof *cache->hash);
    if (!cache->blocks || !cache->hash) return -ENOMEM;
    cache->count = count;
    cache->hash_mask = buckets - 1;
    for (uint32_t i = 0; i < count; i++) {
        cache->blocks[i].number = NO_BLOCK;
        cache->blocks[i].memory = (char *)memory + (size_t)i * FS_BLOCK;
        list_append(&cache->lists[BLOCK_CLEAN], &cache->blocks[i]);
    }
    return 0;
}

void block_move(struct filesystem *fs, struct block *block, enum block_state state) {
    list_remove(&fs->cache.lists[block->state], block);
    block->state = state;
    list_append(&fs->cache.lists[state], block);
}

struct block *block_find(struct filesystem *fs, uint64_t number) {
    struct block *block = *bucket(&fs->cache, number);
    while (block && block->number != number) block = block->hash_next;
    return block;
}

// The longest unused clean entry, for a block that is in none.
static struct block *replace(struct filesystem *fs, uint64_t number) {
    struct cache *cache = &fs->cache;
    struct block *block = cache->lists[BLOCK_CLEAN].first;
    if (!block || number >= fs->disk->blocks) {
        fs_stop(fs, block ? -EUCLEAN : -ENOMEM, "a block was asked for that the disk or the cache has no room for");
        return nullptr;
    }
    unhash(cache, block);
    return block;
}

static void enter(struct filesystem *fs, struct block *block, uint64_t number) {
    struct block **link = bucket(&fs->cache, number);
    block->number = number;
    block->logged = false;
    block->hash_next = *link;
    *link = block;
    block_move(fs, block, BLOCK_CLEAN);
}

struct block *block_get(struct filesystem *fs, uint64_t number) {
    struct block *block = block_find(fs, number);
    if (block) {
        if (block->state == BLOCK_CLEAN && block->next) block_move(fs, block, BLOCK_CLEAN);
        return block;
    }
    block = replace(fs, number);
    if (!block) return nullptr;
    fs->statistics.cache_misses++;
    fs->statistics.reads++;
    if (fs->disk->read(fs->disk, number, block->memory)) {
        fs_stop(fs, -EIO, "the disk failed to read");
        return nullptr;
    }
    enter(fs, block, number);
    return block;
}

struct block *block_new(struct filesystem *fs, uint64_t number) {
    struct block *block = block_find(fs, number);
    if (!block) {
        block = replace(fs, number);
        if (!block) return nullptr;
        enter(fs, block, number);
    }
    memset(block->memory, 0, FS_BLOCK);
    return block;
}

void block_dirty(struct filesystem *fs, struct block *block) {
    if (block->state != BLOCK_DIRTY) block_move(fs, block, BLOCK_DIRTY);
}

bool block_drop(struct filesystem *fs, uint64_t number) {
    struct block *block = block_find(fs, number);
    if (!block) return false;
    const bool logged = block->logged;
    block_move(fs, block, BLOCK_CLEAN);
    unhash(&fs->cache, block);
    block->logged = false;
    return logged;
}
