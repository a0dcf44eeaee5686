// SPDX-License-Identifier: MIT
// Free blocks and inodes: the bitmaps in memory, their counts, and what of them a commit has to write.
//
// A block that the running transaction has freed stays marked in the bitmap in memory until the commit, so that it is
// not taken again before: if the power fails, the file that it was freed from still has it. The block on the disk's
// bitmap is free with that commit.
#include "libos/unix/disk/internal.h"

enum : uint8_t { GROUP_BLOCKS = 1, GROUP_INODES = 2, GROUP_DESCRIPTOR = 4 };

int space_init(struct filesystem *fs) {
    struct space *space = &fs->space;
    space->pending = fs_heap_malloc(PENDING_MOST * sizeof *space->pending);
    space->groups = fs_heap_calloc(fs->library->group_desc_count, 1);
    if (!space->pending || !space->groups) return fs_refuse("the heap is too small"), -ENOMEM;
    const errcode_t error = ext2fs_read_bitmaps(fs->library);
    if (error) return fs_refuse("the bitmaps are damaged or can't be read"), library_error(error);
    // What must never be handed out, whatever the bitmaps say.
    for (dgrp_t group = 0; group < fs->library->group_desc_count; group++) {
        const uint64_t table = ext2fs_inode_table_loc(fs->library, group);
        if (!space_is_used(fs, ext2fs_block_bitmap_loc(fs->library, group))
            || !space_is_used(fs, ext2fs_inode_bitmap_loc(fs->library, group)) || !space_is_used(fs, table)
            || !space_is_used(fs, table + fs->library->inode_blocks_per_group - 1))
            return fs_refuse("the bitmaps are damaged"), -EINVAL;
    }
    if (!space_is_used(fs, 0) || !space_is_used(fs, fs->library->desc_blocks))
        return fs_refuse("the bitmaps are damaged"), -EINVAL;
    return 0;
}

bool space_is_used(const struct filesystem *fs, uint64_t block) {
    return ext2fs_test_block_bitmap2(fs->library->block_map, block);
}

uint64_t space_left(const struct filesystem *fs) {
    const uint64_t free = ext2fs_free_blocks_count(fs->library->super);
    return free > fs->space.pending_blocks ? free - fs->space.pending_blocks : 0;
}

int space_find(struct filesystem *fs, uint64_t goal, uint64_t want, struct range *found) {
    ext2_filsys library = fs->library;
    const uint64_t last = ext2fs_blocks_count(library->super) - 1;
    if (goal == 0 || goal > last) goal = 1;
    blk64_t first, end;
    if (ext2fs_find_first_zero_block_bitmap2(library->block_map, goal, last, &first)
        && ext2fs_find_first_zero_block_bitmap2(library->block_map, 1, goal, &first))
        return -ENOSPC;
    uint64_t most = first + want - 1;
    if (most > last) most = last;
    if (ext2fs_find_first_set_block_bitmap2(library->block_map, first, most, &end)) end = most + 1;
    *found = (struct range){first, end - first};
    return 0;
}

// The blocks that a commit will write are asked for now, while they still can be.
static void group_changed(struct filesystem *fs, dgrp_t group, uint8_t what) {
    uint8_t *bits = &fs->space.groups[group];
    what |= GROUP_DESCRIPTOR;
    if ((*bits & what) == what) return;
    const uint64_t at[] = {ext2fs_block_bitmap_loc(fs->library, group), ext2fs_inode_bitmap_loc(fs->library, group),
                           1 + group / EXT2_DESC_PER_BLOCK(fs->library->super)};
    for (unsigned i = 0; i < 3; i++) {
        if (!(what & ~*bits & 1 << i)) continue;
        struct block *block = block_get(fs, at[i]);
        if (!block) return;
        block_dirty(fs, block);
    }
    *bits |= what;
    space_super_changed(fs);
}

void space_super_changed(struct filesystem *fs) {
    if (fs->space.dirty) return;
    struct block *block = block_get(fs, 0);
    if (!block) return;
    block_dirty(fs, block);
    fs->space.dirty = true;
}

