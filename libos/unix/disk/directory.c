// SPDX-License-Identifier: MIT
// Directories: blocks of entries in no order, which fill each block without a gap. A removed entry becomes room of the
// one before it, so entries never move, and a place in a directory stays good.
//
// An indexed directory (htree) is read like any other, as its index looks like unused entries to whoever doesn't know
// it; the first change takes the index's flag away.
#include "libos/unix/disk/internal.h"

struct entry {
    uint32_t inode; // 0: unused
    uint16_t bytes; // to the next one
    uint8_t length, type;
    char name[];
};

static uint32_t entry_bytes(size_t length) {
    return (uint32_t)(sizeof(struct entry) + length + 3) & ~3u;
}

uint8_t type_of_mode(uint32_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG: return EXT2_FT_REG_FILE;
    case S_IFDIR: return EXT2_FT_DIR;
    case S_IFCHR: return EXT2_FT_CHRDEV;
    case S_IFBLK: return EXT2_FT_BLKDEV;
    case S_IFIFO: return EXT2_FT_FIFO;
    case S_IFSOCK: return EXT2_FT_SOCK;
    case S_IFLNK: return EXT2_FT_SYMLINK;
    default: return EXT2_FT_UNKNOWN;
    }
}

// The entry at an offset of a block; null: it runs over the block's end, or over its own.
static struct entry *entry_at(const struct block *block, uint32_t offset) {
    struct entry *entry = (struct entry *)((char *)block->memory + offset);
    if (offset > FS_BLOCK - sizeof *entry || entry->bytes % 4 || entry->bytes < sizeof *entry
        || entry->bytes > FS_BLOCK - offset || (entry->inode && entry_bytes(entry->length) > entry->bytes))
        return nullptr;
    return entry;
}

// A page of a directory; an error pointer's value in *error if null.
static struct block *page_get(struct node *directory, uint64_t page, int *error) {
    struct map_run run;
    *error = map_find(directory, page, &run);
    if (*error) return nullptr;
    if (!run.block || run.unwritten) return *error = -EUCLEAN, nullptr;
    struct block *block = block_get(directory->inode.fs, run.block);
    if (!block) *error = directory->inode.fs->error;
    return block;
}

static int search(struct node *directory, const char *name, size_t length, struct place *place) {
    const char last = name[length - 1];
    for (uint64_t page = 0; page < directory->inode.size / FS_BLOCK; page++) {
        int error;
        const struct block *block = page_get(directory, page, &error);
        if (!block) return error;
        const struct entry *entry;
        for (uint32_t offset = 0; offset < FS_BLOCK; offset += entry->bytes) {
            entry = entry_at(block, offset);
            if (!entry) return -EUCLEAN;
            // Most names of a length differ at their end.
            if (entry->length != length || !entry->inode || entry->name[length - 1] != last
                || memcmp(entry->name, name, length) != 0)
                continue;
            *place = (struct place){block->number, (uint32_t)page, offset, entry->inode, entry->type};
            return 0;
        }
    }
    return -ENOENT;
}

// After a search in vain: the next one need not read it all.
static void know_absent(struct node *directory) {
    const uint64_t pages = directory->inode.size / FS_BLOCK;
    if (directory->absent || pages < 2) return;
    absent_start(directory, (uint32_t)(pages * (FS_BLOCK / entry_bytes(8)) / 2));
    for (uint64_t page = 0; page < pages && directory->absent; page++) {
        int error;
        const struct block *block = page_get(directory, page, &error);
        const struct entry *entry = block ? entry_at(block, 0) : nullptr;
        for (uint32_t offset = 0; entry; entry = offset < FS_BLOCK ? entry_at(block, offset) : nullptr) {
            if (entry->inode) absent_add(directory, entry->name, entry->length);
            offset += entry->bytes;
            if (offset == FS_BLOCK) break;
        }
        if (!entry) { // damaged, or not to be read
            absent_forget(directory);
            return;
        }
    }
}

int entry_find(struct node *directory, const char *name, size_t length, struct place *place) {
    if (known_find(directory, name, length, place)) return place->inode ? 0 : -ENOENT;
    const int error = absent_is(directory, name, length) ? -ENOENT : search(directory, name, length, place);
    if (error == -ENOENT) {
        *place = (struct place){};
        know_absent(directory);
    }
    if (!error || error == -ENOENT) known_put(directory, name, length, place);
    return error;
}

