// SPDX-License-Identifier: MIT
// Lengths of files and what is on the disk of them: truncate, fallocate, fsync and their families.
#include "libos/unix/calls.h"
#include "libos/unix/files/files.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/path.h"
#include "libos/unix/files/special.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

static int set_size(struct inode *inode, int64_t size) {
    if (size > (int64_t)FS_SIZE_MOST) return -EFBIG;
    if ((uint64_t)size > process_current()->limits[RLIMIT_FSIZE].now && (uint64_t)size > inode->size) {
        signal_thread(thread_current(), SIGXFSZ);
        return -EFBIG;
    }
    struct writing writing;
    writing_begin(&writing, inode);
    const int error = cache_set_size(inode, (uint64_t)size);
    if (error == 0) fs_touch(inode, FS_MODIFIED | FS_CHANGED);
    writing_end(&writing);
    return error;
}

int64_t sys_truncate(struct thread *, const uint64_t argument[6]) {
    const int64_t size = (int64_t)argument[1];
    if (size < 0) return -EINVAL;
    struct path_end end;
    int error = path_walk_user(AT_FDCWD, argument[0], PATH_FOLLOW, &end);
    if (error != 0) return error;
    if (S_ISDIR(end.inode->mode))
        error = -EISDIR;
    else if (!S_ISREG(end.inode->mode) || is_special(end.inode))
        error = -EINVAL;
    else {
        error = inode_access(end.inode, ACCESS_WRITE);
        if (error == 0) error = set_size(end.inode, size);
    }
    path_end_release(&end);
    return error;
}

int64_t sys_ftruncate(struct thread *, const uint64_t argument[6]) {
    const int64_t size = (int64_t)argument[1];
    if (size < 0) return -EINVAL;
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    int error;
    if (file->operations == &path_only_operations)
        error = -EBADF;
    else if (file->operations->set_size == nullptr || !file_writes(file))
        error = -EINVAL;
    else
        error = set_size(file->inode, size);
    file_release(file);
    return error;
}

// ---- fallocate

constexpr uint32_t KEEP_SIZE = 1, PUNCH_HOLE = 2, ZERO_RANGE = 16;

// Zeroes a range within the file through the page cache, a page at most at a time.
static int write_zeros(struct inode *inode, uint64_t offset, uint64_t bytes) {
    static const uint8_t zeros[FS_BLOCK];
    while (bytes != 0) {
        const uint64_t rest = FS_BLOCK - offset % FS_BLOCK;
        const int64_t done = cache_write(inode, offset, zeros, bytes < rest ? bytes : rest);
        if (done < 0) return (int)done;
        offset += (uint64_t)done;
        bytes -= (uint64_t)done;
    }
    return 0;
}

static int allocate(struct inode *inode, uint32_t mode, uint64_t offset, uint64_t bytes) {
    const uint64_t size = inode->size, end = offset + bytes;
    int error = 0;
    if (mode & (PUNCH_HOLE | ZERO_RANGE)) {
        if (offset < size) error = write_zeros(inode, offset, (end < size ? end : size) - offset);
    } else
        error = cache_allocate(inode, offset, bytes);
    if (error == 0 && end > size && !(mode & KEEP_SIZE)) error = cache_set_size(inode, end);
    if (error == 0) fs_touch(inode, FS_MODIFIED | FS_CHANGED);
    return error;
}

static int64_t allocate_checked(struct file *file, uint32_t mode, int64_t offset, int64_t bytes) {
    if (offset < 0 || bytes <= 0) return -EINVAL;
    if (mode & ~(KEEP_SIZE | PUNCH_HOLE | ZERO_RANGE)) return -EOPNOTSUPP;
    if ((mode & PUNCH_HOLE) && (!(mode & KEEP_SIZE) || (mode & ZERO_RANGE))) return -EOPNOTSUPP;
    if (!file_writes(file)) return -EBADF;
    struct inode *inode = file->inode;
    if (S_ISFIFO(inode->mode)) return -ESPIPE;
    if (S_ISDIR(inode->mode)) return -EISDIR;
    if (!S_ISREG(inode->mode) || is_special(inode)) return -ENODEV;
    if (offset > (int64_t)FS_SIZE_MOST - bytes) return -EFBIG;
    struct writing writing;
    writing_begin(&writing, inode);
    const int error = allocate(inode, mode, (uint64_t)offset, (uint64_t)bytes);
    writing_end(&writing);
    return error;
}

int64_t sys_fallocate(struct thread *, const uint64_t argument[6]) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    const int64_t result = allocate_checked(file, (uint32_t)argument[1], (int64_t)argument[2], (int64_t)argument[3]);
    file_release(file);
    return result;
}

// ---- To the disk

static int64_t synchronise(uint64_t descriptor, bool data) {
    struct file *file = file_of(descriptor);
    if (file == nullptr) return -EBADF;
    int error = -EINVAL;
    if (file->operations == &path_only_operations)
        error = -EBADF;
    else if (file->operations->sync != nullptr)
        error = file->operations->sync(file, data);
    file_release(file);
    return error;
}

int64_t sys_fsync(struct thread *, const uint64_t argument[6]) {
    return synchronise(argument[0], false);
}
int64_t sys_fdatasync(struct thread *, const uint64_t argument[6]) {
    return synchronise(argument[0], true);
}

// What the range means for a disk without a cache of its own is left out: all of the file's contents go.
int64_t sys_sync_file_range(struct thread *, const uint64_t argument[6]) {
    if ((int64_t)argument[1] < 0 || (int64_t)argument[2] < 0 || (argument[3] & ~7ull)) return -EINVAL;
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    const bool is_stream = S_ISFIFO(file->inode->mode);
    file_release(file);
    return is_stream ? -ESPIPE : synchronise(argument[0], true);
}

int64_t sys_sync(struct thread *, const uint64_t[6]) {
    (void)cache_sync_all(); // sync(2) has no errors; what failed stays dirty
    (void)fs_sync(files_disk);
    return 0;
}

int64_t sys_syncfs(struct thread *, const uint64_t argument[6]) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    file_release(file);
    const int error = cache_sync_all();
    return error != 0 ? error : fs_sync(files_disk);
}

// Of advice only POSIX_FADV_RANDOM, and what takes it back, has an effect; the rest is checked.
int64_t sys_fadvise64(struct thread *, const uint64_t argument[6]) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    const uint32_t advice = (uint32_t)argument[3];
    const bool is_stream = S_ISFIFO(file->inode->mode);
    const bool has_pages = S_ISREG(file->inode->mode) && !is_special(file->inode);
    const bool is_wrong = (int64_t)argument[2] < 0 || advice > POSIX_FADV_NOREUSE;
    if (has_pages && !is_wrong && advice <= POSIX_FADV_SEQUENTIAL)
        cache_expect(file->inode, advice == POSIX_FADV_RANDOM);
    file_release(file);
    return is_stream ? -ESPIPE : is_wrong ? -EINVAL : 0;
}
