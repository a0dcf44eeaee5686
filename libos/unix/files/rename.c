// SPDX-License-Identifier: MIT
// rename and its family: what the two ends of the paths and the permissions allow.
#include "libos/unix/calls.h"
#include "libos/unix/files/files.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/names.h"
#include "libos/unix/files/path.h"
#include "libos/unix/files/special.h"
#include <errno.h>
#include <fcntl.h>

constexpr uint32_t NO_REPLACE = 1; // RENAME_NOREPLACE

static int check_remove(const struct path_end *end) {
    const int error = may_change_names(end->directory);
    if (error != 0 || end->inode == nullptr) return error;
    if (is_special(end->inode)) return -EBUSY;
    const bool sticky =
        (end->directory->mode & S_ISVTX) != 0 && !inode_owned(end->inode) && !inode_owned(end->directory);
    return sticky ? -EPERM : 0;
}

// The checks in Linux's order, as far as the file system doesn't make them itself.
static int check(const struct path_end *from, const struct path_end *to, uint32_t flags) {
    if (is_special(from->directory) != is_special(to->directory)) return -EXDEV;
    if (from->last != PATH_NAME || to->last != PATH_NAME) return -EBUSY;
    if (from->inode == nullptr) return -ENOENT;
    if ((flags & NO_REPLACE) && to->inode != nullptr) return -EEXIST;
    if (!S_ISDIR(from->inode->mode) && (from->slash || to->slash)) return -ENOTDIR;
    if (from->inode == to->inode) return 0; // both are names of one file: nothing happens
    int error = check_remove(from);
    if (error == 0) error = check_remove(to);
    if (error != 0) return error;
    // A directory that moves gets another "..": it must be writable itself.
    const bool moves = S_ISDIR(from->inode->mode) && from->directory != to->directory;
    return moves ? inode_access(from->inode, ACCESS_WRITE) : 0;
}

static int64_t rename_at(int from, uint64_t from_address, int to, uint64_t to_address, uint32_t flags) {
    if (flags & ~NO_REPLACE) return -EINVAL; // RENAME_EXCHANGE and RENAME_WHITEOUT are not served
    struct path_end old, new;
    int error = path_walk_user(from, from_address, PATH_PARENT, &old);
    if (error != 0) return error;
    error = path_walk_user(to, to_address, PATH_PARENT, &new);
    if (error == 0) {
        error = check(&old, &new, flags);
        if (error == 0)
            error = fs_rename(old.directory, old.name, old.length, new.directory, new.name, new.length,
                              flags & NO_REPLACE ? FS_NOREPLACE : 0);
        path_end_release(&new);
    }
    path_end_release(&old);
    return error;
}

int64_t sys_rename(struct thread *, const uint64_t argument[6]) {
    return rename_at(AT_FDCWD, argument[0], AT_FDCWD, argument[1], 0);
}
int64_t sys_renameat(struct thread *, const uint64_t argument[6]) {
    return rename_at((int)argument[0], argument[1], (int)argument[2], argument[3], 0);
}
int64_t sys_renameat2(struct thread *, const uint64_t argument[6]) {
    return rename_at((int)argument[0], argument[1], (int)argument[2], argument[3], (uint32_t)argument[4]);
}
