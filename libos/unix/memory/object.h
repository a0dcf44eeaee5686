// SPDX-License-Identifier: MIT
// Objects: what a mapping or a file operation finds pages in by their number: a file, or a piece of shared memory.
//
// Pages hang in *chunks* of 16 neighbours, found by one hash table over all objects. A file's object exists while the
// cache has pages of it, or did and others still use the file: then `inode->owner` is the object, which holds a
// reference. A page of a file that is evicted keeps its number for a while, so that the policy knows it again; the
// number that was idle longest is taken when one is needed.
//
// Dirty pages of an object are exactly those in the masks of the chunks in its list `dirty`.
#pragma once
#include "libos/unix/disk/filesystem.h"
#include "libos/unix/memory/page.h"

constexpr unsigned CHUNK_PAGES = 16;

struct object;

struct chunk {
    struct object *object;
    uint64_t index; // of its first page, in chunks
    struct chunk *same_hash;
    struct chunk *next, *previous;             // of the object
    struct chunk *dirty_next, *dirty_previous; // while `dirty` is not 0
    uint32_t count;                            // pages that are not NONE, and one while a page is added
    uint16_t dirty;
    uint32_t page[CHUNK_PAGES];
};

struct object {
    struct inode *inode; // null: shared memory
    uint32_t references; // of shared memory
    struct chunk *chunks;
    struct chunk *dirty;
    struct chunk *last;             // the chunk found last
    uint64_t next_read;             // the page that a reader in rising order wants next
    uint32_t in_order;              // pages that it has read so, or more than a chunk
    uint64_t used_end;              // where the last call that read or wrote ended, in bytes
    bool at_random;                 // nothing is read ahead
    uint64_t version;               // 0: what is in it may have changed since object_version was last asked
    struct object *next, *previous; // files' objects
};

[[nodiscard]] bool objects_start(uint32_t pages); // false: no memory

// A file's object. Null: no memory.
struct object *object_of(struct inode *inode);
struct object *object_new(void);            // of shared memory, with one reference
void object_hold(struct object *object);    // and its inode's reference, for a file
void object_release(struct object *object); // likewise

// The page of an index: NONE if there is none yet.
uint32_t object_find(struct object *object, uint64_t index);
// The same, made if there is none. NONE: no memory.
uint32_t object_page(struct object *object, uint64_t index);
// Its chunk, or null.
struct chunk *object_chunk(struct object *object, uint64_t index);
uint64_t object_index(const struct page *page);

// Marks a page as written to; a file's has its block.
void object_dirty(uint32_t page);
void object_clean(uint32_t page);
// A number that no other contents have, of this file or another, as long as the object is the file's. From here on a
// page that is mapped shared must fault before it is written to.
uint64_t object_version(struct object *object);
// Sees to it that a page of a file has a block: -ENOSPC, -EIO, …
[[nodiscard]] int object_allocate(uint32_t page);

// Takes pages from `first` on out, whoever maps them, written or not.
void object_cut(struct object *object, uint64_t first);
// Takes all, and a file's object ends.
void object_forget(struct object *object);

// Ends objects of files that have no pages, and that nobody but the cache uses.
void object_drop(uint32_t idle_page); // and one page before that

// For slots.c: a page has left memory, or comes.
void object_evicted(uint32_t page);
void object_brought(uint32_t page);
// Finds out where a page of a file lies.
[[nodiscard]] int object_place(uint32_t page);
// Pages that are to be read along with one of a file: not in memory, and next to each other on the disk. How many. The
// caller brings each, or says object_evicted.
unsigned object_ahead(uint32_t page, uint32_t others[CHUNK_PAGES]);
void object_filled(uint32_t page); // it was read from its block

// Writes a file's dirty pages, in order of blocks, several at a time; `fresh`: only those whose block was fresh.
[[nodiscard]] int object_sync(struct object *object, bool fresh);
[[nodiscard]] int objects_sync(void);

extern uint64_t object_first_block; // of the file system, on the disk
extern struct object *objects;      // of files, the one last asked for first
