// SPDX-License-Identifier: MIT
// Reading and writing open files, by the library OS itself or for a call.
#pragma once
#include "libos/unix/files/files.h"

constexpr uint64_t OFFSET_OF_FILE = UINT64_MAX; // the file's own, which moves on

// Moves up to `bytes` (at most TRANSFER_MOST) between a file and a buffer, which was checked. Returns how many, or an
// error: -EBADF not open for that, -EINVAL the kind can't, -ESPIPE an offset where there are none, and the file's own.
// A writer whose pipe has no reader gets SIGPIPE, and one over RLIMIT_FSIZE gets SIGXFSZ.
int64_t file_read(struct file *file, uint64_t offset, void *to, size_t bytes);
int64_t file_write(struct file *file, uint64_t offset, const void *from, size_t bytes);

// One part of what readv or writev moves.
struct io_vector {
    uint64_t address, bytes;
};
int64_t file_read_vectors(struct file *file, uint64_t offset, const struct io_vector *vectors, unsigned count);
int64_t file_write_vectors(struct file *file, uint64_t offset, const struct io_vector *vectors, unsigned count);

// The vectors of a call, checked; on the heap, to be released by heap_release. -EINVAL, -EFAULT, -ENOMEM.
int vectors_read(uint64_t address, uint64_t count, struct io_vector **vectors);
