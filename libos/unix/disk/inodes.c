// SPDX-License-Identifier: MIT
// Inodes in memory: one node for each inode that somebody refers to, and a bounded number of others.
//
// What filesystem.h shows of an inode is what counts while it is in memory; `raw` is kept for the rest (its map, flags,
// attributes that this file system leaves alone). A changed inode's block is fetched and marked at once and filled in
// before the commit, so that a commit never has to read.
#include "libos/unix/disk/internal.h"

constexpr uint32_t EXTRA_BYTES = 32; // of the larger inode, that this file system fills in
constexpr uint64_t SECOND = 1'000'000'000;

static struct node **bucket(struct filesystem *fs, uint32_t number) {
    return &fs->nodes[number * 2654435761u >> 7 & fs->nodes_mask];
}

// Seconds in 34 bits, the lower 32 of them signed; nanoseconds in the upper 30 of `extra`.
static uint64_t time_decode(uint32_t seconds, uint32_t extra) {
    const int64_t full = (int64_t)(int32_t)seconds + ((int64_t)(extra & 3) << 32);
    return full < 0 ? 0 : (uint64_t)full * SECOND + (extra >> 2) % SECOND;
}

static void time_encode(uint64_t time, uint32_t *seconds, uint32_t *extra) {
    const int64_t full = (int64_t)(time / SECOND);
    *seconds = (uint32_t)full;
    *extra = (uint32_t)(((full - (int32_t)full) >> 32 & 3) | (int64_t)(time % SECOND << 2));
}

static uint32_t device_decode(const uint32_t *map) {
    return map[0] ? map[0] : map[1]; // the old form is a part of the new one below 256
}

static void decode(struct node *node) {
    const struct ext2_inode_large *raw = &node->raw;
    struct inode *to = &node->inode;
    const bool large = raw->i_extra_isize >= 16;
    to->mode = raw->i_mode;
    to->links = raw->i_links_count;
    to->uid = raw->i_uid | (uint32_t)raw->osd2.linux2.l_i_uid_high << 16;
    to->gid = raw->i_gid | (uint32_t)raw->osd2.linux2.l_i_gid_high << 16;
    to->size = raw->i_size | (uint64_t)raw->i_size_high << 32;
    to->generation = raw->i_generation;
    to->accessed = time_decode(raw->i_atime, large ? raw->i_atime_extra : 0);
    to->modified = time_decode(raw->i_mtime, large ? raw->i_mtime_extra : 0);
    to->changed = time_decode(raw->i_ctime, large ? raw->i_ctime_extra : 0);
    if (S_ISCHR(to->mode) || S_ISBLK(to->mode)) to->device = device_decode(raw->i_block);
    node_sectors(node);
}

static void encode(struct node *node) {
    struct ext2_inode_large *raw = &node->raw;
    const struct inode *from = &node->inode;
    raw->i_mode = from->mode;
    raw->i_links_count = (uint16_t)from->links;
    raw->i_uid = (uint16_t)from->uid;
    raw->osd2.linux2.l_i_uid_high = (uint16_t)(from->uid >> 16);
    raw->i_gid = (uint16_t)from->gid;
    raw->osd2.linux2.l_i_gid_high = (uint16_t)(from->gid >> 16);
    raw->i_size = (uint32_t)from->size;
    raw->i_size_high = (uint32_t)(from->size >> 32);
    uint32_t unused;
    const bool large = raw->i_extra_isize >= 16;
    time_encode(from->accessed, &raw->i_atime, large ? &raw->i_atime_extra : &unused);
    time_encode(from->modified, &raw->i_mtime, large ? &raw->i_mtime_extra : &unused);
    time_encode(from->changed, &raw->i_ctime, large ? &raw->i_ctime_extra : &unused);
    size_t bytes = EXT2_GOOD_OLD_INODE_SIZE + raw->i_extra_isize;
    if (bytes > sizeof *raw) bytes = sizeof *raw;
    memcpy((char *)node->table->memory + node->table_offset, raw, bytes);
}

void node_sectors(struct node *node) {
    const struct ext2_inode_large *raw = &node->raw;
    const uint64_t count = raw->i_blocks | (uint64_t)raw->osd2.linux2.l_i_blocks_hi << 32;
    node->inode.sectors = raw->i_flags & EXT4_HUGE_FILE_FL ? count * (FS_BLOCK / 512) : count;
}

