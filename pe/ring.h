// SPDX-License-Identifier: MIT
// The disk ring: one frame shared between a PE and the kernel.
//
//   library OS: requests[submitted % N] = …; submitted++;  exo_ring_kick()
//   kernel:     checks each request once, on its own copy; pins the frame; starts the transfer
//   device:     moves data straight between disk and frame
//   kernel:     completions[completed % N] = …; completed++; event `disk`
//
// A PE has at most EXO_RING_SIZE requests between submission and its reading of the completion; more are left in
// the ring until completions have been taken (the library OS advances `taken`). Where many PEs have rings, each has
// only its share of the disk under way. What a kick leaves in the ring is taken by a kick after the next event `disk`.
#pragma once
#include "pe/types.h"

constexpr uint32_t EXO_RING_SIZE = 64;

enum exo_ring_operation : uint32_t { EXO_RING_READ = 0, EXO_RING_WRITE = 1, EXO_RING_FLUSH = 2 };

struct exo_ring_request {
    exo_handle extent; // needs READ to read, WRITE to write and flush
    exo_handle frames; // needs WRITE to read from disk, READ to write to disk
    exo_frame frame;
    uint64_t block; // absolute number of a 4 KiB disk block
    enum exo_ring_operation operation;
    uint32_t tag; // comes back in the completion
};

struct exo_ring_completion {
    uint32_t tag;
    uint32_t error; // enum exo_error
};

struct exo_ring {
    uint32_t submitted; // library OS: requests ever put in
    uint32_t taken;     // library OS: completions ever read
    uint32_t accepted;  // kernel: requests ever taken out
    uint32_t completed; // kernel: completions ever put in
    struct exo_ring_request requests[EXO_RING_SIZE];
    struct exo_ring_completion completions[EXO_RING_SIZE];
};
static_assert(sizeof(struct exo_ring) <= EXO_PAGE_SIZE);
