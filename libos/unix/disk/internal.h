// SPDX-License-Identifier: MIT
// What the parts of the file system need of one another.
//
//   names.c rename.c attributes.c contents.c      what filesystem.h offers, as operations
//   directory.c inodes.c orphans.c map.c space.c  the format: entries, inodes, extent trees, bitmaps and groups
//   library.c                                     libext2fs, on top of the cache
//   operation.c journal.c replay.c                transactions, the journal, what is done with it after a crash
//   cache.c heap.c                                bounded memory
//
// An *operation* lies between operation_begin and operation_end and changes blocks of the cache. Only operation_begin
// commits, so a transaction has whole operations. It also makes sure that there is room (blocks on the disk, blocks of
// the cache, heap) for all that one operation can need: what fails later is a failing disk or damaged contents, and
// that stops the file system (fs_stop), so that half an operation is never committed.
#pragma once
#include "libos/unix/disk/filesystem.h"
#include <errno.h>
#include <sys/stat.h>
#include <ext2fs/ext2fs.h>

constexpr uint64_t NO_BLOCK = UINT64_MAX;
constexpr uint32_t OPERATION_BLOCKS = 48; // that one operation changes, at most
constexpr uint32_t CACHE_HELD = 24;       // a block stays in the cache while this many others are asked for

// ---- cache.c: blocks in memory.

enum block_state : uint8_t {
    BLOCK_CLEAN,  // as on the disk, or unused; may be replaced
    BLOCK_DIRTY,  // changed by the running transaction
    BLOCK_LOGGED, // committed to the journal, not yet written home
};

struct block {
    uint64_t number; // NO_BLOCK: unused
    void *memory;
    struct block *hash_next;
    struct block *previous, *next; // in the list of its state; the clean ones in the order of their use
    enum block_state state;
    bool logged; // an older version of it is in the journal, and not yet written home
};

struct block_list {
    struct block *first, *last;
    uint32_t count;
};

struct cache {
    struct block *blocks;
    struct block **hash;
    uint32_t count, hash_mask;
    struct block_list lists[3]; // by state
};

[[nodiscard]] int cache_init(struct filesystem *fs, void *memory, uint32_t count);
// The block's contents; valid until CACHE_HELD other blocks have been asked for, and as long as it is not clean.
// Null: the disk failed, or no block of the cache is left; the file system is stopped if an operation runs.
[[nodiscard]] struct block *block_get(struct filesystem *fs, uint64_t number);
// The same for a block that was just taken: all zeros, nothing is read.
[[nodiscard]] struct block *block_new(struct filesystem *fs, uint64_t number);
void block_dirty(struct filesystem *fs, struct block *block);
void block_move(struct filesystem *fs, struct block *block, enum block_state state); // journal.c
struct block *block_find(struct filesystem *fs, uint64_t number);                    // null: not in the cache
// The block was freed: what the cache has of it must never be written again. True: older contents are in the journal.
bool block_drop(struct filesystem *fs, uint64_t number);

// ---- heap.c: memory for everything else; what libext2fs calls malloc. One heap: one file system is mounted at a time.

void heap_start(void *memory, size_t bytes);
void *fs_heap_malloc(size_t bytes);
void *fs_heap_calloc(size_t count, size_t bytes);
void *fs_heap_realloc(void *memory, size_t bytes);
void fs_heap_free(void *memory);
bool heap_prime(size_t bytes, unsigned count); // so many pieces of this size are there from now on

// ---- journal.c, replay.c

struct journal_run {
    uint32_t first, count; // blocks of the journal
    uint64_t block;        // of the disk
};

constexpr uint32_t JOURNAL_VECTOR = 64, JOURNAL_SCRATCH = 8;

struct journal {
    struct journal_run *runs;
    uint32_t run_count;
    uint32_t length, first; // blocks; the first that holds log
    uint32_t head, free;    // where the next transaction goes; blocks that may be written
    uint32_t sequence;      // of the running transaction
    uint32_t most;          // blocks a transaction may have
    void *superblock;       // a page
    void *scratch[JOURNAL_SCRATCH];
    uint32_t scratch_used;
    void *vector[JOURNAL_VECTOR]; // to be written in a row from `vector_block` on
    uint32_t vector_count;
    uint64_t vector_block;
    uint64_t *revoked; // freed by the running transaction, with older contents in the journal; as many as the cache
    uint32_t revoked_count;
};

