// SPDX-License-Identifier: MIT
// The disk as the portable kernel sees it: numbered slots in which one 4 KiB transfer can be under way.
#pragma once
#include "pe/ring.h"
#include "pe/types.h"

constexpr unsigned DISK_SLOTS = 84; // each takes three descriptors of a queue of 256

// Finds the disk and starts it; called once at boot. Without one, disk_blocks is 0 and disk_start must not be called.
void disk_init(void);

// 4 KiB blocks of the disk; 0 if there is none.
uint64_t disk_blocks(void);

// Prepares a transfer between a frame and a block (checked by the caller), or a flush. The slot is the caller's to
// choose and must be idle. The transfer begins at the latest with the next disk_begin; its end is told by
// ring_complete(slot, error) from disk_interrupt.
void disk_start(unsigned slot, enum exo_ring_operation operation, uint64_t block, exo_paddr frame);

// Has the device begin all transfers that are prepared: one crossing to the device for many of them.
void disk_begin(void);

// Called by the architecture when the disk raises its interrupt: calls ring_complete for every finished slot.
void disk_interrupt(void);
