// SPDX-License-Identifier: MIT
// A thousand PEs made, run, ended and destroyed: no frame, mapping or binding is lost. (The rig counts.)
#include "tests/vm/child.h"

constexpr unsigned ROUNDS = 1000;

static uint64_t triples(uint64_t argument) {
    return 3 * argument;
}

// Every frame of the machine by type, the pool's among them.
static uint64_t frames_free(void) {
    uint64_t count = 0;
    for (uint64_t i = 0; i < rig_machine()->frames; i++)
        count += rig_frame_info((exo_frame){i})->type == EXO_FRAME_FREE;
    return count;
}

TEST(a_thousand_pes_leave_no_trace) {
    const uint64_t before = frames_free();
    for (unsigned round = 0; round < ROUNDS; round++) {
        rig_context("round", round);
        rig_rewind();
        struct child child = child_new(CHILD_ISOLATED, triples);
        child_grant(&child, FRAMES, child.tables.raw, 1, EXO_READ);
        child_grant(&child, SLICES, 40, 8, EXO_ALL);
        child_run(&child, round);
        CHECK_EQUAL(child.state.status, 3 * round);
        child_release(&child);
        CHECK_EQUAL(frames_free(), before);
    }
    rig_note("rounds", ROUNDS);
}

TEST(a_thousand_pes_that_die_of_faults_leave_no_trace) {
    const uint64_t before = frames_free();
    for (unsigned round = 0; round < ROUNDS; round++) {
        rig_rewind();
        struct child child = child_new_at(CHILD_SHARED, (const void *)0x3000'0000);
        child_run(&child, 0);
        CHECK_EQUAL(child.state.status, CHILD_BY(fault));
        child_release(&child);
    }
    CHECK_EQUAL(frames_free(), before);
}

TEST(numbers_of_pes_are_not_used_again) {
    uint64_t last = rig_page()->id;
    for (unsigned round = 0; round < 10; round++) {
        rig_rewind();
        struct child child = child_new(CHILD_SHARED, triples);
        CHECK(child.page->id > last);
        last = child.page->id;
        child_release(&child);
    }
}
