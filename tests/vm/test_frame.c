// SPDX-License-Identifier: MIT
// frame_retype, and the frame table that every PE can read.
#include "tests/vm/child.h"

TEST(retyping_zeroes_a_frame) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    volatile uint64_t *words = rig_map(RIG_WINDOW, frame, EXO_READ | EXO_WRITE);
    for (unsigned i = 0; i < 512; i++) words[i] = ~0ull;
    rig_unmap(RIG_WINDOW);
    CHECK_EQUAL(OK(exo_frame_retype(FRAMES, frame, 1, EXO_FRAME_DATA)), 1);
    rig_map(RIG_WINDOW, frame, EXO_READ);
    for (unsigned i = 0; i < 512; i++) CHECK_EQUAL(words[i], 0);
    rig_unmap(RIG_WINDOW);
    rig_release(frame, 1);
}

TEST(a_frame_takes_every_type_that_is_offered) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_FREE);
    for (uint64_t type = EXO_FRAME_FREE; type <= EXO_FRAME_RING; type++) {
        CHECK_EQUAL(OK(exo_frame_retype(FRAMES, frame, 1, type)), 1);
        CHECK_EQUAL(rig_frame_info(frame)->type, type);
    }
    rig_release(frame, 1);
}

TEST(types_of_the_kernel_are_not_to_be_had) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_FREE);
    for (uint64_t type = EXO_FRAME_PE_PAGE; type <= 300; type++)
        CHECK_ERROR(exo_frame_retype(FRAMES, frame, 1, type), VALUE);
    CHECK_ERROR(exo_frame_retype(FRAMES, frame, 1, ~0ull), VALUE);
    CHECK_ERROR(exo_frame_retype(FRAMES, frame, 1, 1ull << 32 | EXO_FRAME_DATA), VALUE);
}

TEST(frames_outside_the_binding_are_out_of_range) {
    const uint64_t first = rig.frames_first.raw, count = rig.frames_count;
    const uint64_t outside[][2] = {
        {first - 1, 1}, {first + count, 1}, {first + count - 1, 2}, {0, 1},     {~0ull, 1},
        {first, 0},     {first, ~0ull},     {first + 1, ~0ull},     {~0ull, 2}, {1ull << 52 | first, 1},
    };
    for (unsigned i = 0; i < sizeof outside / sizeof *outside; i++) {
        rig_context("line", i);
        CHECK_ERROR(exo_frame_retype(FRAMES, (exo_frame){outside[i][0]}, outside[i][1], EXO_FRAME_DATA), RANGE);
    }
}

TEST(a_mapped_frame_keeps_its_type) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    rig_map(RIG_WINDOW, frame, EXO_READ);
    for (uint64_t type = EXO_FRAME_FREE; type <= EXO_FRAME_RING; type++)
        CHECK_ERROR(exo_frame_retype(FRAMES, frame, 1, type), BUSY);
    rig_unmap(RIG_WINDOW);
    rig_release(frame, 1);
}

TEST(a_linked_table_keeps_its_type) {
    CHECK_ERROR(exo_frame_retype(FRAMES, rig.table1, 1, EXO_FRAME_DATA), BUSY);
    CHECK_ERROR(exo_frame_retype(FRAMES, rig.table4, 1, EXO_FRAME_DATA), BUSY);
}

TEST(a_table_that_goes_away_lets_go_of_what_it_named) {
    const exo_frame table = rig_frames(1, EXO_FRAME_TABLE1), frame = rig_frames(1, EXO_FRAME_DATA);
    for (uint64_t i = 0; i < 3; i++) {
        const exo_paddr slot = {(table.raw << EXO_PAGE_SHIFT) + i * 8 * 255};
        OK(exo_tlb_set(FRAMES, slot, FRAMES, exo_entry_for(frame, EXO_READ), (exo_vaddr){0}));
    }
    CHECK_EQUAL(rig_frame_info(frame)->maps, 3);
    rig_release(table, 1);
    CHECK_EQUAL(rig_frame_info(frame)->maps, 0);
    rig_release(frame, 1);
}

