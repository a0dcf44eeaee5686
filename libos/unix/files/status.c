// SPDX-License-Identifier: MIT
// What is known of a file: stat and its family, access, statfs.
#include "libos/unix/calls.h"
#include "libos/unix/files/files.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/path.h"
#include "libos/unix/files/special.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>

static int64_t give_status(const struct inode *inode, uint64_t to) {
    struct stat status;
    inode_status(inode, &status);
    return user_write(to, &status, sizeof(status));
}

static int64_t status_of_path(int directory, uint64_t address, uint32_t flags, uint64_t to) {
    struct path_end end;
    const int error = path_walk_user(directory, address, flags, &end);
    if (error != 0) return error;
    const int64_t result = give_status(end.inode, to);
    path_end_release(&end);
    return result;
}

int64_t sys_stat(struct thread *, const uint64_t argument[6]) {
    return status_of_path(AT_FDCWD, argument[0], PATH_FOLLOW, argument[1]);
}
int64_t sys_lstat(struct thread *, const uint64_t argument[6]) {
    return status_of_path(AT_FDCWD, argument[0], 0, argument[1]);
}

int64_t sys_fstat(struct thread *, const uint64_t argument[6]) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    const int64_t result = give_status(file->inode, argument[1]);
    file_release(file);
    return result;
}

// How the flags of an *at call follow a path. AT_NO_AUTOMOUNT and AT_STATX_* mean nothing here.
static int follow_flags(uint32_t flags, uint32_t more, uint32_t *follow) {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | 0x800 | more)) return -EINVAL;
    *follow = (flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW) | (flags & AT_EMPTY_PATH ? PATH_EMPTY : 0);
    return 0;
}

int64_t sys_newfstatat(struct thread *, const uint64_t argument[6]) {
    uint32_t follow;
    const int error = follow_flags((uint32_t)argument[3], 0, &follow);
    return error != 0 ? error : status_of_path((int)argument[0], argument[1], follow, argument[2]);
}

static struct linux_statx_time statx_time(const struct timespec *time) {
    return (struct linux_statx_time){time->tv_sec, (uint32_t)time->tv_nsec, 0};
}

static uint32_t major_of(uint64_t device) {
    return (uint32_t)(device >> 8 & 0xfff);
}
static uint32_t minor_of(uint64_t device) {
    return (uint32_t)((device & 0xff) | (device >> 12 & 0xfff00));
}

static void statx_of(const struct inode *inode, struct linux_statx *to) {
    struct stat status;
    inode_status(inode, &status);
    *to = (struct linux_statx){
        .mask = STATX_BASIC,
        .block_size = FS_BLOCK,
        .links = (uint32_t)status.st_nlink,
        .uid = status.st_uid,
        .gid = status.st_gid,
        .mode = (uint16_t)status.st_mode,
        .number = status.st_ino,
        .size = (uint64_t)status.st_size,
        .blocks = (uint64_t)status.st_blocks,
        .accessed = statx_time(&status.st_atim),
        .changed = statx_time(&status.st_ctim),
        .modified = statx_time(&status.st_mtim),
        .rdev_major = major_of(status.st_rdev),
        .rdev_minor = minor_of(status.st_rdev),
        .dev_major = major_of(status.st_dev),
        .dev_minor = minor_of(status.st_dev),
        .mount = 1,
    };
}

int64_t sys_statx(struct thread *, const uint64_t argument[6]) {
    constexpr uint32_t sync_kinds = 0x6000; // AT_STATX_FORCE_SYNC and AT_STATX_DONT_SYNC, of which one can be given
    const uint32_t flags = (uint32_t)argument[2], mask = (uint32_t)argument[3];
    uint32_t follow;
    int error = follow_flags(flags, sync_kinds, &follow);
    if (error != 0 || (flags & sync_kinds) == sync_kinds || (mask & 0x8000'0000)) return -EINVAL;
    struct path_end end;
    error = path_walk_user((int)argument[0], argument[1], follow, &end);
    if (error != 0) return error;
    struct linux_statx status;
    statx_of(end.inode, &status);
    path_end_release(&end);
    return user_write(argument[4], &status, sizeof(status));
}

// ---- access

static int64_t access_at(int directory, uint64_t address, uint32_t mode, uint32_t flags) {
    uint32_t follow;
    if (mode & ~7u) return -EINVAL;
    int error = follow_flags(flags & ~AT_EACCESS, 0, &follow);
    if (error != 0) return error;
    struct path_end end;
    error = path_walk_user(directory, address, follow, &end);
    if (error != 0) return error;
    const struct process *process = process_current();
    const bool effective = (flags & AT_EACCESS) != 0;
    if (mode != 0)
        error = inode_access_as(end.inode, mode, effective ? process->euid : process->uid,
                                effective ? process->egid : process->gid);
    path_end_release(&end);
    return error;
}

int64_t sys_access(struct thread *, const uint64_t argument[6]) {
    return access_at(AT_FDCWD, argument[0], (uint32_t)argument[1], 0);
}
int64_t sys_faccessat(struct thread *, const uint64_t argument[6]) {
    return access_at((int)argument[0], argument[1], (uint32_t)argument[2], 0);
}
int64_t sys_faccessat2(struct thread *, const uint64_t argument[6]) {
    return access_at((int)argument[0], argument[1], (uint32_t)argument[2], (uint32_t)argument[3]);
}

// ---- statfs

static int64_t give_system(const struct inode *inode, uint64_t to) {
    constexpr long ext_magic = 0xef53, proc_magic = 0x9fa0, dev_magic = 0x01021994, pipe_magic = 0x50495045;
    struct statfs status = {.f_bsize = FS_BLOCK, .f_frsize = FS_BLOCK, .f_namelen = FS_NAME_MOST};
    const uint64_t device = inode_device(inode);
    status.f_type = device == DEVICE_PROC ? proc_magic : device == DEVICE_DEV ? dev_magic : pipe_magic;
    if (!is_special(inode)) {
        struct fs_statistics disk;
        fs_statistics(files_disk, &disk);
        status.f_type = ext_magic;
        status.f_blocks = disk.blocks;
        status.f_bfree = disk.free;
        status.f_bavail = disk.available;
        status.f_files = disk.inodes;
        status.f_ffree = disk.inodes_free;
    }
    return user_write(to, &status, sizeof(status));
}

int64_t sys_statfs(struct thread *, const uint64_t argument[6]) {
    struct path_end end;
    const int error = path_walk_user(AT_FDCWD, argument[0], PATH_FOLLOW, &end);
    if (error != 0) return error;
    const int64_t result = give_system(end.inode, argument[1]);
    path_end_release(&end);
    return result;
}

int64_t sys_fstatfs(struct thread *, const uint64_t argument[6]) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    const int64_t result = give_system(file->inode, argument[1]);
    file_release(file);
    return result;
}