// Where an inode lies on the disk.
static struct block *table_block(struct filesystem *fs, uint32_t number, uint32_t *offset) {
    const struct ext2_super_block *super = fs->library->super;
    const dgrp_t group = (number - 1) / super->s_inodes_per_group;
    const uint64_t at = (uint64_t)((number - 1) % super->s_inodes_per_group) * super->s_inode_size;
    *offset = at % FS_BLOCK;
    return block_get(fs, ext2fs_inode_table_loc(fs->library, group) + at / FS_BLOCK);
}

static void unused_remove(struct filesystem *fs, struct node *node) {
    *(node->previous ? &node->previous->next : &fs->unused_first) = node->next;
    *(node->next ? &node->next->previous : &fs->unused_last) = node->previous;
    fs->unused_count--;
}

static void unused_append(struct filesystem *fs, struct node *node) {
    node->previous = fs->unused_last;
    node->next = nullptr;
    *(fs->unused_last ? &fs->unused_last->next : &fs->unused_first) = node;
    fs->unused_last = node;
    fs->unused_count++;
}

// Takes an unreferenced node out of memory. One that the running transaction has changed stays until its commit.
static void forget(struct filesystem *fs, struct node *node) {
    struct node **link = bucket(fs, node->inode.number);
    while (*link != node) link = &(*link)->hash_next;
    *link = node->hash_next;
    unused_remove(fs, node);
    absent_forget(node);
    fs_heap_free(node);
}

bool node_forget_one(struct filesystem *fs) {
    struct node *node = fs->unused_first;
    while (node && (node->table || node->orphan)) node = node->next;
    if (node) forget(fs, node);
    return node;
}

static struct node *node_new(struct filesystem *fs, uint32_t number) {
    struct node *node = fs_heap_calloc(1, sizeof *node);
    while (!node && node_forget_one(fs)) node = fs_heap_calloc(1, sizeof *node);
    if (!node) return nullptr;
    node->inode.fs = fs;
    node->inode.number = number;
    node->inode.references = 1;
    return node;
}

static void enter(struct filesystem *fs, struct node *node) {
    struct node **link = bucket(fs, node->inode.number);
    node->hash_next = *link;
    *link = node;
}

static bool is_sound(const struct filesystem *fs, const struct node *node) {
    const struct ext2_inode_large *raw = &node->raw;
    if (raw->i_extra_isize > fs->library->super->s_inode_size - EXT2_GOOD_OLD_INODE_SIZE || raw->i_extra_isize % 4)
        return false;
    if (raw->i_flags & (EXT4_INLINE_DATA_FL | EXT4_ENCRYPT_FL | EXT4_EA_INODE_FL)) return false;
    if (raw->i_file_acl >= fs->disk->blocks || raw->osd2.linux2.l_i_file_acl_high) return false;
    if (node->inode.size > FS_SIZE_MOST - FS_BLOCK) return false;
    if (S_ISDIR(node->inode.mode)) return node->inode.size % FS_BLOCK == 0 && node->inode.size && node_has_map(node);
    if (S_ISLNK(node->inode.mode)) return node->inode.size && node->inode.size < FS_BLOCK;
    if (S_ISREG(node->inode.mode) && !node_has_map(node))
        for (unsigned i = 0; i < EXT2_N_BLOCKS; i++)
            if (raw->i_block[i]) return false; // ext2's kind of map
    return type_of_mode(node->inode.mode) != EXT2_FT_UNKNOWN || node->inode.number < EXT2_GOOD_OLD_FIRST_INO;
}

int node_get(struct filesystem *fs, uint32_t number, struct node **found) {
    struct node *node = *bucket(fs, number);
    while (node && node->inode.number != number) node = node->hash_next;
    if (node) {
        if (node->freed) return -EUCLEAN;
        if (!node->inode.references++) unused_remove(fs, node);
        *found = node;
        return 0;
    }
    if (number == 0 || number > fs->library->super->s_inodes_count) return -EUCLEAN;
    if (fs->library->inode_map && !ext2fs_test_inode_bitmap2(fs->library->inode_map, number)) return -EUCLEAN;
    node = node_new(fs, number);
    if (!node) return -ENOMEM;
    const struct block *block = table_block(fs, number, &node->table_offset);
    if (!block) return fs_heap_free(node), fs->error;
    memcpy(&node->raw, (char *)block->memory + node->table_offset, sizeof node->raw);
    decode(node);
    if (!is_sound(fs, node)) return fs_heap_free(node), -EUCLEAN;
    enter(fs, node);
    *found = node;
    return 0;
}

