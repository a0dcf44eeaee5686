// SPDX-License-Identifier: MIT
// The disk of filesystem.h, on a part of this PE's disk extent.
//
//   const struct fs_options options = {.disk = fs_extent(block, blocks), …};
//
// Waits for every transfer, with the CPU given up: nothing else of this PE runs meanwhile, as the file system must not
// be entered twice.
#pragma once
#include "libos/unix/disk/filesystem.h"

// `block` counts from the start of the disk, `blocks` is how many there are. Memory that is given to its functions, so
// also that of the options' `blocks`, is mapped by space.h and not paged. There is one such disk.
struct fs_disk *fs_extent(uint64_t block, uint64_t blocks);
