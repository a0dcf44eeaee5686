// SPDX-License-Identifier: MIT
// Stacks for library code, in slots of 32 KiB from UNIX_STACKS on: the lower pages of a slot stay unmapped, so that
// running over is a fault (which the double-fault entry reports) and not a corruption.
//
// Slots that are given back keep their frames and are used again, the latest first: a fork needs no call for a stack.
// More than KEPT are given back with their frames.
#include "libos/core/frames.h"
#include "libos/core/space.h"
#include "libos/unix/map.h"
#include "libos/unix/process/thread.h"

constexpr uint64_t SLOT = 0x8000;
constexpr unsigned STACKS_MOST = (unsigned)PID_MOST;
constexpr unsigned KEPT = 32;
static_assert(UNIX_STACKS + STACKS_MOST * SLOT <= MAP_END && STACK_BYTES + EXO_PAGE_SIZE <= SLOT);

static uint64_t kept[KEPT]; // stacks with frames, free again
static unsigned kept_count;
static unsigned used;              // slots ever used
static uint16_t bare[STACKS_MOST]; // slots without frames, free again
static unsigned bare_count;

static uint64_t address_of(unsigned slot) {
    return UNIX_STACKS + (slot + 1) * SLOT - STACK_BYTES;
}

static void unmap(uint64_t stack, uint64_t bytes) {
    for (uint64_t at = stack; at < stack + bytes; at += EXO_PAGE_SIZE)
        frames_give(exo_entry_frame((exo_entry){space_unmap((exo_vaddr){at})}));
}

static bool map(uint64_t stack) {
    if (!space_reserve((exo_vaddr){stack}, STACK_BYTES / EXO_PAGE_SIZE)) return false;
    for (uint64_t at = stack; at < stack + STACK_BYTES; at += EXO_PAGE_SIZE) {
        const exo_frame frame = frames_take();
        if (frame.raw != 0 && space_map((exo_vaddr){at}, frame, EXO_READ | EXO_WRITE) == EXO_OK) continue;
        if (frame.raw != 0) frames_give(frame);
        unmap(stack, at - stack);
        return false;
    }
    return true;
}

uint64_t stack_new(void) {
    if (kept_count != 0) return kept[--kept_count];
    if (bare_count == 0 && used == STACKS_MOST) return 0;
    const unsigned slot = bare_count != 0 ? bare[bare_count - 1] : used;
    if (!map(address_of(slot))) return 0;
    if (bare_count != 0)
        bare_count--;
    else
        used++;
    return address_of(slot);
}

void stack_release(uint64_t stack) {
    if (kept_count < KEPT) {
        kept[kept_count++] = stack;
        return;
    }
    unmap(stack, STACK_BYTES);
    bare[bare_count++] = (uint16_t)((stack - UNIX_STACKS) / SLOT);
}