// The directory has this entry now.
static void entry_is_known(const struct node *directory, const struct block *block, uint64_t page,
                           const struct entry *entry) {
    known_put(directory, entry->name, entry->length,
              &(struct place){block->number, (uint32_t)page,
                              (uint32_t)((const char *)entry - (const char *)block->memory), entry->inode,
                              entry->type});
}

static void entry_fill(struct entry *entry, const char *name, size_t length, uint32_t inode, uint32_t mode) {
    entry->inode = inode;
    entry->length = (uint8_t)length;
    entry->type = type_of_mode(mode);
    memcpy(entry->name, name, length);
}

// The directory has changed: its times, and whatever an index said.
static void changed(struct node *directory) {
    directory->raw.i_flags &= ~(uint32_t)EXT2_INDEX_FL;
    directory->listed = 0;
    directory->inode.modified = directory->inode.changed = fs_now(directory->inode.fs);
    node_change(directory, true);
}

// The first entry of a block, from one of them on, behind whose own bytes there is room. 1: there is none.
static int room_in(struct block *block, uint32_t offset, uint32_t need, struct entry **found) {
    struct entry *entry;
    for (; offset < FS_BLOCK; offset += entry->bytes) {
        entry = entry_at(block, offset);
        if (!entry) return -EUCLEAN;
        const uint32_t used = entry->inode ? entry_bytes(entry->length) : 0;
        if (entry->bytes - used < need) continue;
        *found = entry;
        return 0;
    }
    return 1;
}

// Puts the entry into a block that has room for it. 1: it has none.
static int add_in(struct node *directory, struct block *block, uint64_t page, uint32_t offset, const char *name,
                  size_t length, uint32_t inode, uint32_t mode) {
    struct entry *entry;
    const uint32_t need = entry_bytes(length);
    const int error = room_in(block, offset, need, &entry);
    if (error) return error;
    directory->room_from = page;
    directory->room_offset = (uint32_t)((const char *)entry - (const char *)block->memory);
    directory->room_for = need;
    const uint32_t used = entry->inode ? entry_bytes(entry->length) : 0;
    if (used) {
        struct entry *rest = (struct entry *)((char *)entry + used);
        rest->bytes = (uint16_t)(entry->bytes - used);
        entry->bytes = (uint16_t)used;
        entry = rest;
    }
    entry_fill(entry, name, length, inode, mode);
    entry_is_known(directory, block, page, entry);
    absent_add(directory, name, length);
    block_dirty(directory->inode.fs, block);
    changed(directory);
    return 0;
}

// Looked for only if it matters: with many blocks left it makes no difference whether one is asked for.
uint64_t directory_blocks(struct node *directory, size_t length) {
    constexpr uint64_t many = 64;
    if (space_left(directory->inode.fs) > many) return 1;
    for (uint64_t page = 0; page < directory->inode.size / FS_BLOCK; page++) {
        int error;
        struct entry *entry;
        struct block *block = page_get(directory, page, &error);
        if (block && room_in(block, 0, entry_bytes(length), &entry) == 0) return 0;
    }
    return 1;
}

static int append(struct node *directory, struct block **made) {
    struct filesystem *fs = directory->inode.fs;
    const uint64_t page = directory->inode.size / FS_BLOCK;
    struct map_run before = {};
    if (page && map_find(directory, page - 1, &before)) return -EUCLEAN;
    struct range found;
    const uint64_t goal =
        before.block
            ? before.block + 1
            : ext2fs_group_first_block2(fs->library, ext2fs_group_of_ino(fs->library, directory->inode.number));
    int error = space_find(fs, goal, 1, &found);
    if (error) return error;
    space_take(fs, found.first, 1);
    error = map_add(directory, page, found.first, 1);
    if (error) return error;
    struct block *block = block_new(fs, found.first);
    if (!block) return fs->error;
    ((struct entry *)block->memory)->bytes = FS_BLOCK;
    block_dirty(fs, block);
    directory->inode.size += FS_BLOCK;
    *made = block;
    return 0;
}

int directory_add(struct node *directory, const char *name, size_t length, uint32_t inode, uint32_t mode) {
    const uint64_t pages = directory->inode.size / FS_BLOCK;
    const uint32_t need = entry_bytes(length);
    const bool known = directory->room_for && need >= directory->room_for;
    const uint64_t first = known ? directory->room_from : 0;
    uint32_t offset = known ? directory->room_offset : 0;
    for (uint64_t page = first; page < pages; page++, offset = 0) {
        int error;
        struct block *block = page_get(directory, page, &error);
        if (!block) return error;
        error = add_in(directory, block, page, offset, name, length, inode, mode);
        if (error <= 0) return error;
    }
    struct block *block = nullptr;
    const int error = append(directory, &block);
    if (error) return error;
    return add_in(directory, block, pages, 0, name, length, inode, mode);
}

