// SPDX-License-Identifier: MIT
// How the tools lay a disk image out (tools/image.py writes it, the library OSes read it). Little-endian.
//
//   block 0 … 7      struct disk_directory
//   then             the files' extents, and swap space, each starting on a block
//
// A directory of fixed extents, not a file system: a file can grow up to the blocks that its line reserves.
#pragma once
#include <stdint.h>

constexpr uint64_t DISK_MAGIC = 0x4b53'4944'444e'4942ull; // "BINDDISK"
constexpr unsigned DISK_DIRECTORY_BLOCKS = 8;
constexpr unsigned DISK_FILES = 511;

struct disk_file {
    char name[40];  // NUL-terminated
    uint64_t bytes; // length now
    uint32_t block; // first 4 KiB block, from the start of the disk
    uint32_t blocks; // reserved
    uint64_t reserved;
};
static_assert(sizeof(struct disk_file) == 64);

struct disk_directory {
    uint64_t magic;
    uint64_t files;       // lines in use
    uint64_t swap_block;  // first block of the swap space
    uint64_t swap_blocks; // its length
    uint64_t reserved[4];
    struct disk_file file[DISK_FILES];
};
static_assert(sizeof(struct disk_directory) == DISK_DIRECTORY_BLOCKS * 4096);