// Adds to the groups' and the file system's counts of free blocks.
static void count_blocks(struct filesystem *fs, uint64_t first, uint64_t count, int sign) {
    ext2_filsys library = fs->library;
    ext2fs_free_blocks_count_set(library->super,
                                 ext2fs_free_blocks_count(library->super) + (uint64_t)(int64_t)sign * count);
    while (count) {
        const dgrp_t group = (dgrp_t)(first / (8 * FS_BLOCK));
        const uint64_t here = 8 * FS_BLOCK - first % (8 * FS_BLOCK);
        const uint64_t part = here < count ? here : count;
        ext2fs_bg_free_blocks_count_set(library, group,
                                        ext2fs_bg_free_blocks_count(library, group) + (uint32_t)sign * (uint32_t)part);
        group_changed(fs, group, GROUP_BLOCKS);
        first += part;
        count -= part;
    }
}

void space_take(struct filesystem *fs, uint64_t first, uint64_t count) {
    ext2fs_mark_block_bitmap_range2(fs->library->block_map, first, (unsigned)count);
    fs->space.last = first + count - 1;
    count_blocks(fs, first, count, -1);
}

void space_free(struct filesystem *fs, uint64_t first, uint64_t count) {
    struct space *space = &fs->space;
    const uint64_t blocks = ext2fs_blocks_count(fs->library->super);
    if (first == 0 || first >= blocks || count > blocks - first
        || ext2fs_find_first_zero_block_bitmap2(fs->library->block_map, first, first + count - 1, &(blk64_t){0}) == 0) {
        fs_stop(fs, -EUCLEAN, "a block was to be freed that is free");
        return;
    }
    for (uint64_t block = first; block < first + count; block++)
        if (block_drop(fs, block)) fs->journal.revoked[fs->journal.revoked_count++] = block;
    struct range *last = space->pending_count ? &space->pending[space->pending_count - 1] : nullptr;
    if (last && last->first + last->count == first)
        last->count += count;
    else
        space->pending[space->pending_count++] = (struct range){first, count};
    space->pending_blocks += count;
    count_blocks(fs, first, count, 1);
}

void space_inode(struct filesystem *fs, uint32_t number, int change, bool directory) {
    ext2_filsys library = fs->library;
    const dgrp_t group = (number - 1) / library->super->s_inodes_per_group;
    if (change > 0)
        ext2fs_mark_inode_bitmap2(library->inode_map, number);
    else
        ext2fs_unmark_inode_bitmap2(library->inode_map, number);
    library->super->s_free_inodes_count -= (uint32_t)change;
    ext2fs_bg_free_inodes_count_set(library, group, ext2fs_bg_free_inodes_count(library, group) - (uint32_t)change);
    if (directory)
        ext2fs_bg_used_dirs_count_set(library, group, ext2fs_bg_used_dirs_count(library, group) + (uint32_t)change);
    group_changed(fs, group, GROUP_INODES);
}

static void encode_group(struct filesystem *fs, dgrp_t group) {
    ext2_filsys library = fs->library;
    const uint8_t what = fs->space.groups[group];
    if (what & GROUP_BLOCKS) {
        struct block *block = block_get(fs, ext2fs_block_bitmap_loc(library, group));
        ext2fs_get_block_bitmap_range2(library->block_map, (uint64_t)group * 8 * FS_BLOCK, 8 * FS_BLOCK, block->memory);
    }
    if (what & GROUP_INODES) {
        struct block *block = block_get(fs, ext2fs_inode_bitmap_loc(library, group));
        const uint32_t each = library->super->s_inodes_per_group;
        ext2fs_get_inode_bitmap_range2(library->inode_map, (uint64_t)group * each + 1, each, block->memory);
    }
    const uint32_t per_block = EXT2_DESC_PER_BLOCK(library->super);
    struct block *block = block_get(fs, 1 + group / per_block);
    memcpy(block->memory, (char *)library->group_desc + (size_t)(group / per_block) * FS_BLOCK, FS_BLOCK);
    fs->space.groups[group] = 0;
}

void space_encode(struct filesystem *fs) {
    struct space *space = &fs->space;
    for (uint32_t i = 0; i < space->pending_count; i++)
        ext2fs_unmark_block_bitmap_range2(fs->library->block_map, space->pending[i].first,
                                          (unsigned)space->pending[i].count);
    space->pending_count = 0;
    space->pending_blocks = 0;
    if (!space->dirty) return;
    for (dgrp_t group = 0; group < fs->library->group_desc_count; group++)
        if (space->groups[group]) encode_group(fs, group);
    memcpy((char *)block_get(fs, 0)->memory + SUPERBLOCK_OFFSET, fs->library->super, SUPERBLOCK_SIZE);
    space->dirty = false;
}
