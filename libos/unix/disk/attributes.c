// SPDX-License-Identifier: MIT
// What stat shows, and changes to it; the size, too. References.
#include "libos/unix/disk/internal.h"

int fs_change(struct inode *inode, const struct fs_change *to) {
    struct filesystem *fs = inode->fs;
    const int error = operation_begin(fs, 0);
    if (error) return error;
    if (to->mask & FS_MODE) inode->mode = (uint16_t)((inode->mode & S_IFMT) | (to->mode & 07777));
    if (to->mask & FS_OWNER) {
        inode->uid = to->uid;
        inode->gid = to->gid;
    }
    if (to->mask & FS_ACCESSED) inode->accessed = to->accessed;
    if (to->mask & FS_MODIFIED) inode->modified = to->modified;
    inode->changed = to->mask & FS_CHANGED ? to->changed : fs_now(fs);
    node_change(node_of(inode), to->mask & (FS_MODE | FS_OWNER));
    return operation_end(fs, 0);
}

void fs_touch(struct inode *inode, uint32_t mask) {
    struct filesystem *fs = inode->fs;
    const uint64_t now = fs_now(fs);
    struct node *node = node_of(inode);
    if (!node->table && operation_begin(fs, 0)) return;
    if (mask & FS_ACCESSED) inode->accessed = now;
    if (mask & FS_MODIFIED) inode->modified = now;
    if (mask & FS_CHANGED) inode->changed = now;
    node_change(node, false);
    fs->operating = false;
}

static int shorten(struct node *node, uint64_t size) {
    struct filesystem *fs = node->inode.fs;
    const bool small = node_is_small(node);
    int error = operation_begin(fs, 0);
    if (error) return error;
    node->inode.size = size;
    node->inode.modified = node->inode.changed = fs_now(fs);
    node_change(node, true);
    const bool orphan = node->orphan; // without links, but it may grow again before it ends
    if (small) {
        bool more;
        error = map_cut(node, (size + FS_BLOCK - 1) / FS_BLOCK, &more);
        if (error) fs_stop(fs, error, "a file's map is damaged");
        return operation_end(fs, error);
    }
    orphan_add(node);
    error = operation_end(fs, 0);
    if (error) return error;
    return orphan ? orphan_cut(node) : orphan_finish(node);
}

int fs_set_size(struct inode *inode, uint64_t size) {
    struct filesystem *fs = inode->fs;
    if (S_ISDIR(inode->mode)) return -EISDIR;
    if (!S_ISREG(inode->mode)) return -EINVAL;
    if (size > FS_SIZE_MOST - FS_BLOCK) return -EFBIG;
    if (size < inode->size) return shorten(node_of(inode), size);
    if (size == inode->size) return 0;
    const int error = operation_begin(fs, 0);
    if (error) return error;
    if (size > INT32_MAX && !ext2fs_has_feature_large_file(fs->library->super)) {
        ext2fs_set_feature_large_file(fs->library->super);
        space_super_changed(fs);
    }
    inode->size = size;
    inode->modified = inode->changed = fs_now(fs);
    node_change(node_of(inode), true);
    return operation_end(fs, 0);
}

struct inode *fs_root(struct filesystem *fs) {
    return &fs->root->inode;
}

struct inode *fs_hold(struct inode *inode) {
    inode->references++;
    return inode;
}

void fs_release(struct inode *inode) {
    struct node *node = node_of(inode);
    // If that fails, the disk has it in its list, and the next mount frees it.
    if (inode->references == 1 && !inode->links && node->orphan && !node->freed) (void)!orphan_finish(node);
    node_release(node);
}

void fs_statistics(const struct filesystem *fs, struct fs_statistics *statistics) {
    const struct ext2_super_block *super = fs->library->super;
    *statistics = fs->statistics;
    statistics->blocks = ext2fs_blocks_count((struct ext2_super_block *)super);
    statistics->free = ext2fs_free_blocks_count((struct ext2_super_block *)super);
    const uint64_t reserved = ext2fs_r_blocks_count((struct ext2_super_block *)super);
    statistics->available = statistics->free > reserved ? statistics->free - reserved : 0;
    statistics->inodes = super->s_inodes_count;
    statistics->inodes_free = super->s_free_inodes_count;
}