int directory_remove(struct node *directory, const struct place *place) {
    struct block *block = block_get(directory->inode.fs, place->number);
    if (!block) return directory->inode.fs->error;
    struct entry *before = nullptr, *entry;
    const bool near = place->page == directory->room_from && directory->room_offset < place->offset;
    uint32_t offset = near ? directory->room_offset : 0, room = 0; // where the room that is made begins
    for (;; offset += entry->bytes) {
        entry = offset < FS_BLOCK ? entry_at(block, offset) : nullptr;
        if (!entry || offset > place->offset) return -EUCLEAN;
        if (offset == place->offset) break;
        before = entry;
        room = offset;
    }
    if (before) before->bytes = (uint16_t)(before->bytes + entry->bytes);
    known_put(directory, entry->name, entry->length, &(struct place){});
    entry->inode = 0;
    if (place->page < directory->room_from || (place->page == directory->room_from && room < directory->room_offset)) {
        directory->room_from = place->page;
        directory->room_offset = room;
    }
    block_dirty(directory->inode.fs, block);
    changed(directory);
    return 0;
}

int directory_set(struct node *directory, const struct place *place, uint32_t inode, uint32_t mode) {
    struct block *block = block_get(directory->inode.fs, place->number);
    if (!block) return directory->inode.fs->error;
    struct entry *entry = (struct entry *)((char *)block->memory + place->offset);
    entry->inode = inode;
    entry->type = type_of_mode(mode);
    entry_is_known(directory, block, place->page, entry);
    block_dirty(directory->inode.fs, block);
    changed(directory);
    return 0;
}

int directory_start(struct node *directory, uint32_t parent) {
    struct block *block;
    const int error = append(directory, &block);
    if (error) return error;
    struct entry *dot = block->memory, *dots = (struct entry *)((char *)dot + entry_bytes(1));
    entry_fill(dot, ".", 1, directory->inode.number, S_IFDIR);
    dot->bytes = (uint16_t)entry_bytes(1);
    entry_fill(dots, "..", 2, parent, S_IFDIR);
    dots->bytes = (uint16_t)(FS_BLOCK - entry_bytes(1));
    return 0;
}

static bool is_dots(const struct entry *entry) {
    return entry->name[0] == '.' && (entry->length == 1 || (entry->length == 2 && entry->name[1] == '.'));
}

int directory_is_empty(struct node *directory) {
    for (uint64_t page = 0; page < directory->inode.size / FS_BLOCK; page++) {
        int error;
        const struct block *block = page_get(directory, page, &error);
        if (!block) return error;
        const struct entry *entry;
        for (uint32_t offset = 0; offset < FS_BLOCK; offset += entry->bytes) {
            entry = entry_at(block, offset);
            if (!entry) return -EUCLEAN;
            if (entry->inode && !is_dots(entry)) return 0;
        }
    }
    return 1;
}

int fs_readdir(struct inode *inode, uint64_t cursor, struct fs_entry *to) {
    struct node *directory = node_of(inode);
    static const uint8_t types[] = {0, 8, 4, 2, 6, 1, 12, 10}; // DT_ of EXT2_FT_
    if (!S_ISDIR(inode->mode)) return -ENOTDIR;
    while (cursor < inode->size) {
        int error;
        const struct block *block = page_get(directory, cursor / FS_BLOCK, &error);
        if (!block) return error;
        // From the block's start, as an entry at the cursor may have become room of one before it since.
        const struct entry *entry;
        uint32_t offset = cursor == directory->listed ? (uint32_t)(cursor % FS_BLOCK) : 0;
        for (; offset < FS_BLOCK; offset += entry->bytes) {
            entry = entry_at(block, offset);
            if (!entry) return -EUCLEAN;
            if (offset < cursor % FS_BLOCK || !entry->inode) continue;
            directory->listed = to->cursor = cursor - cursor % FS_BLOCK + offset + entry->bytes;
            to->inode = entry->inode;
            to->type = entry->type < sizeof types ? types[entry->type] : 0;
            to->length = entry->length;
            memcpy(to->name, entry->name, entry->length);
            to->name[entry->length] = 0;
            return 1;
        }
        cursor += FS_BLOCK - cursor % FS_BLOCK;
    }
    return 0;
}
