// SPDX-License-Identifier: MIT
// See inodes.h: the choice between the disk's inodes and special ones, and permissions.
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/linux.h"
#include "libos/unix/files/special.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <string.h>

struct filesystem *files_disk;

struct inode *inode_hold(struct inode *inode) {
    if (!is_special(inode)) return fs_hold(inode);
    inode->references++;
    return inode;
}

// A special inode whose kind has no `release` is never given up: it lies in an array, and references don't matter.
static void release_special(struct special *special) {
    if (--special->inode.references == 0 && special->kind->release != nullptr) special->kind->release(special);
}

void inode_release(struct inode *inode) {
    if (inode == nullptr) return;
    if (is_special(inode)) {
        release_special(special_of(inode));
        return;
    }
    const bool cached = S_ISREG(inode->mode) && inode->owner != nullptr;
    if (cached && inode->links == 0 && inode->references == 2) cache_forget(inode);
    fs_release(inode);
}

static bool is_name(const char *name, size_t length, const char *other) {
    return strlen(other) == length && memcmp(name, other, length) == 0;
}

// The tree that lies over a name of the disk's root, or null.
static struct inode *tree_over(const struct inode *directory, const char *name, size_t length) {
    if (directory != fs_root(files_disk)) return nullptr;
    if (is_name(name, length, "dev")) return dev_root();
    if (is_name(name, length, "proc")) return proc_root();
    return nullptr;
}

int inode_lookup(struct inode *directory, const char *name, size_t length, struct inode **found) {
    if (!is_special(directory)) {
        struct inode *tree = tree_over(directory, name, length);
        if (tree == nullptr) return fs_lookup(directory, name, length, found);
        *found = inode_hold(tree);
        return 0;
    }
    struct special *special = special_of(directory);
    if (special->kind->lookup == nullptr) return -ENOTDIR;
    if (length > FS_NAME_MOST) return -ENAMETOOLONG;
    if (is_name(name, length, ".")) {
        *found = inode_hold(directory);
        return 0;
    }
    if (is_name(name, length, "..") && (directory == dev_root() || directory == proc_root())) {
        *found = inode_hold(fs_root(files_disk));
        return 0;
    }
    return special->kind->lookup(special, name, length, found);
}

int inode_entry(struct inode *directory, uint64_t cursor, struct fs_entry *entry) {
    if (!is_special(directory)) return fs_readdir(directory, cursor, entry);
    struct special *special = special_of(directory);
    return special->kind->entry == nullptr ? -ENOTDIR : special->kind->entry(special, cursor, entry);
}

int64_t inode_target(struct inode *link, char *target, size_t room) {
    if (!S_ISLNK(link->mode)) return -EINVAL;
    if (!is_special(link)) return fs_readlink(link, target, room);
    struct special *special = special_of(link);
    return special->kind->target == nullptr ? -EINVAL : special->kind->target(special, target, room);
}

// A device's attributes are kept as long as the instance runs; /proc's are what its processes say.
static int change_special(struct inode *inode, const struct fs_change *to) {
    if (special_of(inode)->kind->device == DEVICE_PROC) return -EPERM;
    if (to->mask & FS_MODE) inode->mode = (uint16_t)((inode->mode & S_IFMT) | (to->mode & 07777));
    if (to->mask & FS_OWNER) {
        inode->uid = to->uid;
        inode->gid = to->gid;
    }
    if (to->mask & FS_ACCESSED) inode->accessed = to->accessed;
    if (to->mask & FS_MODIFIED) inode->modified = to->modified;
    inode->changed = to->mask & FS_CHANGED ? to->changed : clock_wall();
    return 0;
}

int inode_change(struct inode *inode, const struct fs_change *to) {
    return is_special(inode) ? change_special(inode, to) : fs_change(inode, to);
}

uint64_t inode_device(const struct inode *inode) {
    return is_special(inode) ? ((const struct special *)inode)->kind->device : DEVICE_DISK;
}

static struct timespec time_of(uint64_t nanoseconds) {
    return (struct timespec){.tv_sec = (time_t)(nanoseconds / 1'000'000'000),
                             .tv_nsec = (long)(nanoseconds % 1'000'000'000)};
}

void inode_status(const struct inode *inode, struct stat *status) {
    memset(status, 0, sizeof(*status));
    status->st_dev = inode_device(inode);
    status->st_ino = inode->number;
    status->st_mode = inode->mode;
    status->st_nlink = inode->links;
    status->st_uid = inode->uid;
    status->st_gid = inode->gid;
    status->st_rdev = inode->device;
    status->st_size = (off_t)inode->size;
    status->st_blksize = FS_BLOCK;
    status->st_blocks = (blkcnt_t)inode->sectors;
    status->st_atim = time_of(inode->accessed);
    status->st_mtim = time_of(inode->modified);
    status->st_ctim = time_of(inode->changed);
}

// ---- Permissions

int inode_access_as(const struct inode *inode, uint32_t wanted, uint32_t uid, uint32_t gid) {
    if (uid == 0) {
        // The superuser may do anything but execute what nobody may.
        const bool can = !(wanted & ACCESS_EXECUTE) || S_ISDIR(inode->mode) || (inode->mode & 0111) != 0;
        return can ? 0 : -EACCES;
    }
    const unsigned shift = uid == inode->uid ? 6 : gid == inode->gid ? 3 : 0;
    return ((uint32_t)inode->mode >> shift & wanted) == wanted ? 0 : -EACCES;
}

int inode_access(const struct inode *inode, uint32_t wanted) {
    const struct process *process = process_current();
    return inode_access_as(inode, wanted, process->euid, process->egid);
}

bool inode_owned(const struct inode *inode) {
    const struct process *process = process_current();
    return process->euid == 0 || process->euid == inode->uid;
}

// ---- Writers. Each lies on its thread's stack, in a list that rarely has more than one.

static struct writing *writers;

void writing_begin(struct writing *writing, struct inode *inode) {
    for (struct writing *other = writers; other != nullptr;) {
        if (other->inode != inode) {
            other = other->next;
            continue;
        }
        (void)wait_sleep(&other->waiting, 0, WAIT_FOREVER);
        other = writers;
    }
    *writing = (struct writing){.inode = inode, .next = writers};
    writers = writing;
}

void writing_end(struct writing *writing) {
    struct writing **at = &writers;
    while (*at != writing) at = &(*at)->next;
    *at = writing->next;
    wait_wake(&writing->waiting, WAIT_ALL);
}
