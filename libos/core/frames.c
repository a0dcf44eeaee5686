// SPDX-License-Identifier: MIT
// The pool: a cursor over frames never handed out yet, and a stack of those given back. Invariants: frames from
// `typed` to `end` are of type free; the stack has room for every frame of the PE.
#include "libos/core/frames.h"
#include "libos/core/print.h"
#include "libos/core/space.h"
#include "pe/stubs.h"

exo_handle frames_binding, *frames_leased;
static uint64_t next, typed, end; // frame numbers: next to hand out, first still of type free, end of the run
static uint32_t *const given = (uint32_t *)MAP_FREE_LIST; // offsets from start->frames_first
static uint64_t given_count, given_room;

// How many frames are typed ahead: the kernel does 16 in one call.
constexpr uint64_t TYPE_AHEAD = 16;

// Types frames up to `until` as data; false if the kernel refuses.
static bool type_until(uint64_t until) {
    while (typed < until) {
        const struct exo_result result =
            exo_frame_retype(frames_binding, (exo_frame){typed}, until - typed, EXO_FRAME_DATA);
        if (result.error != EXO_OK && result.error != EXO_AGAIN) return false;
        typed += result.value;
    }
    return true;
}

exo_frame frames_take_run(uint64_t count) {
    if (count == 0 || count > end - next || !type_until(next + count)) return (exo_frame){0};
    const exo_frame first = {next};
    next += count;
    return first;
}

exo_frame frames_take(void) {
    if (given_count != 0) return (exo_frame){start->frames_first.raw + given[--given_count]};
    if (next == typed && next != end) {
        const uint64_t ahead = end - next < TYPE_AHEAD ? end - next : TYPE_AHEAD;
        if (!type_until(next + ahead)) return (exo_frame){0};
    }
    return frames_take_run(1);
}

exo_frame frames_take_as(enum exo_frame_type type) {
    const exo_frame frame = frames_take();
    if (frame.raw == 0 || exo_frame_retype(frames_binding, frame, 1, type).error == EXO_OK) return frame;
    frames_give(frame);
    return (exo_frame){0};
}

void frames_give(exo_frame frame) {
    if (given_count == given_room) pe_fail("frame %#lx was given back, but no frame is missing", frame.raw);
    given[given_count++] = (uint32_t)(frame.raw - start->frames_first.raw);
}

uint64_t frames_left(void) {
    return given_count + (end - next);
}

void frames_init(void) {
    frames_binding = start->frames;
    next = typed = start->pool_first.raw;
    end = start->frames_first.raw + start->frames_count;
    if (start->frames_count == 0) return; // init has no pool

    const uint64_t pages = (start->frames_count * sizeof(given[0]) + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE;
    if (MAP_FREE_LIST + pages * EXO_PAGE_SIZE > MAP_RING) pe_fail("%lu frames are too many", start->frames_count);
    const bool reserved = space_reserve((exo_vaddr){MAP_FREE_LIST}, pages);
    const exo_frame list = frames_take_run(pages);
    if (!reserved || list.raw == 0
        || space_map_run((exo_vaddr){MAP_FREE_LIST}, list, pages, EXO_READ | EXO_WRITE) != EXO_OK)
        pe_fail("%lu frames are too few to start", start->frames_count);
    given_room = pages * EXO_PAGE_SIZE / sizeof(given[0]);
}
