// SPDX-License-Identifier: MIT
// Calls that make, remove and rename names. Each follows the path to its directory, checks what the end of the path and
// the permissions allow, and leaves the rest to the file system.
#include "libos/unix/files/names.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/files.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/path.h"
#include "libos/unix/files/special.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>

struct fs_new new_for(const struct inode *directory, uint32_t type, uint32_t mode) {
    const struct process *process = process_current();
    const bool inherits = (directory->mode & S_ISGID) != 0;
    return (struct fs_new){
        .mode = (uint16_t)(type | (mode & 07777 & ~process->umask) | (inherits && S_ISDIR(type) ? S_ISGID : 0)),
        .uid = process->euid,
        .gid = inherits ? directory->gid : process->egid,
    };
}

int may_change_names(const struct inode *directory) {
    const int error = inode_access(directory, ACCESS_WRITE | ACCESS_EXECUTE);
    return error != 0 ? error : is_special(directory) ? -EACCES : 0;
}

// In a directory with S_ISVTX only the owner of the file or of the directory removes a name.
static int may_remove(const struct inode *directory, const struct inode *inode) {
    const int error = may_change_names(directory);
    if (error != 0) return error;
    const bool sticky = (directory->mode & S_ISVTX) != 0 && !inode_owned(inode) && !inode_owned(directory);
    return sticky ? -EPERM : is_special(inode) ? -EBUSY : 0; // what lies over a name is in use
}

// The place for a new name. `slash`: it may be followed by one, as a directory's may.
static int walk_to_new(int directory, uint64_t address, bool slash, struct path_end *end) {
    int error = path_walk_user(directory, address, PATH_PARENT, end);
    if (error != 0) return error;
    if (end->inode != nullptr)
        error = -EEXIST;
    else if (end->slash && !slash)
        error = -ENOENT;
    else
        error = may_change_names(end->directory);
    if (error != 0) path_end_release(end);
    return error;
}

static int64_t make_directory(int directory, uint64_t address, uint32_t mode) {
    struct path_end end;
    int error = walk_to_new(directory, address, true, &end);
    if (error != 0) return error;
    const struct fs_new as = new_for(end.directory, S_IFDIR, mode & 01777);
    error = fs_mkdir(end.directory, end.name, end.length, &as, nullptr);
    path_end_release(&end);
    return error;
}

int64_t sys_mkdir(struct thread *, const uint64_t argument[6]) {
    return make_directory(AT_FDCWD, argument[0], (uint32_t)argument[1]);
}
int64_t sys_mkdirat(struct thread *, const uint64_t argument[6]) {
    return make_directory((int)argument[0], argument[1], (uint32_t)argument[2]);
}

static int64_t make_node(int directory, uint64_t address, uint32_t mode, uint64_t device) {
    const uint32_t type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
    if (type == S_IFDIR) return -EPERM;
    if (type != S_IFREG && type != S_IFIFO && type != S_IFSOCK && type != S_IFCHR && type != S_IFBLK) return -EINVAL;
    struct path_end end;
    int error = walk_to_new(directory, address, false, &end);
    if (error != 0) return error;
    struct fs_new as = new_for(end.directory, type, mode);
    const bool is_device = type == S_IFCHR || type == S_IFBLK;
    if (is_device) as.device = (uint32_t)device;
    if (is_device && process_current()->euid != 0)
        error = -EPERM;
    else
        error = fs_create(end.directory, end.name, end.length, &as, nullptr);
    path_end_release(&end);
    return error;
}

int64_t sys_mknod(struct thread *, const uint64_t argument[6]) {
    return make_node(AT_FDCWD, argument[0], (uint32_t)argument[1], argument[2]);
}
int64_t sys_mknodat(struct thread *, const uint64_t argument[6]) {
    return make_node((int)argument[0], argument[1], (uint32_t)argument[2], argument[3]);
}

