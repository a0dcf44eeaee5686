// SPDX-License-Identifier: MIT
// The PE's pool of frames: what of its run is not taken by tables and image. Frames are handed out zeroed when they
// are first taken, in rising order; those given back are handed out again as they are, latest first.
//
// Safe in fault handlers. Not safe in event handlers, which might interrupt it.
#pragma once
#include "libos/core/start.h"
#include "pe/types.h"

extern exo_handle frames_binding; // covers all frames of this PE with all rights

// The binding that covers a frame of this PE: frames_binding, or that of a leased frame.
extern exo_handle *frames_leased; // by number from start->lease.first on; null: this PE has no leased frames
static inline exo_handle frames_handle(exo_frame frame) {
    if (frames_leased == nullptr || frame.raw - start->lease.first.raw >= start->lease.count) return frames_binding;
    return frames_leased[frame.raw - start->lease.first.raw];
}

// A frame of type data; raw 0 if none is left.
[[nodiscard]] exo_frame frames_take(void);

// `count` frames in a row of type data, zeroed; raw 0 if there is no such run.
[[nodiscard]] exo_frame frames_take_run(uint64_t count);

// A frame for use as `type`, zeroed; raw 0 if none is left.
[[nodiscard]] exo_frame frames_take_as(enum exo_frame_type type);

// Gives a frame back. It must be of type data and mapped nowhere that matters: what is still written through a
// mapping is seen by its next user.
void frames_give(exo_frame frame);

// Frames that can still be taken.
uint64_t frames_left(void);

// Called by core/start.c.
void frames_init(void);
