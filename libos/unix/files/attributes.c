// SPDX-License-Identifier: MIT
// Modes, owners and times: chmod, chown, utimensat and their families. Who may change them is POSIX's rule; the current
// process's superuser may always.
#include "libos/unix/calls.h"
#include "libos/unix/files/files.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/path.h"
#include "libos/unix/files/special.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/time.h>
#include <utime.h>

// What is changed, for one path, or a descriptor if there is none.
typedef int changer(struct inode *inode, const void *to);

static int64_t change_path(int directory, uint64_t address, uint32_t flags, changer *change, const void *to) {
    struct path_end end;
    int error = path_walk_user(directory, address, flags, &end);
    if (error != 0) return error;
    error = change(end.inode, to);
    path_end_release(&end);
    return error;
}

static int64_t change_file(uint64_t descriptor, changer *change, const void *to) {
    struct file *file = file_of(descriptor);
    if (file == nullptr) return -EBADF;
    const int error = file->operations == &path_only_operations ? -EBADF : change(file->inode, to);
    file_release(file);
    return error;
}

static uint32_t follow_unless(uint32_t flags) {
    return (flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW) | (flags & AT_EMPTY_PATH ? PATH_EMPTY : 0);
}

// ---- Modes

static int change_mode(struct inode *inode, const void *to) {
    uint32_t mode = *(const uint32_t *)to & 07777;
    const struct process *process = process_current();
    if (!inode_owned(inode)) return -EPERM;
    if (S_ISLNK(inode->mode)) return -EOPNOTSUPP;
    if (process->euid != 0 && inode->gid != process->egid) mode &= ~(uint32_t)S_ISGID;
    return inode_change(inode, &(struct fs_change){.mask = FS_MODE, .mode = (uint16_t)mode});
}

int64_t sys_chmod(struct thread *, const uint64_t argument[6]) {
    const uint32_t mode = (uint32_t)argument[1];
    return change_path(AT_FDCWD, argument[0], PATH_FOLLOW, change_mode, &mode);
}
int64_t sys_fchmodat(struct thread *, const uint64_t argument[6]) {
    const uint32_t mode = (uint32_t)argument[2];
    return change_path((int)argument[0], argument[1], PATH_FOLLOW, change_mode, &mode);
}
int64_t sys_fchmod(struct thread *, const uint64_t argument[6]) {
    const uint32_t mode = (uint32_t)argument[1];
    return change_file(argument[0], change_mode, &mode);
}

// ---- Owners

struct owner {
    uint32_t uid, gid; // -1: as it is
};

static int change_owner(struct inode *inode, const void *to) {
    const struct owner *owner = to;
    const struct process *process = process_current();
    struct fs_change change = {.mask = FS_OWNER, .uid = inode->uid, .gid = inode->gid};
    if (owner->uid != UINT32_MAX) change.uid = owner->uid;
    if (owner->gid != UINT32_MAX) change.gid = owner->gid;
    if (process->euid != 0) {
        const bool own_group = change.gid == inode->gid || change.gid == process->egid;
        if (process->euid != inode->uid || change.uid != inode->uid || !own_group) return -EPERM;
    }
    // Another owner must not run it with the former's rights.
    if (!S_ISDIR(inode->mode) && (inode->mode & (S_ISUID | S_ISGID))) {
        change.mask |= FS_MODE;
        change.mode = inode->mode & 07777 & ~S_ISUID;
        if (inode->mode & S_IXGRP) change.mode &= (uint16_t)~S_ISGID;
    }
    return inode_change(inode, &change);
}

int64_t sys_chown(struct thread *, const uint64_t argument[6]) {
    const struct owner owner = {(uint32_t)argument[1], (uint32_t)argument[2]};
    return change_path(AT_FDCWD, argument[0], PATH_FOLLOW, change_owner, &owner);
}
int64_t sys_lchown(struct thread *, const uint64_t argument[6]) {
    const struct owner owner = {(uint32_t)argument[1], (uint32_t)argument[2]};
    return change_path(AT_FDCWD, argument[0], 0, change_owner, &owner);
}
int64_t sys_fchown(struct thread *, const uint64_t argument[6]) {
    const struct owner owner = {(uint32_t)argument[1], (uint32_t)argument[2]};
    return change_file(argument[0], change_owner, &owner);
}
int64_t sys_fchownat(struct thread *, const uint64_t argument[6]) {
    const struct owner owner = {(uint32_t)argument[2], (uint32_t)argument[3]};
    const uint32_t flags = (uint32_t)argument[4];
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    return change_path((int)argument[0], argument[1], follow_unless(flags), change_owner, &owner);
}

