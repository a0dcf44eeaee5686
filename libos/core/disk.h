// SPDX-License-Identifier: MIT
// The PE's disk extent, through its ring. Blocks are 4 KiB and counted from the start of the disk.
//
//   if (disk_transfer(EXO_RING_READ, frame, block) != EXO_OK) …
//
// disk_submit and disk_completion are for callers who have something else to do meanwhile; both kinds can be mixed.
// Safe in fault handlers, if no paged memory is touched between; not in event handlers.
#pragma once
#include "libos/core/start.h"
#include "pe/ring.h"
#include "pe/types.h"

// Moves one block between disk and a frame of this PE, or flushes the disk's cache, and waits for the end.
// Errors: DEVICE (no extent, or the device failed), or the kernel's refusal of the request.
[[nodiscard]] enum exo_error disk_transfer(enum exo_ring_operation operation, exo_frame frame, uint64_t block);

// Puts a request into the ring and returns. `tag` comes back with its completion. False: 31 are under way already
// (one place is kept for disk_transfer), or there is no extent.
[[nodiscard]] bool disk_submit(enum exo_ring_operation operation, exo_frame frame, uint64_t block, uint32_t tag);

// The next completion of a disk_submit; false if none has come.
[[nodiscard]] bool disk_completion(uint32_t *tag, enum exo_error *error);

// Waits until disk_completion has one to give; false at once if none is under way.
bool disk_wait(void);

// Submitted requests whose completion has not been taken.
uint32_t disk_in_flight(void);

// Sets the ring up. Called by itself at first use; false: no extent or no frame.
bool disk_init(void);
