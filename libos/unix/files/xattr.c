// SPDX-License-Identifier: MIT
// Extended attributes: the file system has none, and says so as Linux's do that were mounted without: EOPNOTSUPP.
#include "libos/unix/calls.h"
#include "libos/unix/files/path.h"
#include "libos/unix/files/files.h"
#include <errno.h>
#include <fcntl.h>

static int64_t of_path(uint64_t path, uint32_t flags) {
    struct path_end end;
    const int error = path_walk_user(AT_FDCWD, path, flags, &end);
    if (error != 0) return error;
    path_end_release(&end);
    return -EOPNOTSUPP;
}

static int64_t of_file(uint64_t descriptor) {
    struct file *file = file_of(descriptor);
    if (file == nullptr) return -EBADF;
    file_release(file);
    return -EOPNOTSUPP;
}

int64_t sys_setxattr(struct thread *, const uint64_t argument[6]) {
    return of_path(argument[0], PATH_FOLLOW);
}
int64_t sys_lsetxattr(struct thread *, const uint64_t argument[6]) {
    return of_path(argument[0], 0);
}
int64_t sys_fsetxattr(struct thread *, const uint64_t argument[6]) {
    return of_file(argument[0]);
}

int64_t sys_getxattr(struct thread *, const uint64_t argument[6]) {
    return of_path(argument[0], PATH_FOLLOW);
}
int64_t sys_lgetxattr(struct thread *, const uint64_t argument[6]) {
    return of_path(argument[0], 0);
}
int64_t sys_fgetxattr(struct thread *, const uint64_t argument[6]) {
    return of_file(argument[0]);
}

int64_t sys_listxattr(struct thread *, const uint64_t argument[6]) {
    return of_path(argument[0], PATH_FOLLOW);
}
int64_t sys_llistxattr(struct thread *, const uint64_t argument[6]) {
    return of_path(argument[0], 0);
}
int64_t sys_flistxattr(struct thread *, const uint64_t argument[6]) {
    return of_file(argument[0]);
}

int64_t sys_removexattr(struct thread *, const uint64_t argument[6]) {
    return of_path(argument[0], PATH_FOLLOW);
}
int64_t sys_lremovexattr(struct thread *, const uint64_t argument[6]) {
    return of_path(argument[0], 0);
}
int64_t sys_fremovexattr(struct thread *, const uint64_t argument[6]) {
    return of_file(argument[0]);
}
