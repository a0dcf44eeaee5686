// SPDX-License-Identifier: MIT
// Looking things up in a disk's directory (disk_layout.h). Pure.
#pragma once
#include "libos/core/disk_layout.h"

// What is wrong with a directory of which the first `blocks` blocks of the disk were given, or null if nothing is:
// magic, number of lines, names that end, extents among the blocks and behind the directory, lengths within what is
// reserved.
const char *directory_fault(const struct disk_directory *directory, uint64_t blocks);

// The line of a name, or null. Leading '/' and './' mean nothing: there is one directory.
struct disk_file *directory_find(struct disk_directory *directory, const char *name);

// The directory's block, 0 to DISK_DIRECTORY_BLOCKS - 1, that holds a line.
unsigned directory_block(const struct disk_directory *directory, const struct disk_file *file);
