// SPDX-License-Identifier: MIT
// Opening: from a path to a descriptor.
#include "libos/unix/calls.h"
#include "libos/unix/files/files.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/names.h"
#include "libos/unix/files/path.h"
#include "libos/unix/files/special.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>

constexpr uint32_t AT_OPENING = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC; // not kept in the file

static int open_special(struct inode *inode, uint32_t flags, struct file **file) {
    struct special *special = special_of(inode);
    return special->kind->open == nullptr ? -ENXIO : special->kind->open(special, flags, file);
}

int inode_open(struct inode *inode, uint32_t flags, const char *path, struct inode *from, struct file **file) {
    const struct file_operations *operations = &regular_operations;
    flags = (flags & ~AT_OPENING) | OPEN_LARGE;
    if (flags & O_PATH) {
        operations = &path_only_operations;
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
    } else if (S_ISDIR(inode->mode))
        operations = &directory_operations;
    else if (is_special(inode))
        return open_special(inode, flags, file);
    else if (S_ISFIFO(inode->mode))
        return pipe_open_named(inode, flags, file);
    else if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
        return device_open(inode, flags, file);
    else if (!S_ISREG(inode->mode))
        return S_ISLNK(inode->mode) ? -ELOOP : -ENXIO;
    *file = file_new(operations, inode, flags, path, from);
    return *file == nullptr ? -ENOMEM : 0;
}

// What the flags ask of what is there already.
static int check_present(const struct inode *inode, uint32_t flags) {
    const uint32_t access = flags & OPEN_ACCESS;
    if (flags & O_PATH) return (flags & O_DIRECTORY) && !S_ISDIR(inode->mode) ? -ENOTDIR : 0;
    if ((flags & O_DIRECTORY) && !S_ISDIR(inode->mode)) return -ENOTDIR;
    if (S_ISLNK(inode->mode)) return -ELOOP;
    if (S_ISDIR(inode->mode) && (access != O_RDONLY || (flags & (O_CREAT | O_TRUNC)))) return -EISDIR;
    uint32_t wanted = access == O_RDONLY ? ACCESS_READ : access == O_WRONLY ? ACCESS_WRITE : ACCESS_READ | ACCESS_WRITE;
    if (flags & O_TRUNC) wanted |= ACCESS_WRITE;
    const int error = inode_access(inode, wanted);
    if (error != 0) return error;
    return (flags & O_NOATIME) && !inode_owned(inode) ? -EPERM : 0;
}

static int truncate(struct inode *inode) {
    struct writing writing;
    writing_begin(&writing, inode);
    const int error = cache_set_size(inode, 0);
    if (error == 0) fs_touch(inode, FS_MODIFIED | FS_CHANGED);
    writing_end(&writing);
    return error;
}

static int create(struct path_end *end, uint32_t mode) {
    const int error = may_change_names(end->directory);
    if (error != 0) return error;
    const struct fs_new as = new_for(end->directory, S_IFREG, mode);
    return fs_create(end->directory, end->name, end->length, &as, &end->inode);
}

// The inode that open means: found, or made; emptied, if so asked.
static int find_or_make(int directory, const char *path, uint32_t flags, uint32_t mode, struct path_end *end) {
    const bool creates = (flags & O_CREAT) && !(flags & O_PATH);
    const bool stays = (flags & O_NOFOLLOW) || (creates && (flags & O_EXCL));
    int error = path_walk_at(directory, path, (stays ? 0 : PATH_FOLLOW) | (creates ? PATH_PARENT : 0), end);
    if (error != 0) return error;
    if (creates && end->slash)
        error = -EISDIR;
    else if (creates && end->inode == nullptr)
        return create(end, mode);
    else if (creates && (flags & O_EXCL))
        error = -EEXIST;
    else
        error = check_present(end->inode, flags);
    if (error == 0 && (flags & O_TRUNC) && S_ISREG(end->inode->mode) && !is_special(end->inode))
        error = truncate(end->inode);
    return error;
}

// O_TMPFILE: a file without a name in the directory that the path names.
static int make_nameless(int directory, const char *path, uint32_t flags, uint32_t mode, struct path_end *end) {
    if ((flags & OPEN_ACCESS) == O_RDONLY || !(flags & O_DIRECTORY)) return -EINVAL;
    int error = path_walk_at(directory, path, flags & O_NOFOLLOW ? 0 : PATH_FOLLOW, end);
    if (error != 0) return error;
    if (!S_ISDIR(end->inode->mode)) return -ENOTDIR;
    if (is_special(end->inode)) return -EOPNOTSUPP;
    error = may_change_names(end->inode);
    if (error != 0) return error;
    const struct fs_new as = new_for(end->inode, S_IFREG, mode);
    struct inode *made;
    error = fs_create_nameless(files_disk, &as, &made);
    if (error != 0) return error;
    inode_release(end->inode);
    end->inode = made;
    return 0;
}

static int64_t open_at(int directory, uint64_t address, uint32_t flags, uint32_t mode) {
    struct path_text text;
    struct path_end end = {};
    struct file *file = nullptr;
    if (flags & O_PATH) flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int error = path_text_read(&text, address);
    if (error != 0) return error;
    struct process *process = process_current();
    error = descriptor_room(process->descriptors);
    if (error == 0)
        error = flags & OPEN_TMPFILE ? make_nameless(directory, text.text, flags, mode, &end)
                                     : find_or_make(directory, text.text, flags, mode, &end);
    const struct file *base = directory == AT_FDCWD ? nullptr : descriptor_find(process->descriptors, directory);
    if (error == 0)
        error = inode_open(end.inode, flags, text.text, base == nullptr ? process->directory : base->inode, &file);
    path_end_release(&end);
    path_text_free(&text);
    return error != 0 ? error : descriptor_give(file, (flags & O_CLOEXEC) != 0);
}

int64_t sys_open(struct thread *, const uint64_t argument[6]) {
    return open_at(AT_FDCWD, argument[0], (uint32_t)argument[1], (uint32_t)argument[2]);
}

int64_t sys_openat(struct thread *, const uint64_t argument[6]) {
    return open_at((int)argument[0], argument[1], (uint32_t)argument[2], (uint32_t)argument[3]);
}

int64_t sys_creat(struct thread *, const uint64_t argument[6]) {
    return open_at(AT_FDCWD, argument[0], O_CREAT | O_WRONLY | O_TRUNC, (uint32_t)argument[1]);
}
