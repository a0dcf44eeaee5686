// SPDX-License-Identifier: MIT
// Buffers of disk blocks in always mapped frames, the least recently used one replaced first.
//
//   struct block_buffer *buffer = blocks_get(block, true);   // null: the disk refused
//   memcpy(buffer->bytes, …); buffer->dirty = true;           // until the next blocks_get
//   blocks_flush();                                           // writes what is dirty, in rising order of blocks
//
// A dirty buffer is also written when it is replaced. For the application's context only.
#pragma once
#include "libos/core/start.h"
#include "pe/types.h"

constexpr unsigned BLOCK_BUFFERS = 64; // at most; the argument `buffers` says how many are used, else 16

struct block_buffer {
    uint64_t block;
    uint64_t used; // time of last use; 0: holds nothing
    exo_frame frame;
    bool dirty;
    uint8_t *bytes; // EXO_PAGE_SIZE of them
};

// Takes the frames and maps them from `first` on. False: too few frames.
[[nodiscard]] bool blocks_init(exo_vaddr first);

// The buffer of a block; its contents are read from disk if `load` (otherwise the caller overwrites them all).
[[nodiscard]] struct block_buffer *blocks_get(uint64_t block, bool load);

// Writes all dirty buffers. Returns the first error; what failed stays dirty.
[[nodiscard]] enum exo_error blocks_flush(void);
