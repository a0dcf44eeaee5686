// SPDX-License-Identifier: MIT
// libext2fs on top of the cache: its input and output, its memory, and what it is told about allocation.
//
// Used of it: the superblock's, group descriptors' and bitmaps' formats and checks, free inodes, and changes to extent
// trees. It never writes bitmaps, descriptors or the superblock here: space.c does, and only what has changed.
#include "libos/unix/disk/internal.h"

// What the archive is never asked for, as library_open refuses the features: other compatible features may be there.
constexpr uint32_t NEEDED = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS;
constexpr uint32_t SERVED = NEEDED | EXT3_FEATURE_INCOMPAT_RECOVER | EXT4_FEATURE_INCOMPAT_FLEX_BG;
constexpr uint32_t SERVED_TO_WRITE = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE
                                     | EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK
                                     | EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE;

static struct filesystem *opening; // its open function is given a name only

int library_error(errcode_t error) {
    switch (error) {
    case 0: return 0;
    case ENOMEM:
    case EXT2_ET_NO_MEMORY: return -ENOMEM;
    case EIO: return -EIO;
    case EXT2_ET_BLOCK_ALLOC_FAIL: return -ENOSPC;
    case EXT2_ET_INODE_ALLOC_FAIL: return -ENOSPC;
    default: return -EUCLEAN;
    }
}

static errcode_t channel_open(const char *name, int flags, io_channel *channel) {
    (void)name, (void)flags;
    *channel = &opening->channel;
    return 0;
}

static errcode_t channel_close(io_channel channel) {
    (void)channel;
    return 0;
}

static errcode_t channel_set_size(io_channel channel, int bytes) {
    channel->block_size = bytes;
    return 0;
}

// `count` blocks of the channel's size, or -count bytes.
static errcode_t channel_read(io_channel channel, unsigned long long block, int count, void *data) {
    struct filesystem *fs = channel->private_data;
    uint64_t at = block * (unsigned)channel->block_size;
    uint64_t bytes = count < 0 ? (uint64_t)-(int64_t)count : (uint64_t)count * (unsigned)channel->block_size;
    while (bytes) {
        const struct block *from = block_get(fs, at / FS_BLOCK);
        if (!from) return fs->error == -EUCLEAN ? EXT2_ET_BAD_BLOCK_NUM : -fs->error;
        const uint64_t part = FS_BLOCK - at % FS_BLOCK < bytes ? FS_BLOCK - at % FS_BLOCK : bytes;
        memcpy(data, (const char *)from->memory + at % FS_BLOCK, part);
        data = (char *)data + part;
        at += part;
        bytes -= part;
    }
    return 0;
}

// Only whole blocks are ever written through here: nodes of extent trees.
static errcode_t channel_write(io_channel channel, unsigned long long number, int count, const void *data) {
    struct filesystem *fs = channel->private_data;
    if (!fs->operating || count != 1 || channel->block_size != FS_BLOCK) return EIO;
    struct block *block = block_new(fs, number);
    if (!block) return EIO;
    memcpy(block->memory, data, FS_BLOCK);
    block_dirty(fs, block);
    return 0;
}

static errcode_t channel_flush(io_channel channel) {
    (void)channel;
    return 0;
}

static struct struct_io_manager manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "cache",
    .open = channel_open,
    .close = channel_close,
    .set_blksize = channel_set_size,
    .read_blk64 = channel_read,
    .write_blk64 = channel_write,
    .flush = channel_flush,
};

static errcode_t narrow_read(io_channel channel, unsigned long block, int count, void *data) {
    return channel_read(channel, block, count, data);
}

// A block for a node of an extent tree.
static errcode_t take_block(ext2_filsys library, blk64_t goal, blk64_t *block) {
    struct range found;
    const int error = space_find(library->priv_data, goal, 1, &found);
    if (error) return EXT2_ET_BLOCK_ALLOC_FAIL;
    *block = found.first;
    return 0;
}

// libext2fs has changed an inode's map: the node it was given is that inode's.
static errcode_t write_inode(ext2_filsys library, ext2_ino_t number, struct ext2_inode *raw) {
    (void)library, (void)number;
    struct node *node = (struct node *)((char *)raw - offsetof(struct node, raw));
    node_change(node, true);
    return 0;
}

// In place of libext2fs's own: space.c keeps the counts.
void ext2fs_block_alloc_stats2(ext2_filsys library, blk64_t block, int change) {
    if (change > 0)
        space_take(library->priv_data, block, 1);
    else
        space_free(library->priv_data, block, 1);
}

