// SPDX-License-Identifier: MIT
// The frame table: what every physical page is used for, and by how many table entries.
//
// TLB safety without broadcast. A library OS asks for the flushes it needs; isolation never relies on that. Time is
// cut into epochs by full flushes. A frame remembers the epoch in which a mapping of it last went away; each CPU, the
// epoch since which it has flushed everything. A frame gets another type only when every CPU has flushed since
// (frame_quiesce), so that a stale entry can never show one PE what the frame became for another.
#include "exo/frame.h"
#include "exo/arch/arch.h"
#include "exo/pe.h"
#include "pe/tlb.h"

struct exo_frame_info *frame_table;
uint64_t frame_count;
static uint64_t epoch = 1; // grows with every full flush of any CPU

void frame_mapped(exo_frame frame) {
    frame_info(frame)->maps++;
}

void frame_unmapped(exo_frame frame) {
    struct exo_frame_info *info = frame_info(frame);
    info->maps--;
    info->unmapped_epoch = epoch;
}

void frame_tlb_flushed(void) {
    arch_cpu()->flushed = ++epoch;
}

void frame_quiesce(exo_frame frame) {
    if (frame_info(frame)->unmapped_epoch >= arch_cpu()->flushed) arch_flush_all();
}

// A table that goes away no longer names anything.
static void table_clear(exo_frame frame) {
    uint64_t *entries = arch_frame(frame);
    const bool root = frame_info(frame)->type == EXO_FRAME_TABLE4;
    for (unsigned i = 0; i < (root ? EXO_TABLE_ENTRIES / 2 : EXO_TABLE_ENTRIES); i++) {
        const uint64_t old = arch_entry_exchange(&entries[i], 0);
        if (old & EXO_ENTRY_PRESENT) frame_unmapped(exo_entry_frame((exo_entry){old}));
    }
}

void frame_free(exo_frame frame) {
    struct exo_frame_info *info = frame_info(frame);
    if (frame_level(info->type) != 0) table_clear(frame);
    frame_quiesce(frame);
    info->claim = EXO_FRAME_FREE;
    info->writers = 0;
}

void frame_make(exo_frame frame, enum exo_frame_type type) {
    frame_free(frame);
    if (type == EXO_FRAME_FREE) return;
    arch_zero(frame);
    if (type == EXO_FRAME_TABLE4) arch_root_init(frame);
    frame_info(frame)->claim = type;
}
