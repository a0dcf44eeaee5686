// SPDX-License-Identifier: MIT
// Inodes that lose their last name while somebody uses them, or whose blocks are being freed in more than one
// operation.
//
// They are in a list on the disk: the superblock names the latest, each inode the one before it (in its deletion time).
// The mount after a crash frees what they hold past their size, and those without links wholly.
#include "libos/unix/disk/internal.h"

constexpr uint32_t ATTRIBUTES_MAGIC = 0xea020000;

struct attributes { // the start of a block of extended attributes, which inodes may share
    uint32_t magic, references, blocks;
};

void orphan_add(struct node *node) {
    struct filesystem *fs = node->inode.fs;
    if (node->orphan) return;
    node->orphan = true;
    node->raw.i_dtime = fs->library->super->s_last_orphan;
    fs->library->super->s_last_orphan = node->inode.number;
    node->orphan_previous = nullptr;
    node->orphan_next = fs->orphans;
    if (fs->orphans) fs->orphans->orphan_previous = node;
    fs->orphans = node;
    node_change(node, true);
    space_super_changed(fs);
}

void orphan_remove(struct node *node) {
    struct filesystem *fs = node->inode.fs;
    if (!node->orphan) return;
    struct node *later = node->orphan_previous;
    if (later) {
        later->raw.i_dtime = node->raw.i_dtime;
        later->orphan_next = node->orphan_next;
        node_change(later, true);
    } else {
        fs->library->super->s_last_orphan = node->raw.i_dtime;
        fs->orphans = node->orphan_next;
        space_super_changed(fs);
    }
    if (node->orphan_next) node->orphan_next->orphan_previous = later;
    node->orphan = false;
    node->raw.i_dtime = 0;
    node_change(node, true);
}

bool node_is_small(const struct node *node) {
    if (!node_has_map(node)) return true;
    const struct ext3_extent_header *root = (const void *)node->raw.i_block;
    return root->eh_depth == 0;
}

// Gives back the block of extended attributes, or this inode's share of it.
static void release_attributes(struct node *node) {
    struct filesystem *fs = node->inode.fs;
    const uint64_t number = node->raw.i_file_acl;
    if (!number) return;
    struct block *block = block_get(fs, number);
    if (!block) return;
    struct attributes *attributes = block->memory;
    if (attributes->magic != ATTRIBUTES_MAGIC) {
        fs_stop(fs, -EUCLEAN, "a block of extended attributes is damaged");
    } else if (attributes->references > 1) {
        attributes->references--;
        block_dirty(fs, block);
    } else {
        space_free(fs, number, 1);
    }
    node->raw.i_file_acl = 0;
}

void node_destroy(struct node *node) {
    struct filesystem *fs = node->inode.fs;
    bool more = false;
    const int error = map_cut(node, 0, &more);
    if (error || more) fs_stop(fs, error ? error : -EUCLEAN, "an inode's map is damaged");
    orphan_remove(node);
    release_attributes(node);
    node->raw.i_blocks = 0;
    node_free(node);
}

// Frees what lies behind the size, or all of a file that ends without links; `ends`: it leaves the list then.
static int cut(struct node *node, bool ends) {
    struct filesystem *fs = node->inode.fs;
    const bool whole = ends && !node->inode.links;
    const uint64_t pages = whole ? 0 : (node->inode.size + FS_BLOCK - 1) / FS_BLOCK;
    bool more = true;
    while (more) {
        int error = operation_begin(fs, 0);
        if (error) return error;
        error = map_cut(node, pages, &more);
        if (error) {
            fs_stop(fs, error, "an inode's map is damaged");
        } else if (!more && ends) {
            if (whole)
                node_destroy(node);
            else
                orphan_remove(node);
        }
        error = operation_end(fs, error);
        if (error) return error;
    }
    return 0;
}

int orphan_finish(struct node *node) {
    return cut(node, true);
}

int orphan_cut(struct node *node) {
    return cut(node, false);
}

// Those of the list on the disk, in memory and each with a reference.
static int collect(struct filesystem *fs) {
    struct node *last = nullptr;
    uint32_t number = fs->library->super->s_last_orphan;
    while (number) {
        struct node *node;
        const int error = node_get(fs, number, &node);
        if (error) return error;
        if (node->orphan || number < fs->library->super->s_first_ino
            || (node->inode.links && !S_ISREG(node->inode.mode)))
            return -EUCLEAN;
        node->orphan = true;
        node->orphan_previous = last;
        *(last ? &last->orphan_next : &fs->orphans) = node;
        last = node;
        number = node->raw.i_dtime;
    }
    return 0;
}

int orphans_recover(struct filesystem *fs) {
    int error = collect(fs);
    while (!error && fs->orphans) {
        struct node *node = fs->orphans;
        error = orphan_finish(node);
        node_release(node);
    }
    if (error) fs_refuse("the list of deleted files is damaged");
    return error == -EUCLEAN ? -EINVAL : error;
}
