// SPDX-License-Identifier: MIT
// Which block holds which page of a file: the inode's extent tree.
//
// Looking up, and the changes that make up nearly all of a file's life (the last extent grows, an extent is added to a
// leaf that has room), are done here on the cache's blocks; whatever changes the tree's shape is libext2fs's.
#include "libos/unix/disk/internal.h"
#include <ext2fs/ext3_extents.h>

constexpr unsigned DEPTH_MOST = 5;
constexpr uint32_t LENGTH_MOST = EXT_INIT_MAX_LEN; // blocks of an extent
constexpr unsigned CUT_EXTENTS = 8;                // freed in one operation

// The leaf where a page's extent is, or would be.
struct leaf {
    struct block *block; // null: the inode itself
    struct ext3_extent_header *header;
    int at; // the last extent that begins at or before the page; -1: none
};

bool node_has_map(const struct node *node) {
    return node->raw.i_flags & EXT4_EXTENTS_FL;
}

static bool header_is_sound(const struct ext3_extent_header *header, unsigned depth, size_t bytes) {
    return header->eh_magic == EXT3_EXT_MAGIC && header->eh_depth == depth && header->eh_entries <= header->eh_max
           && header->eh_max <= (bytes - sizeof *header) / sizeof(struct ext3_extent);
}

// The last entry whose key is not above `index`; leaves' and inner nodes' entries have their key and size in common.
static int search(const struct ext3_extent_header *header, uint32_t index) {
    const struct ext3_extent *entries = (const void *)(header + 1);
    int low = 0, high = header->eh_entries;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (entries[middle].ee_block <= index)
            low = middle + 1;
        else
            high = middle;
    }
    return low - 1;
}

static bool is_unwritten(const struct ext3_extent *extent) {
    return extent->ee_len > LENGTH_MOST;
}
static uint32_t length_of(const struct ext3_extent *extent) {
    return is_unwritten(extent) ? extent->ee_len - LENGTH_MOST : extent->ee_len;
}
static uint64_t block_of(const struct ext3_extent *extent) {
    return extent->ee_start | (uint64_t)extent->ee_start_hi << 32;
}

// Goes down to the leaf. *limit: where the next leaf's pages begin.
static int descend(struct node *node, uint32_t index, struct leaf *leaf, uint64_t *limit) {
    struct filesystem *fs = node->inode.fs;
    *leaf = (struct leaf){.header = (void *)node->raw.i_block};
    size_t bytes = sizeof node->raw.i_block;
    unsigned depth = leaf->header->eh_depth;
    *limit = (uint64_t)UINT32_MAX + 1;
    if (depth > DEPTH_MOST) return -EUCLEAN;
    while (true) {
        if (!header_is_sound(leaf->header, depth, bytes)) return -EUCLEAN;
        leaf->at = search(leaf->header, index);
        const struct ext3_extent_idx *entries = (const void *)(leaf->header + 1);
        if (leaf->at + 1 < leaf->header->eh_entries && entries[leaf->at + 1].ei_block < *limit)
            *limit = entries[leaf->at + 1].ei_block;
        if (depth == 0) return 0;
        if (leaf->header->eh_entries == 0) return -EUCLEAN;
        // A page before the first key belongs to the first child, which has nothing for it yet.
        const struct ext3_extent_idx *entry = &entries[leaf->at < 0 ? 0 : leaf->at];
        if (entry->ei_leaf_hi || entry->ei_leaf == 0) return -EUCLEAN;
        leaf->block = block_get(fs, entry->ei_leaf);
        if (!leaf->block) return fs->error;
        leaf->header = leaf->block->memory;
        bytes = FS_BLOCK;
        depth--;
    }
}

static int find(struct node *node, uint64_t index, struct map_run *run, struct leaf *leaf) {
    uint64_t limit;
    const int error = descend(node, (uint32_t)index, leaf, &limit);
    if (error) return error;
    if (limit <= index) return -EUCLEAN;
    *run = (struct map_run){0, limit - index, false};
    if (leaf->at < 0) return 0;
    const struct ext3_extent *extent = (const struct ext3_extent *)(leaf->header + 1) + leaf->at;
    const uint64_t offset = index - extent->ee_block;
    if (offset >= length_of(extent)) return 0;
    const uint64_t first = block_of(extent), blocks = node->inode.fs->disk->blocks;
    if (first == 0 || first >= blocks || length_of(extent) > blocks - first) return -EUCLEAN;
    *run = (struct map_run){first + offset, length_of(extent) - offset, is_unwritten(extent)};
    return 0;
}

int map_find(struct node *node, uint64_t index, struct map_run *run) {
    if (index - node->run_index < node->run_count) {
        const uint64_t offset = index - node->run_index;
        *run = (struct map_run){node->run_block + offset, node->run_count - offset, false};
        return 0;
    }
    if (index > UINT32_MAX) return -EFBIG;
    if (!node_has_map(node)) {
        *run = (struct map_run){0, (uint64_t)UINT32_MAX + 1 - index, false};
        return 0;
    }
    struct leaf leaf;
    const int error = find(node, index, run, &leaf);
    if (!error && run->block && !run->unwritten) {
        node->run_index = index;
        node->run_block = run->block;
        node->run_count = run->count;
    }
    return error;
}