TEST(parts_of_a_pe_keep_their_type) {
    struct child child = child_new(CHILD_SHARED, nullptr);
    constexpr enum exo_frame_type types[] = {EXO_FRAME_PE, EXO_FRAME_PE_PAGE, EXO_FRAME_BINDINGS};
    for (unsigned i = 0; i < 3; i++) {
        const exo_frame part = {child.frames.raw + i};
        CHECK_EQUAL(rig_frame_info(part)->type, types[i]);
        CHECK_ERROR(exo_frame_retype(FRAMES, part, 1, EXO_FRAME_DATA), TYPE);
        CHECK_ERROR(exo_frame_retype(FRAMES, part, 1, EXO_FRAME_FREE), TYPE);
    }
    child_release(&child);
}

TEST(a_long_range_is_retyped_in_bounded_parts) {
    constexpr uint64_t count = 100;
    const exo_frame first = rig_frames(count, EXO_FRAME_FREE);
    uint64_t done = 0;
    unsigned calls = 0;
    for (struct exo_result result = {EXO_AGAIN, 0}; result.error != EXO_OK; done += result.value) {
        result = exo_frame_retype(FRAMES, (exo_frame){first.raw + done}, count - done, EXO_FRAME_DATA);
        CHECK(result.error == EXO_OK || result.error == EXO_AGAIN);
        CHECK(result.value > 0);
        calls++;
    }
    CHECK_EQUAL(done, count);
    CHECK(calls > 1);
    for (uint64_t i = 0; i < count; i++) CHECK_EQUAL(rig_frame_info((exo_frame){first.raw + i})->type, EXO_FRAME_DATA);
    rig_release(first, count);
}

TEST(an_error_in_a_range_tells_how_far_it_came) {
    const exo_frame first = rig_frames(5, EXO_FRAME_DATA);
    rig_map(RIG_WINDOW, (exo_frame){first.raw + 3}, EXO_READ);
    const struct exo_result result = exo_frame_retype(FRAMES, first, 5, EXO_FRAME_RING);
    CHECK_EQUAL(result.error, EXO_BUSY);
    CHECK_EQUAL(result.value, 3);
    CHECK_EQUAL(rig_frame_info(first)->type, EXO_FRAME_RING);
    CHECK_EQUAL(rig_frame_info((exo_frame){first.raw + 4})->type, EXO_FRAME_DATA);
    rig_unmap(RIG_WINDOW);
    rig_release(first, 5);
}

TEST(retyping_needs_to_own) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    const exo_handle weak = rig_derive(FRAMES, frame.raw, 1, EXO_READ | EXO_WRITE | EXO_EXECUTE | EXO_GRANT);
    CHECK_ERROR(exo_frame_retype(weak, frame, 1, EXO_FRAME_FREE), RIGHTS);
    rig_drop(weak);
    CHECK_EQUAL(rig_frame_info(frame)->type, EXO_FRAME_DATA);
    rig_release(frame, 1);
}

TEST(the_frame_table_is_for_reading_only) {
    const void *first = (const void *)EXO_FRAME_TABLE;
    const void *last = (const void *)(rig_frame_info((exo_frame){rig_machine()->frames - 1}));
    CHECK(rig_reads(first) && rig_reads(last));
    CHECK(!rig_writes(first));
    CHECK_EQUAL(rig_fault_address, EXO_FRAME_TABLE);
    CHECK_EQUAL(rig_fault_error, 7); // present, write, user
    CHECK(!rig_executes(first));
    CHECK(rig_reads((const void *)EXO_MACHINE_INFO));
    CHECK(!rig_writes((const void *)EXO_MACHINE_INFO));
}

TEST(the_frame_table_tells_the_truth_about_the_first_pe) {
    CHECK_EQUAL(rig_frame_info(rig.table4)->type, EXO_FRAME_TABLE4);
    CHECK_EQUAL(rig_frame_info(rig.table4)->maps, 1);
    CHECK_EQUAL(rig_frame_info(rig.table3)->type, EXO_FRAME_TABLE3);
    CHECK_EQUAL(rig_frame_info(rig.table2)->type, EXO_FRAME_TABLE2);
    CHECK_EQUAL(rig_frame_info(rig.table1)->type, EXO_FRAME_TABLE1);
    CHECK_EQUAL(rig_frame_info(rig_frame_at(EXO_FIRST_PE_PAGE))->type, EXO_FRAME_PE_PAGE);
    CHECK_EQUAL(rig_frame_info((exo_frame){0})->type, EXO_FRAME_KERNEL);
    CHECK(rig_machine()->frames >= rig.frames_first.raw + rig.frames_count);
}
