// SPDX-License-Identifier: MIT
// The PE's disk extent, through its ring. Blocks are 4 KiB and counted from the start of the disk.
//
//   if (disk_transfer(EXO_RING_READ, frame, block) != EXO_OK) …           // one block, and wait
//
//   while (more && disk_put(DISK_APPLICATION, EXO_RING_WRITE, frame, block, tag)) …
//   disk_kick();                                                          // all of them start together
//   while (disk_completion(DISK_APPLICATION, &tag, &error)) …             // now, or much later
//
// Each part of a library OS that has requests under way at the same time as others is a *client*, and gets its own
// completions only. Requests that are adjacent on the disk should be put before the same kick: a device may make one
// transfer of them.
//
// Safe in fault handlers, if no paged memory is touched between; not in event handlers.
#pragma once
#include "libos/core/start.h"
#include "pe/ring.h"
#include "pe/types.h"

// The places of the ring are handed out so that each client leaves one to those after it: then a fault is served
// while the application writes, and both go on while pages are read ahead.
enum disk_client : uint32_t {
    DISK_AHEAD,       // requests that nobody waits for; any number
    DISK_APPLICATION, // any number
    DISK_METADATA,    // a file system's own blocks; any number
    DISK_FAULT,       // one at a time
    DISK_CLIENTS,
};

constexpr uint32_t DISK_TAG_MOST = (1u << 28) - 1;

// Moves one block between disk and a frame of this PE, or flushes the disk's cache, and waits for the end.
// Errors: DEVICE (no extent, or the device failed), or the kernel's refusal of the request.
[[nodiscard]] enum exo_error disk_transfer(enum exo_ring_operation operation, exo_frame frame, uint64_t block);

// Puts a request into the ring, for the next kick. `tag`, at most DISK_TAG_MOST, comes back with its completion. False:
// no place is left for this client until completions have come, or there is no extent.
[[nodiscard]] bool disk_put(enum disk_client client, enum exo_ring_operation operation, exo_frame frame, uint64_t block,
                            uint32_t tag);

// Starts what was put.
void disk_kick(void);

// disk_put and disk_kick.
[[nodiscard]] bool disk_submit(enum disk_client client, enum exo_ring_operation operation, exo_frame frame,
                               uint64_t block, uint32_t tag);

// The next completion of a client's requests, in the order in which they came; false if none has come.
[[nodiscard]] bool disk_completion(enum disk_client client, uint32_t *tag, enum exo_error *error);

// Waits until disk_completion has one to give; false at once if the client has none under way.
bool disk_wait(enum disk_client client);

// A client's requests whose completion has not been taken.
uint32_t disk_in_flight(enum disk_client client);

// Ticks of the time-stamp counter that have passed while this PE had given the CPU up to wait for the disk. What is
// left of the time was spent on instructions.
uint64_t disk_waited(void);

// Sets the ring up. Called by itself at first use; false: no extent or no frame.
bool disk_init(void);
