// SPDX-License-Identifier: MIT
// frame_retype: the one way in which a frame's type changes, other than by making and destroying PEs.
#include "exo/call.h"
#include "exo/frame.h"

// Zeroing a frame or clearing a table is the unit of work; a longer range is done in several calls.
constexpr uint64_t RETYPE_AT_ONCE = 16;

static bool type_is_offered(uint64_t type) {
    return type <= EXO_FRAME_RING;
}

// PEs and their parts end by pe_destroy only; free frames can take any type; the rest must be idle.
static enum exo_error retype_allows(exo_frame frame) {
    const enum exo_frame_type now = frame_info(frame)->type;
    if (now > EXO_FRAME_RING) return EXO_TYPE;
    return frame_idle(frame) ? EXO_OK : EXO_BUSY;
}

struct exo_result call_frame_retype(exo_handle frames, exo_frame first, uint64_t count, uint64_t type) {
    FIND(binding, frames, FRAMES, EXO_OWN);
    CHECK(type_is_offered(type), VALUE);
    CHECK(sb_covers(binding, first.raw, count), RANGE);

    for (uint64_t i = 0; i < count; i++) {
        const exo_frame frame = {first.raw + i};
        if (i == RETYPE_AT_ONCE) return (struct exo_result){EXO_AGAIN, i};
        const enum exo_error refusal = retype_allows(frame);
        if (refusal != EXO_OK) return (struct exo_result){refusal, i};
        frame_make(frame, (enum exo_frame_type)type);
    }
    return done(count);
}
