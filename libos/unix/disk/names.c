// SPDX-License-Identifier: MIT
// Names: looking up, making, linking and removing. Renaming is in rename.c.
//
// What is wrong with a request is found before its operation begins to change anything.
#include "libos/unix/disk/internal.h"

bool name_is_bad(size_t length, int *error) {
    *error = length == 0 ? -ENOENT : length > FS_NAME_MOST ? -ENAMETOOLONG : 0;
    return *error;
}

// Whether names can be made in a directory.
static int directory_check(const struct inode *directory, size_t length) {
    int error;
    if (!S_ISDIR(directory->mode)) return -ENOTDIR;
    if (name_is_bad(length, &error)) return error;
    return directory->links ? 0 : -ENOENT;
}

int fs_lookup(struct inode *directory, const char *name, size_t length, struct inode **found) {
    int error = directory_check(directory, length);
    if (error && error != -ENOENT) return error;
    if (length == 0) return -ENOENT;
    struct place place;
    error = entry_find(node_of(directory), name, length, &place);
    if (error) return error;
    struct node *node;
    error = node_get(directory->fs, place.inode, &node);
    if (!error) *found = &node->inode;
    return error;
}

// A name must be absent: 0, or -EEXIST or what went wrong.
static int absent(struct inode *directory, const char *name, size_t length) {
    struct place place;
    int error = directory_check(directory, length);
    if (error) return error;
    error = entry_find(node_of(directory), name, length, &place);
    return error == -ENOENT ? 0 : error ? error : -EEXIST;
}

// The second half of making anything: the entry, and the caller's reference.
static int enter(struct inode *directory, const char *name, size_t length, struct node *node, struct inode **made) {
    struct filesystem *fs = directory->fs;
    int error = directory_add(node_of(directory), name, length, node->inode.number, node->inode.mode);
    if (error) fs_stop(fs, error, "a directory is damaged");
    node_change(node_of(directory), true);
    error = operation_end(fs, error);
    if (made && !error)
        *made = &node->inode;
    else
        node_release(node);
    return error;
}

// The first half: an operation that takes so many blocks besides the name's, and the inode.
static int begin(struct inode *directory, const char *name, size_t length, const struct fs_new *as, uint64_t blocks,
                 struct node **node) {
    struct filesystem *fs = directory->fs;
    int error = absent(directory, name, length);
    if (!error) error = operation_begin(fs, blocks + directory_blocks(node_of(directory), length));
    if (error) return error;
    error = node_make(fs, node_of(directory), as, node);
    return error ? operation_end(fs, error) : 0;
}

int fs_create(struct inode *directory, const char *name, size_t length, const struct fs_new *as, struct inode **made) {
    struct node *node;
    if (S_ISDIR(as->mode) || S_ISLNK(as->mode) || type_of_mode(as->mode) == EXT2_FT_UNKNOWN) return -EINVAL;
    const int error = begin(directory, name, length, as, 0, &node);
    if (error) return error;
    node->inode.links = 1;
    return enter(directory, name, length, node, made);
}

int fs_mkdir(struct inode *directory, const char *name, size_t length, const struct fs_new *as, struct inode **made) {
    struct node *node;
    struct fs_new as_directory = *as;
    as_directory.mode = (uint16_t)((as->mode & 07777) | S_IFDIR);
    if (S_ISDIR(directory->mode) && directory->links >= FS_LINKS_MOST) return -EMLINK;
    int error = begin(directory, name, length, &as_directory, 1, &node);
    if (error) return error;
    node->inode.links = 2;
    error = directory_start(node, directory->number);
    if (error) fs_stop(directory->fs, error, "a directory could not be made");
    directory->links++;
    return enter(directory, name, length, node, made);
}

// A long target has a block of its own; a short one is in the inode, where the map would be.
static int set_target(struct node *link, const char *target, size_t length) {
    struct filesystem *fs = link->inode.fs;
    link->inode.size = length;
    if (length < sizeof link->raw.i_block) {
        memcpy(link->raw.i_block, target, length);
        return 0;
    }
    struct range found;
    int error = space_find(
        fs, ext2fs_group_first_block2(fs->library, ext2fs_group_of_ino(fs->library, link->inode.number)), 1, &found);
    if (error) return error;
    space_take(fs, found.first, 1);
    struct block *block = block_new(fs, found.first);
    if (!block) return fs->error;
    memcpy(block->memory, target, length);
    block_dirty(fs, block);
    return map_add(link, 0, found.first, 1);
}