static int64_t make_link(uint64_t target_address, int directory, uint64_t address) {
    struct path_text target;
    int error = path_text_read(&target, target_address);
    if (error != 0) return error;
    struct path_end end;
    size_t length = 0;
    while (target.text[length] != '\0') length++;
    error = length == 0 ? -ENOENT : walk_to_new(directory, address, false, &end);
    if (error == 0) {
        struct fs_new as = new_for(end.directory, S_IFLNK, 0);
        as.mode |= 0777;
        error = fs_symlink(end.directory, end.name, end.length, &as, target.text, length, nullptr);
        path_end_release(&end);
    }
    path_text_free(&target);
    return error;
}

int64_t sys_symlink(struct thread *, const uint64_t argument[6]) {
    return make_link(argument[0], AT_FDCWD, argument[1]);
}
int64_t sys_symlinkat(struct thread *, const uint64_t argument[6]) {
    return make_link(argument[0], (int)argument[1], argument[2]);
}

static int64_t link(int from, uint64_t from_address, int to, uint64_t to_address, uint32_t flags) {
    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    const uint32_t follow = (flags & AT_SYMLINK_FOLLOW ? PATH_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? PATH_EMPTY : 0);
    struct path_end old, end;
    int error = path_walk_user(from, from_address, follow, &old);
    if (error != 0) return error;
    error = walk_to_new(to, to_address, false, &end);
    if (error == 0) {
        if (is_special(old.inode))
            error = -EXDEV;
        else
            error = S_ISDIR(old.inode->mode) ? -EPERM : fs_link(end.directory, end.name, end.length, old.inode);
        path_end_release(&end);
    }
    path_end_release(&old);
    return error;
}

int64_t sys_link(struct thread *, const uint64_t argument[6]) {
    return link(AT_FDCWD, argument[0], AT_FDCWD, argument[1], 0);
}
int64_t sys_linkat(struct thread *, const uint64_t argument[6]) {
    return link((int)argument[0], argument[1], (int)argument[2], argument[3], (uint32_t)argument[4]);
}

// ---- Removing

static int unlink_end(const struct path_end *end) {
    if (end->last != PATH_NAME) return -EISDIR;
    if (end->inode == nullptr) return -ENOENT;
    if (end->slash) return S_ISDIR(end->inode->mode) ? -EISDIR : -ENOTDIR;
    const int error = may_remove(end->directory, end->inode);
    if (error != 0) return error;
    return S_ISDIR(end->inode->mode) ? -EISDIR : fs_unlink(end->directory, end->name, end->length);
}

static int rmdir_end(const struct path_end *end) {
    if (end->last == PATH_DOT) return -EINVAL;
    if (end->last == PATH_DOT_DOT) return -ENOTEMPTY;
    if (end->last == PATH_ROOT) return -EBUSY;
    if (end->inode == nullptr) return -ENOENT;
    const int error = may_remove(end->directory, end->inode);
    if (error != 0) return error;
    if (!S_ISDIR(end->inode->mode)) return -ENOTDIR;
    if (end->inode == process_current()->root) return -EBUSY;
    return fs_rmdir(end->directory, end->name, end->length);
}

static int64_t unlink_at(int directory, uint64_t address, uint32_t flags) {
    if (flags & ~AT_REMOVEDIR) return -EINVAL;
    struct path_end end;
    int error = path_walk_user(directory, address, PATH_PARENT, &end);
    if (error != 0) return error;
    error = flags & AT_REMOVEDIR ? rmdir_end(&end) : unlink_end(&end);
    path_end_release(&end);
    return error;
}

int64_t sys_unlink(struct thread *, const uint64_t argument[6]) {
    return unlink_at(AT_FDCWD, argument[0], 0);
}
int64_t sys_rmdir(struct thread *, const uint64_t argument[6]) {
    return unlink_at(AT_FDCWD, argument[0], AT_REMOVEDIR);
}
int64_t sys_unlinkat(struct thread *, const uint64_t argument[6]) {
    return unlink_at((int)argument[0], argument[1], (uint32_t)argument[2]);
}
