// SPDX-License-Identifier: MIT
// Reading directories and links, and the current directory.
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/files/files.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/path.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

// struct dirent is Linux's linux_dirent64 on x86-64: number, offset, length, type, name.
static_assert(offsetof(struct dirent, d_reclen) == 16 && offsetof(struct dirent, d_name) == 19);

// One entry as it goes to the user. Its length, or 0 if it doesn't fit.
static size_t format_entry(struct dirent *to, const struct fs_entry *entry, size_t room) {
    const size_t length = (offsetof(struct dirent, d_name) + entry->length + 1 + 7) & ~(size_t)7;
    if (length > room) return 0;
    memset(to, 0, length);
    to->d_ino = entry->inode;
    to->d_off = (off_t)entry->cursor;
    to->d_reclen = (unsigned short)length;
    to->d_type = entry->type;
    memcpy(to->d_name, entry->name, entry->length);
    return length;
}

struct listing {
    struct fs_entry entry;
    struct dirent text;
};

static int64_t list(struct file *file, uint64_t to, size_t room, struct listing *listing) {
    size_t done = 0;
    while (true) {
        const int found = file->operations->entry(file, file->offset, &listing->entry);
        if (found < 0) return done != 0 ? (int64_t)done : found;
        if (found == 0) return (int64_t)done;
        const size_t length = format_entry(&listing->text, &listing->entry, room - done);
        if (length == 0) return done != 0 ? (int64_t)done : -EINVAL;
        if (user_write(to + done, &listing->text, length) != 0) return done != 0 ? (int64_t)done : -EFAULT;
        done += length;
        file->offset = listing->entry.cursor;
    }
}

int64_t sys_getdents64(struct thread *, const uint64_t argument[6]) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    const uint64_t room = (uint32_t)argument[2];
    int64_t result = -ENOTDIR;
    if (file->operations == &path_only_operations)
        result = -EBADF;
    else if (file->operations->entry != nullptr) {
        struct listing *listing = heap_allocate(sizeof(*listing));
        lock_take(&file->position);
        result = listing == nullptr                   ? -ENOMEM
                 : file->inode->links == 0            ? -ENOENT // the directory was removed
                 : !user_range(argument[1], room)     ? -EFAULT
                                                      : list(file, argument[1], room, listing);
        lock_give(&file->position);
        heap_release(listing);
    }
    file_release(file);
    return result;
}

static int64_t read_link(int directory, uint64_t address, uint64_t to, int32_t room, uint32_t flags) {
    if (room <= 0) return -EINVAL;
    struct path_end end;
    const int error = path_walk_user(directory, address, flags, &end);
    if (error != 0) return error;
    char *target = heap_allocate(PATH_MOST);
    int64_t length = target == nullptr ? -ENOMEM : inode_target(end.inode, target, PATH_MOST);
    if (length > room) length = room;
    if (length > 0 && user_write(to, target, (size_t)length) != 0) length = -EFAULT;
    heap_release(target);
    path_end_release(&end);
    return length;
}

int64_t sys_readlink(struct thread *, const uint64_t argument[6]) {
    return read_link(AT_FDCWD, argument[0], argument[1], (int32_t)argument[2], 0);
}
int64_t sys_readlinkat(struct thread *, const uint64_t argument[6]) {
    return read_link((int)argument[0], argument[1], argument[2], (int32_t)argument[3], PATH_EMPTY);
}

// ---- The current directory

// Takes the reference over unless it fails.
static int enter(struct inode **place, struct inode *directory) {
    if (!S_ISDIR(directory->mode)) return -ENOTDIR;
    const int error = inode_access(directory, ACCESS_EXECUTE);
    if (error != 0) return error;
    inode_release(*place);
    *place = directory;
    return 0;
}

static int64_t enter_path(struct inode **place, uint64_t address) {
    struct path_end end;
    int error = path_walk_user(AT_FDCWD, address, PATH_FOLLOW, &end);
    if (error != 0) return error;
    error = enter(place, end.inode);
    if (error != 0) path_end_release(&end);
    return error;
}

int64_t sys_chdir(struct thread *, const uint64_t argument[6]) {
    return enter_path(&process_current()->directory, argument[0]);
}

int64_t sys_chroot(struct thread *, const uint64_t argument[6]) {
    struct process *process = process_current();
    return process->euid != 0 ? -EPERM : enter_path(&process->root, argument[0]);
}

int64_t sys_fchdir(struct thread *, const uint64_t argument[6]) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    struct inode *directory = inode_hold(file->inode);
    const int error = enter(&process_current()->directory, directory);
    if (error != 0) inode_release(directory);
    file_release(file);
    return error;
}

int64_t sys_umask(struct thread *, const uint64_t argument[6]) {
    struct process *process = process_current();
    const uint32_t old = process->umask;
    process->umask = (uint32_t)argument[0] & 0777;
    return old;
}

// The name of a directory in its parent. Length, or -ENOENT.
static int64_t name_in(struct inode *parent, const struct inode *child, struct fs_entry *entry) {
    uint64_t cursor = 0;
    while (inode_entry(parent, cursor, entry) == 1) {
        const bool is_self =
            entry->name[0] == '.' && (entry->length == 1 || (entry->length == 2 && entry->name[1] == '.'));
        struct inode *found;
        const bool may_be = !is_self && (entry->inode == child->number || entry->type == DT_DIR);
        if (may_be && inode_lookup(parent, entry->name, entry->length, &found) == 0) {
            const bool is_it = found->number == child->number && inode_device(found) == inode_device(child);
            inode_release(found);
            if (is_it) return entry->length;
        }
        cursor = entry->cursor;
    }
    return -ENOENT;
}

// Builds the path from its end: each directory's name is looked up in the one above it.
int64_t path_of_directory(struct inode *directory, char *to, size_t room) {
    struct fs_entry *entry = heap_allocate(sizeof(*entry));
    if (entry == nullptr) return -ENOMEM;
    char *const end = to + room;
    char *at = end;
    int64_t error = room < 2 ? -ERANGE : 0;
    if (error == 0) *--at = '\0';
    struct inode *child = inode_hold(directory);
    while (error == 0 && child != process_current()->root && child != fs_root(files_disk)) {
        struct inode *parent;
        error = child->links == 0 ? -ENOENT : inode_lookup(child, "..", 2, &parent);
        if (error != 0) break;
        const int64_t length = name_in(parent, child, entry);
        if (length < 0)
            error = length;
        else if (length + 1 > at - to)
            error = -ERANGE;
        else {
            at -= length;
            memcpy(at, entry->name, (size_t)length);
            *--at = '/';
        }
        inode_release(child);
        child = parent;
    }
    inode_release(child);
    heap_release(entry);
    if (error != 0) return error;
    if (*at == '\0') *--at = '/'; // the root
    memmove(to, at, (size_t)(end - at));
    return end - at;
}

int64_t sys_getcwd(struct thread *, const uint64_t argument[6]) {
    char *path = heap_allocate(PATH_MOST);
    if (path == nullptr) return -ENOMEM;
    int64_t length = path_of_directory(process_current()->directory, path, PATH_MOST);
    if (length > 0 && (uint64_t)length > argument[1]) length = -ERANGE;
    if (length > 0 && user_write(argument[0], path, (size_t)length) != 0) length = -EFAULT;
    heap_release(path);
    return length;
}