int fs_symlink(struct inode *directory, const char *name, size_t length, const struct fs_new *as, const char *target,
               size_t target_length, struct inode **made) {
    struct node *node;
    struct fs_new as_link = *as;
    as_link.mode = S_IFLNK | 0777;
    if (target_length == 0) return -ENOENT;
    if (target_length >= FS_BLOCK) return -ENAMETOOLONG;
    const bool in_inode = target_length < sizeof node->raw.i_block;
    int error = begin(directory, name, length, &as_link, in_inode ? 0 : 1, &node);
    if (error) return error;
    node->inode.links = 1;
    error = set_target(node, target, target_length);
    if (error) fs_stop(directory->fs, error, "a symbolic link could not be made");
    return enter(directory, name, length, node, made);
}

int fs_create_nameless(struct filesystem *fs, const struct fs_new *as, struct inode **made) {
    if (!S_ISREG(as->mode)) return -EINVAL;
    int error = operation_begin(fs, 0);
    if (error) return error;
    struct node *node;
    error = node_make(fs, nullptr, as, &node);
    if (!error) orphan_add(node);
    error = operation_end(fs, error);
    if (!error) *made = &node->inode;
    return error;
}

int fs_link(struct inode *directory, const char *name, size_t length, struct inode *to) {
    struct filesystem *fs = directory->fs;
    if (S_ISDIR(to->mode)) return -EPERM;
    if (to->links >= FS_LINKS_MOST) return -EMLINK;
    if (!to->links && !node_of(to)->orphan) return -ENOENT;
    int error = absent(directory, name, length);
    if (!error) error = operation_begin(fs, directory_blocks(node_of(directory), length));
    if (error) return error;
    if (!to->links) orphan_remove(node_of(to));
    to->links++;
    to->changed = fs_now(fs);
    node_change(node_of(to), true);
    error = directory_add(node_of(directory), name, length, to->number, to->mode);
    if (error) fs_stop(fs, error, "a directory is damaged");
    return operation_end(fs, error);
}

// The inode lost a name. If that was the last, it goes now if nobody else refers to it and it is small, or later.
void node_unlinked(struct node *node) {
    struct filesystem *fs = node->inode.fs;
    node->inode.changed = fs_now(fs);
    node_change(node, true);
    if (node->inode.links) return;
    if (node->inode.references == 1 && node_is_small(node) && !node->inode.owner)
        node_destroy(node);
    else
        orphan_add(node);
}

static int find(struct inode *directory, const char *name, size_t length, struct place *place, struct node **node) {
    int error = directory_check(directory, length);
    if (!error) error = entry_find(node_of(directory), name, length, place);
    return error ? error : node_get(directory->fs, place->inode, node);
}

int fs_unlink(struct inode *directory, const char *name, size_t length) {
    struct filesystem *fs = directory->fs;
    struct place place;
    struct node *node;
    int error = find(directory, name, length, &place, &node);
    if (error) return error;
    if (S_ISDIR(node->inode.mode)) error = -EISDIR;
    if (!error && !node->inode.links) error = -EUCLEAN;
    if (!error) error = operation_begin(fs, 0);
    if (!error) {
        error = directory_remove(node_of(directory), &place);
        if (error) fs_stop(fs, error, "a directory is damaged");
        node->inode.links--;
        node_unlinked(node);
        error = operation_end(fs, error);
    }
    fs_release(&node->inode);
    return error;
}

int fs_rmdir(struct inode *directory, const char *name, size_t length) {
    struct filesystem *fs = directory->fs;
    struct place place;
    struct node *node;
    if (length == 1 && name[0] == '.') return -EINVAL;
    if (length == 2 && name[0] == '.' && name[1] == '.') return -ENOTEMPTY;
    int error = find(directory, name, length, &place, &node);
    if (error) return error;
    if (!S_ISDIR(node->inode.mode)) error = -ENOTDIR;
    if (!error) error = directory_is_empty(node);
    if (error >= 0) error = error ? operation_begin(fs, 0) : -ENOTEMPTY;
    if (!error) {
        error = directory_remove(node_of(directory), &place);
        if (error) fs_stop(fs, error, "a directory is damaged");
        directory->links--;
        node->inode.links = 0;
        node_unlinked(node);
        error = operation_end(fs, error);
    }
    fs_release(&node->inode);
    return error;
}

int64_t fs_readlink(struct inode *inode, char *target, size_t room) {
    struct node *link = node_of(inode);
    if (!S_ISLNK(inode->mode)) return -EINVAL;
    const size_t length = inode->size < room ? inode->size : room;
    if (!node_has_map(link)) {
        if (inode->size >= sizeof link->raw.i_block) return -EUCLEAN;
        memcpy(target, link->raw.i_block, length);
        return (int64_t)inode->size;
    }
    struct map_run run;
    const int error = map_find(link, 0, &run);
    if (error) return error;
    if (!run.block) return -EUCLEAN;
    const struct block *block = block_get(inode->fs, run.block);
    if (!block) return inode->fs->error;
    memcpy(target, block->memory, length);
    return (int64_t)inode->size;
}
