// SPDX-License-Identifier: MIT
// The files of the disk image: named extents of fixed room. What a descriptor is, is the library OS's business.
//
// The directory is read when it is first asked for, and is then in memory. For the application's context only: the
// bytes may be in paged memory.
#pragma once
#include "libos/core/directory.h"
#include <stddef.h>
#include <stdint.h>

enum files_error : int { FILES_OK, FILES_NO_DISK, FILES_BAD_DISK, FILES_ABSENT, FILES_IO };

// The directory, or null after setting *error (NO_DISK, BAD_DISK, IO).
struct disk_directory *files_directory(enum files_error *error);

// The line of a name, or null after setting *error (those, and ABSENT).
struct disk_file *files_find(const char *name, enum files_error *error);

// Copy bytes from or to a file, from `offset` on. They move less than `count` only at the file's end, at the end of its
// room, or before an error; `*error` is then FILES_IO or FILES_OK. Returns bytes moved. files_write makes a file
// longer; bytes between its old end and `offset` read as zero.
size_t files_read(const struct disk_file *file, uint64_t offset, void *bytes, size_t count, enum files_error *error);
size_t files_write(struct disk_file *file, uint64_t offset, const void *bytes, size_t count, enum files_error *error);

// Sets a file's length, at most its room.
void files_set_length(struct disk_file *file, uint64_t bytes);

// Bytes a file can have.
uint64_t files_room(const struct disk_file *file);

// Brings everything written so far to the disk: data first, then the directory, then the disk's own cache.
enum files_error files_sync(void);
