// SPDX-License-Identifier: MIT
// The frame table, and what keeps TLBs safe when a frame changes hands.
#pragma once
#include "pe/types.h"

extern struct exo_frame_info *frame_table; // indexed by frame number
extern uint64_t frame_count;

static inline struct exo_frame_info *frame_info(exo_frame frame) {
    return &frame_table[frame.raw];
}

// Level of a table frame, 1 to 4; 0 for any other type.
static inline unsigned frame_level(enum exo_frame_type type) {
    const unsigned level = (unsigned)type - EXO_FRAME_TABLE1 + 1;
    return level <= 4 ? level : 0;
}

// A table entry that names the frame comes or goes.
void frame_mapped(exo_frame frame);
void frame_unmapped(exo_frame frame);

// This CPU has dropped every TLB entry; called by the architecture after each full flush.
void frame_tlb_flushed(void);

// Makes sure that no TLB holds an entry for the frame, which no table may name any more.
void frame_quiesce(exo_frame frame);

// Gives up what a frame holds as a table and makes it free. The caller has checked that nothing names the frame.
void frame_free(exo_frame frame);

// Whether a frame can be given another type now: nothing maps it, no transfer uses it.
[[nodiscard]] static inline bool frame_idle(exo_frame frame) {
    return frame_info(frame)->maps == 0 && frame_info(frame)->pins == 0;
}

// Zeroes an idle frame and gives it a type.
void frame_make(exo_frame frame, enum exo_frame_type type);
