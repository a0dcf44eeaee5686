// SPDX-License-Identifier: MIT
// Regular files and directories of the disk. Contents go through the page cache; a directory's entries come from the
// file system. Writers are kept apart by who calls (io.c).
#include "libos/unix/files/files.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/special.h"
#include "libos/unix/memory/memory.h"
#include <errno.h>
#include <fcntl.h>

// As Linux's relatime: a read is noted if the file has changed since the last one that was.
static void note_read(struct inode *inode) {
    if (inode->accessed <= inode->modified || inode->accessed <= inode->changed) fs_touch(inode, FS_ACCESSED);
}

static int64_t regular_read(struct file *file, uint64_t offset, void *to, size_t bytes) {
    const int64_t done = cache_read(file->inode, offset, to, bytes);
    if (done > 0 && !(file->flags & O_NOATIME)) note_read(file->inode);
    return done;
}

static int64_t regular_write(struct file *file, uint64_t offset, const void *from, size_t bytes) {
    if (offset >= FS_SIZE_MOST) return -EFBIG;
    if (bytes > FS_SIZE_MOST - offset) bytes = FS_SIZE_MOST - offset;
    const int64_t done = cache_write(file->inode, offset, from, bytes);
    if (done <= 0) return done;
    if (!(file->flags & O_DSYNC)) return done;
    const int error = cache_sync(file->inode, (file->flags & O_SYNC) != O_SYNC);
    return error != 0 ? error : done;
}

static int regular_set_size(struct file *file, uint64_t size) {
    const int error = cache_set_size(file->inode, size);
    if (error == 0) fs_touch(file->inode, FS_MODIFIED | FS_CHANGED);
    return error;
}

static int regular_sync(struct file *file, bool data) {
    return cache_sync(file->inode, data);
}

const struct file_operations regular_operations = {
    .read = regular_read,
    .write = regular_write,
    .set_size = regular_set_size,
    .sync = regular_sync,
    .seeks = true,
};

static int64_t directory_read(struct file *, uint64_t, void *, size_t) {
    return -EISDIR;
}

static int directory_entry(struct file *file, uint64_t cursor, struct fs_entry *entry) {
    return inode_entry(file->inode, cursor, entry);
}

static int directory_sync(struct file *file, bool data) {
    return is_special(file->inode) ? -EINVAL : fs_fsync(file->inode, data);
}

const struct file_operations directory_operations = {
    .read = directory_read,
    .entry = directory_entry,
    .sync = directory_sync,
    .seeks = true,
};

// What O_PATH opens: a place, and no contents. Calls other than those on places give EBADF (io.c and others ask).
const struct file_operations path_only_operations = {};
