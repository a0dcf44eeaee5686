// SPDX-License-Identifier: MIT
// What the parts of this folder need of files beyond file.h.
#pragma once
#include "libos/unix/disk/filesystem.h"
#include "libos/unix/files/file.h"
#include "libos/unix/files/linux.h"

// A file with one reference; takes references of its own to `inode` and `from`. Null: no memory.
struct file *file_new(const struct file_operations *operations, struct inode *inode, uint32_t flags, const char *path,
                      struct inode *from);

static inline bool file_reads(const struct file *file) {
    const uint32_t access = file->flags & OPEN_ACCESS;
    return access == 0 || access == 2;
}
static inline bool file_writes(const struct file *file) {
    const uint32_t access = file->flags & OPEN_ACCESS;
    return access == 1 || access == 2;
}

// Operations of the kinds of files.
extern const struct file_operations regular_operations, directory_operations, path_only_operations;

// ---- Descriptors
// The least free number from `least` on, which takes the reference over. -EMFILE; -EINVAL: `least` is past the limit;
// -ENOMEM. After an error the reference is still the caller's.
int descriptor_add(struct descriptors *descriptors, struct file *file, uint32_t least, bool close_on_exec);
// As descriptor_add from 0 on, for the current process; releases the file after an error.
int descriptor_give(struct file *file, bool close_on_exec);
int descriptor_room(const struct descriptors *descriptors); // 0 or -EMFILE: no number is free
// Puts a file at a number; what was there is closed. Takes the reference over. -EBADF: past the limit; -ENOMEM.
int descriptor_put(struct descriptors *descriptors, uint32_t number, struct file *file, bool close_on_exec);
int descriptor_close(struct descriptors *descriptors, uint32_t number); // -EBADF
int descriptor_flags(const struct descriptors *descriptors, int number); // FD_CLOEXEC or 0; -EBADF
void descriptor_set_flags(struct descriptors *descriptors, int number, bool close_on_exec);
// The least number from `least` on that is open; false: none.
bool descriptor_next(const struct descriptors *descriptors, uint32_t least, uint32_t *number);

// The file of a call's argument, with a reference for the length of the call; null: EBADF.
struct file *file_of(uint64_t descriptor);

// The pipe behind a named pipe's inode: opens an end, may sleep for the other. -EINTR, -ENXIO.
int pipe_open_named(struct inode *inode, uint32_t flags, struct file **file);
// A device file's driver by its number. -ENXIO.
int device_open(struct inode *inode, uint32_t flags, struct file **file);

// Releases what a process has locked of a file (fcntl), at a close of any of its descriptors, and what the file itself
// has locked (flock), at its end.
void locks_close(const struct descriptors *owner, const struct inode *inode);
void locks_release(const struct file *file);