[[nodiscard]] int journal_open(struct filesystem *fs); // finds it by its inode; nothing is written
[[nodiscard]] int journal_replay(struct filesystem *fs);
[[nodiscard]] int journal_start(struct filesystem *fs); // an empty log from now on
[[nodiscard]] int journal_finish(struct filesystem *fs);
// Writes the dirty blocks as one transaction, and waits until it is on the disk.
[[nodiscard]] int journal_commit(struct filesystem *fs);
[[nodiscard]] int journal_checkpoint(struct filesystem *fs); // writes logged blocks home; nothing may be dirty
uint64_t journal_block(const struct journal *journal, uint32_t index, uint32_t *run); // of the disk
// The journal's superblock to the disk, with its dynamic fields; `start` 0: the log is empty.
[[nodiscard]] int journal_write_superblock(struct filesystem *fs, uint32_t start);

// ---- inodes.c: inodes in memory

struct node {
    struct inode inode; // first, so that one is the other
    struct ext2_inode_large raw;
    struct node *hash_next;
    struct node *previous, *next;               // unreferenced ones, in the order of their use
    struct node *dirty_next, *fresh_next;       // of the running transaction
    struct node *orphan_previous, *orphan_next; // the list on the disk is in this order
    struct block *table;                        // while dirty: where it goes
    uint32_t table_offset;
    uint32_t changed_in, contents_in, fresh_in; // sequence of the last transaction that did
    bool orphan, freed;
    uint64_t run_index, run_block, run_count; // a piece of its map: what was found last; count 0: nothing
    uint64_t listed;    // directories: where an entry begins, since the last change; 0: nothing is known
    struct absent *absent; // directories (absent.c)
    // Directories: before this place there is no room for an entry of room_for bytes; an entry begins there.
    uint64_t room_from; // block
    uint32_t room_offset, room_for;
};

static inline struct node *node_of(struct inode *inode) {
    return (struct node *)inode;
}
static inline struct ext2_inode *node_raw(struct node *node) {
    return (struct ext2_inode *)&node->raw;
}

[[nodiscard]] int node_get(struct filesystem *fs, uint32_t number, struct node **found); // with a reference
void node_release(struct node *node); // a reference less, nothing else
// In an operation: the inode goes to the disk with this transaction. `contents`: more than its times.
void node_change(struct node *node, bool contents);
void node_sectors(struct node *node); // takes over what libext2fs counted
// In an operation: a new inode with one reference and no links.
[[nodiscard]] int node_make(struct filesystem *fs, struct node *parent, const struct fs_new *as, struct node **made);
void nodes_encode(struct filesystem *fs);    // before a commit: dirty inodes into their blocks
bool node_forget_one(struct filesystem *fs); // an unreferenced one; false: none
void node_free(struct node *node);           // in an operation: gives its number back; it has no blocks

// ---- orphans.c: inodes that a crash would leave without a name, or longer than they should be

void orphan_add(struct node *node);
void orphan_remove(struct node *node);
// Frees what lies past the size, and the whole inode if it has no links, in as many operations as it takes.
[[nodiscard]] int orphan_finish(struct node *node);
[[nodiscard]] int orphan_cut(struct node *node); // frees what lies past the size, and no more
[[nodiscard]] int orphans_recover(struct filesystem *fs);
bool node_is_small(const struct node *node); // all its blocks can be freed in one operation
void node_destroy(struct node *node);        // does that, in an operation, and gives its number back
void node_unlinked(struct node *node);       // names.c: in an operation, after its links were counted down

// ---- map.c: which block holds which page of a file

struct map_run {
    uint64_t block; // 0: hole
    uint64_t count;
    bool unwritten; // has a block, but reads as zeros: as a hole with block 0 for readers
};

[[nodiscard]] int map_find(struct node *node, uint64_t index, struct map_run *run);
// In an operation: blocks in a row for pages in a row that are holes.
[[nodiscard]] int map_add(struct node *node, uint64_t index, uint64_t block, uint64_t count);
// In an operation: frees blocks from the end backwards, down to page `from`; bounded. *more: call again.
[[nodiscard]] int map_cut(struct node *node, uint64_t from, bool *more);
// In an operation: frees one page's block.
[[nodiscard]] int map_punch(struct node *node, uint64_t index);
bool node_has_map(const struct node *node); // its i_block is an extent tree

// ---- space.c: free blocks and inodes