// By libext2fs: one block.
static int add_slowly(struct node *node, uint64_t index, uint64_t block) {
    ext2_extent_handle_t handle;
    errcode_t error = ext2fs_extent_open2(node->inode.fs->library, node->inode.number, node_raw(node), &handle);
    if (error) return library_error(error);
    error = ext2fs_extent_set_bmap(handle, index, block, 0);
    ext2fs_extent_free(handle);
    return library_error(error);
}

// In the leaf, without changing the tree's shape: how many blocks, 0 if it can't be done.
static uint32_t add_quickly(struct node *node, const struct leaf *leaf, uint32_t index, uint64_t block,
                            uint64_t count) {
    struct ext3_extent_header *header = leaf->header;
    struct ext3_extent *entries = (void *)(header + 1), *before = &entries[leaf->at];
    uint32_t most = LENGTH_MOST, length = 0;
    if (leaf->at >= 0 && !is_unwritten(before) && before->ee_block + before->ee_len == index
        && block_of(before) + before->ee_len == block && before->ee_len < LENGTH_MOST) {
        most -= before->ee_len;
        length = count < most ? (uint32_t)count : most;
        before->ee_len = (uint16_t)(before->ee_len + length);
    } else if (header->eh_entries < header->eh_max && (leaf->at >= 0 || !leaf->block)) {
        // Before a leaf's first extent the parents' keys would have to change.
        length = count < most ? (uint32_t)count : most;
        memmove(before + 2, before + 1, (size_t)(header->eh_entries - leaf->at - 1) * sizeof *before);
        before[1] = (struct ext3_extent){.ee_block = index,
                                         .ee_len = (uint16_t)length,
                                         .ee_start = (uint32_t)block,
                                         .ee_start_hi = (uint16_t)(block >> 32)};
        header->eh_entries++;
    }
    if (length && leaf->block) block_dirty(node->inode.fs, leaf->block);
    return length;
}

int map_add(struct node *node, uint64_t index, uint64_t block, uint64_t count) {
    if (!node_has_map(node)) {
        node->raw.i_flags |= EXT4_EXTENTS_FL;
        *(struct ext3_extent_header *)node->raw.i_block =
            (struct ext3_extent_header){.eh_magic = EXT3_EXT_MAGIC, .eh_max = 4};
    }
    while (count) {
        struct map_run run;
        struct leaf leaf;
        int error = find(node, index, &run, &leaf);
        if (error) return error;
        const bool hole = !run.block;
        uint64_t done = hole ? add_quickly(node, &leaf, (uint32_t)index, block, count) : 0;
        if (!done) {
            error = add_slowly(node, index, block);
            if (error) return error;
            done = 1;
        }
        // A page of an unwritten extent had a block already, which is the one that was given.
        if (hole && ext2fs_iblk_add_blocks(node->inode.fs->library, node_raw(node), done)) return -EFBIG;
        index += done;
        block += done;
        count -= done;
    }
    node->run_count = 0;
    node_change(node, true);
    node_sectors(node);
    return 0;
}

// Frees the last extent, or what of it lies at or after `from`. 1: there is nothing more.
static int cut_last(struct node *node, uint64_t from) {
    struct filesystem *fs = node->inode.fs;
    ext2_extent_handle_t handle;
    struct ext2fs_extent extent;
    errcode_t error = ext2fs_extent_open2(fs->library, node->inode.number, node_raw(node), &handle);
    if (error) return library_error(error);
    error = ext2fs_extent_get(handle, EXT2_EXTENT_ROOT, &extent);
    if (!error) error = ext2fs_extent_get(handle, EXT2_EXTENT_LAST_LEAF, &extent);
    if (error || extent.e_lblk + extent.e_len <= from) {
        ext2fs_extent_free(handle);
        return error && error != EXT2_ET_EXTENT_NO_NEXT ? library_error(error) : 1;
    }
    const uint64_t keep = from > extent.e_lblk ? from - extent.e_lblk : 0;
    const struct range freed = {extent.e_pblk + keep, extent.e_len - keep};
    if (keep) {
        extent.e_len = (uint32_t)keep;
        error = ext2fs_extent_replace(handle, 0, &extent);
    } else {
        error = ext2fs_extent_delete(handle, 0);
    }
    ext2fs_extent_free(handle);
    if (!error) error = ext2fs_iblk_sub_blocks(fs->library, node_raw(node), freed.count);
    if (error) return library_error(error);
    space_free(fs, freed.first, freed.count);
    return 0;
}

int map_cut(struct node *node, uint64_t from, bool *more) {
    int error = 0;
    *more = false;
    if (!node_has_map(node)) return 0;
    node->run_count = 0;
    for (unsigned i = 0; i < CUT_EXTENTS && !error; i++) error = cut_last(node, from);
    *more = error == 0;
    node_change(node, true);
    node_sectors(node);
    return error < 0 ? error : 0;
}

int map_punch(struct node *node, uint64_t index) {
    struct filesystem *fs = node->inode.fs;
    struct map_run run;
    struct leaf leaf;
    int error = node_has_map(node) ? find(node, index, &run, &leaf) : 0;
    if (error || !node_has_map(node) || !run.block) return error;
    error = add_slowly(node, index, 0);
    if (!error) error = library_error(ext2fs_iblk_sub_blocks(fs->library, node_raw(node), 1));
    if (error) return error;
    space_free(fs, run.block, 1);
    node->run_count = 0;
    node_change(node, true);
    node_sectors(node);
    return 0;
}