// ---- Times

struct times {
    struct timespec time[2]; // accessed, modified; UTIME_NOW, UTIME_OMIT
};

static int change_times(struct inode *inode, const void *to) {
    const struct times *times = to;
    struct fs_change change = {.mask = FS_CHANGED, .changed = clock_wall()};
    uint64_t *const value[2] = {&change.accessed, &change.modified};
    const uint32_t mask[2] = {FS_ACCESSED, FS_MODIFIED};
    bool only_now = true;
    for (unsigned i = 0; i < 2; i++) {
        const struct timespec time = times->time[i];
        only_now &= time.tv_nsec == UTIME_NOW;
        if (time.tv_nsec == UTIME_OMIT) continue;
        change.mask |= mask[i];
        const uint64_t seconds = time.tv_sec < 0 ? 0 : (uint64_t)time.tv_sec;
        *value[i] = time.tv_nsec == UTIME_NOW ? change.changed : seconds * 1'000'000'000 + (uint64_t)time.tv_nsec;
    }
    if (!(change.mask & (FS_ACCESSED | FS_MODIFIED))) return 0;
    if (!inode_owned(inode)) {
        if (!only_now) return -EPERM;
        const int error = inode_access(inode, ACCESS_WRITE);
        if (error != 0) return error;
    }
    return inode_change(inode, &change);
}

static const struct times times_now = {{{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}}};

static bool is_time(const struct timespec *time) {
    return time->tv_nsec == UTIME_NOW || time->tv_nsec == UTIME_OMIT
           || (time->tv_nsec >= 0 && time->tv_nsec < 1'000'000'000);
}

int64_t sys_utimensat(struct thread *, const uint64_t argument[6]) {
    const uint32_t flags = (uint32_t)argument[3];
    struct times times = times_now;
    if (argument[2] != 0 && user_read(&times, argument[2], sizeof(times)) != 0) return -EFAULT;
    if (!is_time(&times.time[0]) || !is_time(&times.time[1])) return -EINVAL;
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    if (argument[1] == 0 && (int)argument[0] != AT_FDCWD) // futimens
        return flags != 0 ? -EINVAL : change_file(argument[0], change_times, &times);
    return change_path((int)argument[0], argument[1], follow_unless(flags), change_times, &times);
}

// Seconds and microseconds.
static int64_t change_times_of(int directory, uint64_t path, uint64_t address) {
    struct timeval value[2];
    struct times times = times_now;
    if (address != 0) {
        if (user_read(value, address, sizeof(value)) != 0) return -EFAULT;
        for (unsigned i = 0; i < 2; i++) {
            if (value[i].tv_usec < 0 || value[i].tv_usec >= 1'000'000) return -EINVAL;
            times.time[i] = (struct timespec){.tv_sec = value[i].tv_sec, .tv_nsec = value[i].tv_usec * 1000};
        }
    }
    return change_path(directory, path, PATH_FOLLOW, change_times, &times);
}

int64_t sys_utimes(struct thread *, const uint64_t argument[6]) {
    return change_times_of(AT_FDCWD, argument[0], argument[1]);
}
int64_t sys_futimesat(struct thread *, const uint64_t argument[6]) {
    return change_times_of((int)argument[0], argument[1], argument[2]);
}

int64_t sys_utime(struct thread *, const uint64_t argument[6]) {
    struct utimbuf value;
    struct times times = times_now;
    if (argument[1] != 0) {
        if (user_read(&value, argument[1], sizeof(value)) != 0) return -EFAULT;
        times.time[0] = (struct timespec){.tv_sec = value.actime};
        times.time[1] = (struct timespec){.tv_sec = value.modtime};
    }
    return change_path(AT_FDCWD, argument[0], PATH_FOLLOW, change_times, &times);
}