struct range {
    uint64_t first, count;
};

constexpr uint32_t PENDING_MOST = 2048;

struct space {
    struct range *pending; // freed by the running transaction: to be used again after its commit only
    uint32_t pending_count;
    uint64_t pending_blocks;
    uint8_t *groups; // GROUP_ bits
    uint64_t last;   // that was taken
    bool dirty;
};

[[nodiscard]] int space_init(struct filesystem *fs);
uint64_t space_left(const struct filesystem *fs); // blocks that can be taken now
// A free run near `goal`, of at most `want` blocks; it is not taken yet.
[[nodiscard]] int space_find(struct filesystem *fs, uint64_t goal, uint64_t want, struct range *found);
void space_take(struct filesystem *fs, uint64_t first, uint64_t count);
void space_free(struct filesystem *fs, uint64_t first, uint64_t count);
void space_inode(struct filesystem *fs, uint32_t number, int change, bool directory);
void space_super_changed(struct filesystem *fs);
void space_encode(
    struct filesystem *fs); // before a commit: bitmaps, group descriptors and superblock into their blocks
bool space_is_used(const struct filesystem *fs, uint64_t block);

// ---- directory.c

struct place {       // of an entry
    uint64_t number; // the block
    uint32_t page;   // of the directory
    uint32_t offset;
    uint32_t inode;
    uint8_t type;
};

[[nodiscard]] int entry_find(struct node *directory, const char *name, size_t length, struct place *place);
// In an operation that has room for one more block.
// How many blocks an operation is to ask for that adds a name: 0 if there is room, so that it can be done on a full
// disk.
uint64_t directory_blocks(struct node *directory, size_t length);
[[nodiscard]] int directory_add(struct node *directory, const char *name, size_t length, uint32_t inode, uint32_t mode);
[[nodiscard]] int directory_remove(struct node *directory, const struct place *place);
[[nodiscard]] int directory_set(struct node *directory, const struct place *place, uint32_t inode, uint32_t mode);
[[nodiscard]] int directory_start(struct node *directory, uint32_t parent); // "." and ".."
[[nodiscard]] int directory_is_empty(struct node *directory);               // 1, 0 or an error
uint8_t type_of_mode(uint32_t mode);                                        // EXT2_FT_

// ---- known.c: entries that were asked for lately

[[nodiscard]] int known_init(struct filesystem *fs);
void known_forget(struct filesystem *fs); // all of them
bool known_find(const struct node *directory, const char *name, size_t length, struct place *place);
// Place inode 0: the name is absent.
void known_put(const struct node *directory, const char *name, size_t length, const struct place *place);

// ---- absent.c: names that a directory surely doesn't have

void absent_start(struct node *directory, uint32_t names); // about so many names will be added
void absent_add(struct node *directory, const char *name, size_t length);
bool absent_is(const struct node *directory, const char *name, size_t length);
void absent_forget(struct node *directory);

// ---- operation.c

// Starts an operation that takes up to `blocks` blocks for contents or directories (those for maps are included).
[[nodiscard]] int operation_begin(struct filesystem *fs, uint64_t blocks);
[[nodiscard]] int operation_end(struct filesystem *fs, int result); // the result, or -EIO if it was stopped meanwhile
[[nodiscard]] int transaction_commit(struct filesystem *fs);        // whatever operations there were
void fs_stop(struct filesystem *fs, int error, const char *why);    // from now on nothing is written
void fs_refuse(const char *why);                                    // what fs_reason says
[[nodiscard]] bool name_is_bad(size_t length, int *error);

// ---- library.c

[[nodiscard]] int library_open(struct filesystem *fs);
void library_close(struct filesystem *fs);
int library_error(errcode_t error); // as a negative errno value

struct filesystem {
    struct fs_options options;
    struct fs_disk *disk;
    ext2_filsys library;
    struct struct_io_channel channel;
    struct cache cache;
    struct journal journal;
    struct space space;
    struct known *known; // known.c
    struct node **nodes; // hash
    uint32_t nodes_mask;
    struct node *unused_first, *unused_last; // without references, longest unused first
    uint32_t unused_count;
    struct node *dirty, *fresh, *orphans;
    struct node *root;
    bool operating, stopped, writable;
    int error; // of the running operation
    struct fs_statistics statistics;
};

static inline uint64_t fs_now(struct filesystem *fs) {
    return fs->options.hooks.now(fs->options.context);
}
