// SPDX-License-Identifier: MIT
// Where file contents lie, and taking and freeing blocks for them.
#include "libos/unix/disk/internal.h"

constexpr uint64_t RUN_MOST = 8192; // blocks taken in one operation

// After the page before, or after what was taken last.
static uint64_t goal_of(struct node *node, uint64_t index) {
    struct map_run before = {};
    if (index && !map_find(node, index - 1, &before) && before.block) return before.block + 1;
    return node->inode.fs->space.last + 1;
}

static void is_fresh(struct node *node) {
    struct filesystem *fs = node->inode.fs;
    if (node->fresh_in == fs->journal.sequence) return;
    node->fresh_in = fs->journal.sequence;
    node->fresh_next = fs->fresh;
    fs->fresh = node;
}

// Blocks for the first of `count` pages that are a hole, or unwritten; *taken: how many.
static int take(struct node *node, uint64_t index, const struct map_run *run, uint64_t count, uint64_t *taken) {
    struct filesystem *fs = node->inode.fs;
    const uint64_t goal = goal_of(node, index);
    int error = operation_begin(fs, 1);
    if (error) return error;
    struct range found = {run->block, 1};
    if (!run->unwritten) {
        const uint64_t left = space_left(fs) - 12;
        if (count > RUN_MOST) count = RUN_MOST;
        error = space_find(fs, goal, count < left ? count : left, &found);
        if (!error) space_take(fs, found.first, found.count);
    }
    if (!error) error = map_add(node, index, found.first, found.count);
    if (error) fs_stop(fs, error, "a file's map is damaged");
    is_fresh(node);
    *taken = found.count;
    return operation_end(fs, error);
}

int fs_block(struct inode *file, uint64_t index, uint32_t flags, struct fs_place *place) {
    struct node *node = node_of(file);
    struct map_run run;
    int error = map_find(node, index, &run);
    if (error) return error;
    const bool hole = !run.block || run.unwritten;
    if (hole && flags & FS_ALLOCATE) {
        uint64_t taken;
        error = take(node, index, &run, 1, &taken);
        if (!error) error = map_find(node, index, &run);
        if (error) return error;
        *place = (struct fs_place){run.block, 1, true};
        return 0;
    }
    *place = (struct fs_place){hole ? 0 : run.block, run.count < UINT32_MAX ? (uint32_t)run.count : UINT32_MAX, false};
    return 0;
}

int fs_allocate(struct inode *file, uint64_t index, uint64_t pages, uint64_t *taken) {
    struct node *node = node_of(file);
    *taken = 0;
    while (*taken < pages) {
        struct map_run run;
        int error = map_find(node, index + *taken, &run);
        if (error) return error;
        uint64_t count = run.count < pages - *taken ? run.count : pages - *taken;
        if (!run.block || run.unwritten) {
            error = take(node, index + *taken, &run, count, &count);
            if (error) return error == -ENOSPC && *taken ? 0 : error;
        }
        *taken += count;
    }
    return 0;
}

int fs_punch(struct inode *file, uint64_t index, uint64_t pages) {
    struct filesystem *fs = file->fs;
    struct node *node = node_of(file);
    const uint64_t end = index + pages;
    while (index < end) {
        struct map_run run;
        int error = map_find(node, index, &run);
        if (error) return error;
        if (!run.block) {
            index += run.count;
            continue;
        }
        // Splitting an extent can need a node of the tree.
        error = operation_begin(fs, 1);
        if (error) return error;
        for (unsigned i = 0; i < 4 && index < end && i < run.count && !error; i++) error = map_punch(node, index++);
        if (error) fs_stop(fs, error, "a file's map is damaged");
        error = operation_end(fs, error);
        if (error) return error;
    }
    return 0;
}