// In place of libext2fs's own, which has a buffer for many blocks. Without a file system it has nothing to release.
errcode_t ext2fs_zero_blocks2(ext2_filsys library, blk64_t first, int count, blk64_t *failed, int *failed_count) {
    (void)failed, (void)failed_count;
    for (int i = 0; library && i < count; i++) {
        struct block *block = block_new(library->priv_data, first + (unsigned)i);
        if (!block) return EIO;
        block_dirty(library->priv_data, block);
    }
    return 0;
}

// Names that ignore case: refused before it is asked for.
const struct ext2fs_nls_table *ext2fs_load_nls_table(int encoding) {
    (void)encoding;
    return nullptr;
}

static const char *refusal(const struct ext2_super_block *super) {
    if (super->s_log_block_size != 2) return "the file system's blocks have not 4096 bytes";
    if (!ext2fs_has_feature_journal((struct ext2_super_block *)super)) return "the file system has no journal";
    if ((super->s_feature_incompat & NEEDED) != NEEDED) return "the file system lacks extents or entry types";
    if (super->s_feature_incompat & ~SERVED || super->s_feature_ro_compat & ~SERVED_TO_WRITE)
        return "the file system has features that are not served";
    if (super->s_inode_size < 256) return "the file system's inodes have fewer than 256 bytes";
    return nullptr;
}

// Everything but the superblock's own fields: where the groups' tables lie.
static bool groups_are_sound(struct filesystem *fs) {
    ext2_filsys library = fs->library;
    const uint64_t blocks = ext2fs_blocks_count(library->super);
    if (library->super->s_first_data_block != 0 || library->super->s_blocks_per_group != 8 * FS_BLOCK
        || library->super->s_inodes_per_group > 8 * FS_BLOCK || library->super->s_inodes_per_group % 8
        || library->super->s_first_ino < EXT2_GOOD_OLD_FIRST_INO
        || library->super->s_first_ino >= library->super->s_inodes_count
        || library->super->s_want_extra_isize > library->super->s_inode_size - 128)
        return false;
    for (dgrp_t group = 0; group < library->group_desc_count; group++) {
        const uint64_t table = ext2fs_inode_table_loc(library, group);
        if (ext2fs_block_bitmap_loc(library, group) - 1 >= blocks - 1
            || ext2fs_inode_bitmap_loc(library, group) - 1 >= blocks - 1 || table - 1 >= blocks - 1
            || table + library->inode_blocks_per_group > blocks)
            return false;
    }
    return true;
}

int library_open(struct filesystem *fs) {
    opening = fs;
    manager.read_blk = narrow_read;
    fs->channel = (struct struct_io_channel){.magic = EXT2_ET_MAGIC_IO_CHANNEL,
                                             .manager = &manager,
                                             .name = (char *)"disk",
                                             .block_size = 1024,
                                             .refcount = 1,
                                             .private_data = fs};
    struct block *first = block_get(fs, 0);
    if (!first) return fs_refuse("the disk failed to read"), fs->error;
    const struct ext2_super_block *super = (const void *)((char *)first->memory + SUPERBLOCK_OFFSET);
    if (super->s_magic != EXT2_SUPER_MAGIC) return fs_refuse("there is no file system on the disk"), -EINVAL;
    const char *why = refusal(super);
    if (why) return fs_refuse(why), -EOPNOTSUPP;
    if (ext2fs_blocks_count((struct ext2_super_block *)super) > fs->disk->blocks)
        return fs_refuse("the file system is larger than the disk"), -EINVAL;
    errcode_t error = ext2fs_open("disk", EXT2_FLAG_RW | EXT2_FLAG_64BITS, 0, 0, &manager, &fs->library);
    if (error) {
        fs->library = nullptr;
        const int code = library_error(error);
        return fs_refuse(code == -ENOMEM ? "the heap is too small" : "the superblock is damaged"),
               code == -EUCLEAN ? -EINVAL : code;
    }
    fs->library->priv_data = fs;
    fs->library->default_bitmap_type = EXT2FS_BMAP64_BITARRAY;
    fs->library->get_alloc_block = take_block;
    fs->library->write_inode = write_inode;
    if (!groups_are_sound(fs)) return fs_refuse("the group descriptors are damaged"), -EINVAL;
    return 0;
}

void library_close(struct filesystem *fs) {
    if (fs->library) ext2fs_free(fs->library);
    fs->library = nullptr;
}
