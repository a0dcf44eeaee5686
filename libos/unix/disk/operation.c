// SPDX-License-Identifier: MIT
// Operations and transactions: when to commit, and what happens when something fails.
#include "libos/unix/disk/internal.h"

// Blocks that maps can need besides what is asked for: a node at each level, twice over.
constexpr uint64_t MAP_BLOCKS = 12;

constexpr uint32_t INODES_CHANGED = 256; // by a transaction, besides those that are kept anyway

static const char *reason = "";

void fs_refuse(const char *why) {
    reason = why;
}

const char *fs_reason(void) {
    return reason;
}

void fs_stop(struct filesystem *fs, int error, const char *why) {
    fs->error = error;
    if (!fs->operating) return;
    fs->stopped = true;
    reason = why;
}

static bool cache_is_short(const struct filesystem *fs, uint32_t used) {
    return used + OPERATION_BLOCKS + CACHE_HELD > fs->cache.count;
}

// Must the running transaction be committed before another operation becomes part of it?
static bool transaction_is_full(const struct filesystem *fs) {
    const struct block_list *lists = fs->cache.lists;
    const uint32_t dirty = lists[BLOCK_DIRTY].count;
    // Inodes that were changed stay in memory until the commit, though nobody uses them any more.
    if (fs->unused_count > fs->options.inodes + INODES_CHANGED) return true;
    // A quarter of the cache's blocks may be revoked besides, which is a few blocks of the log.
    return dirty + OPERATION_BLOCKS > fs->journal.most || cache_is_short(fs, dirty + lists[BLOCK_LOGGED].count)
           || fs->space.pending_count + 64 > PENDING_MOST;
}

int transaction_commit(struct filesystem *fs) {
    if (fs->stopped) return -EROFS;
    if (!fs->cache.lists[BLOCK_DIRTY].count) return 0;
    for (struct node *node = fs->fresh; node && fs->options.hooks.write_fresh; node = node->fresh_next)
        if (fs->options.hooks.write_fresh(fs->options.context, &node->inode)) {
            // Its contents are lost; the transaction must not be.
            fs->error = -EIO;
            fs->stopped = true;
            fs_refuse("the disk failed to write contents of a file");
            return -EIO;
        }
    nodes_encode(fs);
    space_encode(fs);
    const int error = journal_commit(fs);
    if (!error) return 0;
    fs->stopped = true;
    fs_refuse("the disk failed to write the journal");
    return -EIO;
}

int operation_begin(struct filesystem *fs, uint64_t blocks) {
    if (fs->stopped) return -EROFS;
    if (transaction_is_full(fs)) {
        int error = transaction_commit(fs);
        if (!error && cache_is_short(fs, fs->cache.lists[BLOCK_LOGGED].count)) error = journal_checkpoint(fs);
        if (error) return fs->stopped = true, error;
    }
    if (blocks && space_left(fs) < blocks + MAP_BLOCKS) {
        // What has been freed can be used again after a commit.
        const int error = fs->space.pending_blocks ? transaction_commit(fs) : 0;
        if (error) return error;
        if (space_left(fs) < blocks + MAP_BLOCKS) return -ENOSPC;
    }
    fs->operating = true;
    fs->error = 0;
    return 0;
}

int operation_end(struct filesystem *fs, int result) {
    fs->operating = false;
    return fs->stopped && !result ? (fs->error ? fs->error : -EIO) : result;
}

int fs_sync(struct filesystem *fs) {
    if (fs->stopped) return -EROFS;
    if (fs->cache.lists[BLOCK_DIRTY].count) return transaction_commit(fs);
    fs->statistics.flushes++;
    return fs->disk->flush(fs->disk);
}

int fs_fsync(struct inode *inode, bool data) {
    struct filesystem *fs = inode->fs;
    const struct node *node = node_of(inode);
    if (fs->stopped) return -EROFS;
    if ((data ? node->contents_in : node->changed_in) == fs->journal.sequence) return transaction_commit(fs);
    fs->statistics.flushes++;
    return fs->disk->flush(fs->disk);
}
