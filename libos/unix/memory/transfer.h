// SPDX-License-Identifier: MIT
// Blocks on their way between disk and memory. Several are under way at a time, and those that are next to each other
// on the disk are put before the same kick.
//
//   reads     of pages that are pinned until transfers_read_finish
//   behind    a dirty page that leaves memory: its frame goes with it, and its slot gets a spare one at once. If the
//   page
//             is wanted before it is on the disk, it is copied from that frame
//   in place  a dirty page that stays; pinned until it is written
//
// A page that is being written has PAGE_WRITING. It must not end, nor be written again, before transfer_wait.
#pragma once
#include "libos/unix/memory/page.h"

constexpr uint32_t TRANSFER_SPARES = 32; // frames at most

// The frames from `first` on are spare.
void transfers_start(uint32_t first, uint32_t count);

void transfer_read(uint32_t page, uint64_t block);
void transfer_write_behind(uint32_t page, uint64_t block);
void transfer_write_in_place(uint32_t page, uint64_t block);

// Copies the contents of a page that is being written behind.
void transfer_rescue(uint32_t page, char *to);

void transfer_wait(uint32_t page); // until it is not being written
// Waits for all reads. Those that failed have PAGE_FAILED.
void transfers_read_finish(void);
// Waits for all writes. 0, or -EIO if one of a file's pages failed since the last time.
int transfers_write_finish(void);
