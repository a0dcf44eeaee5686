// SPDX-License-Identifier: MIT
// The swap space: which of its blocks are taken, and how much memory may be promised.
//
// Overcommit rule. Nothing is reserved by mmap or fork: a page counts from the first write to it on (or copy of it).
// There can be as many anonymous pages as swap blocks and frames together, less SWAP_KEPT; past that the writer is
// refused. So a frame can always be freed: if no block is left for an anonymous page that is dirty and has none, some
// other page in memory has a block, or is a file's.
//
// Blocks are numbered from 1, from the start of the swap space. They are handed out in rising order, so that pages that
// leave memory one after the other lie so on the disk.
#pragma once
#include "pe/types.h"

constexpr uint32_t SWAP_KEPT = 40;

// False: no memory for its map.
[[nodiscard]] bool swap_start(uint64_t first_block, uint32_t blocks);
uint32_t swap_take(void); // 0: none is left
void swap_free(uint32_t block);
uint64_t swap_block(uint32_t block); // from the start of the disk
uint32_t swap_left(void);
uint32_t swap_size(void);