void node_release(struct node *node) {
    struct filesystem *fs = node->inode.fs;
    if (--node->inode.references) return;
    unused_append(fs, node);
    if (node->freed && !node->table)
        forget(fs, node);
    else if (fs->unused_count > fs->options.inodes)
        node_forget_one(fs);
}

void node_change(struct node *node, bool contents) {
    struct filesystem *fs = node->inode.fs;
    node->changed_in = fs->journal.sequence;
    if (contents) node->contents_in = fs->journal.sequence;
    if (node->table) return;
    struct block *block = table_block(fs, node->inode.number, &node->table_offset);
    if (!block) return;
    block_dirty(fs, block);
    node->table = block;
    node->dirty_next = fs->dirty;
    fs->dirty = node;
}

void nodes_encode(struct filesystem *fs) {
    while (fs->dirty) {
        struct node *node = fs->dirty;
        fs->dirty = node->dirty_next;
        encode(node);
        node->table = nullptr;
        if (node->freed && !node->inode.references) forget(fs, node);
    }
    while (fs->fresh) {
        struct node *node = fs->fresh;
        fs->fresh = node->fresh_next;
        node->fresh_next = nullptr;
    }
    while (fs->unused_count > fs->options.inodes && node_forget_one(fs)) {
    }
}

// The node of an inode that was freed in this transaction, if there is one, gives way to a new inode of its number.
static bool discard_freed(struct filesystem *fs, uint32_t number) {
    struct node *node = *bucket(fs, number);
    while (node && node->inode.number != number) node = node->hash_next;
    if (!node) return true;
    if (!node->freed || node->inode.references) return false;
    struct node **link = &fs->dirty;
    while (*link && *link != node) link = &(*link)->dirty_next;
    if (*link) *link = node->dirty_next;
    for (link = &fs->fresh; *link && *link != node;) link = &(*link)->fresh_next;
    if (*link) *link = node->fresh_next;
    forget(fs, node);
    return true;
}

int node_make(struct filesystem *fs, struct node *parent, const struct fs_new *as, struct node **made) {
    struct node *node = node_new(fs, 0);
    if (!node) return -ENOMEM;
    ext2_ino_t number;
    const errcode_t error = ext2fs_new_inode(fs->library, parent ? parent->inode.number : 0, as->mode, 0, &number);
    if (error) return fs_heap_free(node), library_error(error);
    if (!discard_freed(fs, number)) {
        fs_heap_free(node);
        fs_stop(fs, -EUCLEAN, "an inode was to be taken that is in use");
        return -EUCLEAN;
    }
    node->inode.number = number;
    enter(fs, node);
    struct block *block = table_block(fs, number, &node->table_offset);
    if (!block) return node_release(node), fs->error;
    struct ext2_inode_large *raw = &node->raw;
    memcpy(raw, (char *)block->memory + node->table_offset, sizeof *raw);
    node->inode.generation = raw->i_generation + 1;
    memset((char *)block->memory + node->table_offset, 0, fs->library->super->s_inode_size);
    // Also in the table: the inode may be freed before it gets there, and its number's next user must be another one.
    ((struct ext2_inode_large *)((char *)block->memory + node->table_offset))->i_generation = node->inode.generation;
    memset(raw, 0, sizeof *raw);
    raw->i_extra_isize = EXTRA_BYTES;
    raw->i_generation = node->inode.generation;
    node->inode.mode = as->mode;
    node->inode.uid = as->uid;
    node->inode.gid = as->gid;
    node->inode.accessed = node->inode.modified = node->inode.changed = fs_now(fs);
    time_encode(node->inode.modified, &raw->i_crtime, &raw->i_crtime_extra);
    if (S_ISCHR(as->mode) || S_ISBLK(as->mode)) {
        node->inode.device = as->device;
        raw->i_block[1] = as->device;
    } else if (S_ISREG(as->mode) || S_ISDIR(as->mode)) {
        raw->i_flags = EXT4_EXTENTS_FL;
        *(struct ext3_extent_header *)raw->i_block =
            (struct ext3_extent_header){.eh_magic = EXT3_EXT_MAGIC, .eh_max = 4};
    }
    space_inode(fs, number, 1, S_ISDIR(as->mode));
    node_change(node, true);
    *made = node;
    return 0;
}

void node_free(struct node *node) {
    struct filesystem *fs = node->inode.fs;
    space_inode(fs, node->inode.number, -1, S_ISDIR(node->inode.mode));
    node->raw.i_dtime = (uint32_t)(fs_now(fs) / SECOND);
    node->inode.size = 0;
    node->freed = true;
    node_change(node, true);
}
