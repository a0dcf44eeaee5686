// SPDX-License-Identifier: MIT
// Mounting and unmounting.
#include "libos/unix/disk/internal.h"

constexpr size_t HEAP_FIXED = 448 << 10; // the cache's tables and what libext2fs needs, whatever the disk's size
constexpr size_t HEAP_PER_INODE = 1024;

size_t fs_heap_least(uint64_t blocks) {
    // Bitmaps of blocks and inodes, of which there is at most one a block, their group descriptors, and rounding.
    return HEAP_FIXED + blocks / 4 + blocks / 8 + 128 * HEAP_PER_INODE;
}

// The pages that the journal needs for itself come from the end of the cache's.
static int memory_init(struct filesystem *fs) {
    const struct fs_options *options = &fs->options;
    const uint32_t pages = options->block_count - JOURNAL_SCRATCH - 1;
    char *at = (char *)options->blocks + (size_t)pages * FS_BLOCK;
    for (unsigned i = 0; i < JOURNAL_SCRATCH; i++, at += FS_BLOCK) fs->journal.scratch[i] = at;
    fs->journal.superblock = at;
    uint32_t buckets = 64;
    while (buckets < options->inodes) buckets *= 2;
    fs->nodes = fs_heap_calloc(buckets, sizeof *fs->nodes);
    fs->nodes_mask = buckets - 1;
    fs->journal.revoked = fs_heap_malloc(pages * sizeof *fs->journal.revoked);
    if (!fs->nodes || !fs->journal.revoked || known_init(fs) || cache_init(fs, options->blocks, pages)) return -ENOMEM;
    // Walks of extent trees: a handle, paths, and a page for each level; an operation must not fail for want of them.
    return heap_prime(256, 8) && heap_prime(128, 8) && heap_prime(384, 8) && heap_prime(FS_BLOCK, 14) ? 0 : -ENOMEM;
}

// What was read before the journal was replayed counts no more.
static void memory_forget(struct filesystem *fs) {
    for (uint32_t i = 0; i < fs->cache.count; i++)
        if (fs->cache.blocks[i].number != NO_BLOCK) (void)block_drop(fs, fs->cache.blocks[i].number);
    known_forget(fs);
    while (node_forget_one(fs)) {
    }
}

// The superblock says that the journal must be looked at, as long as the file system is mounted.
static int mark(struct filesystem *fs, bool mounted) {
    struct ext2_super_block *super = fs->library->super;
    if (mounted)
        ext2fs_set_feature_journal_needs_recovery(super);
    else
        ext2fs_clear_feature_journal_needs_recovery(super);
    struct block *block = block_get(fs, 0);
    if (!block) return fs->error;
    memcpy((char *)block->memory + SUPERBLOCK_OFFSET, super, SUPERBLOCK_SIZE);
    fs->statistics.writes++;
    fs->statistics.flushes++;
    const int error = fs->disk->write(fs->disk, 0, (void *[]){block->memory}, 1);
    return error ? error : fs->disk->flush(fs->disk);
}

static int open_replayed(struct filesystem *fs) {
    int error = library_open(fs);
    if (!error) error = journal_open(fs);
    if (!error) error = journal_replay(fs);
    if (error) return error;
    library_close(fs);
    memory_forget(fs);
    error = library_open(fs);
    if (!error && fs->library->super->s_state & EXT2_ERROR_FS) {
        fs_refuse("the file system is marked as damaged: repair it on the host with e2fsck");
        error = -EINVAL;
    }
    return error ? error : space_init(fs);
}

static int start(struct filesystem *fs) {
    int error = node_get(fs, EXT2_ROOT_INO, &fs->root);
    if (!error && !S_ISDIR(fs->root->inode.mode)) error = -EUCLEAN;
    if (error) return fs_refuse("there is no root directory"), error == -EUCLEAN ? -EINVAL : error;
    // In this order: e2fsck -p refuses a journal that is in use and is not said to be.
    error = mark(fs, true);
    if (!error) error = journal_start(fs);
    if (error) return fs_refuse("the disk failed to write"), error;
    return orphans_recover(fs);
}

int fs_mount(const struct fs_options *options, struct filesystem **mounted) {
    fs_refuse("");
    if (options->block_count < FS_CACHE_LEAST || options->heap_bytes < fs_heap_least(options->disk->blocks)
        || options->disk->blocks > UINT32_MAX) {
        fs_refuse("the memory for the file system is too small, or its disk too large");
        return -ENOMEM;
    }
    heap_start(options->heap, options->heap_bytes);
    struct filesystem *fs = fs_heap_calloc(1, sizeof *fs);
    if (!fs) return -ENOMEM;
    fs->options = *options;
    fs->disk = options->disk;
    int error = memory_init(fs);
    if (error) fs_refuse("the memory for the file system is too small");
    if (!error) error = open_replayed(fs);
    if (!error) error = start(fs);
    if (error) {
        library_close(fs);
        return error == -EUCLEAN ? -EINVAL : error;
    }
    *mounted = fs;
    return 0;
}

int fs_unmount(struct filesystem *fs) {
    int error = transaction_commit(fs);
    if (!error) error = journal_finish(fs);
    if (!error) error = mark(fs, false);
    library_close(fs);
    return error;
}
