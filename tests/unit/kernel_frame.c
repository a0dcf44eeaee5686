// SPDX-License-Identifier: MIT
// frame_retype: how frames change their type, and when they may not.
#include <string.h>
#include "tests/unit/kernel_world.h"

TestSuite(kernel_frame, .init = world_begin, .fini = world_end);

constexpr exo_vaddr PAGE = {0x40'0000};

Test(kernel_frame, every_frame_handed_out_is_zero_whatever_it_was) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    for (enum exo_frame_type type = EXO_FRAME_DATA; type <= EXO_FRAME_RING; type++) {
        if (type != EXO_FRAME_TABLE4) memset(arch_frame(frame), 0xa5, EXO_PAGE_SIZE * (frame_level(type) == 0));
        MUST(host_frame_retype(first, FRAMES, frame, 1, type));
        const uint64_t *words = arch_frame(frame);
        for (unsigned i = 0; i < (type == EXO_FRAME_TABLE4 ? 256 : 512); i++) cr_assert_eq(words[i], 0);
        cr_expect_eq(info(frame)->type, type);
        MUST(host_frame_retype(first, FRAMES, frame, 1, EXO_FRAME_DATA));
        memset(arch_frame(frame), 0xa5, EXO_PAGE_SIZE);
    }
}

Test(kernel_frame, only_the_types_of_a_library_os_are_given) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    for (uint64_t type = EXO_FRAME_PE_PAGE; type < 300; type++)
        EXPECT(VALUE, host_frame_retype(first, FRAMES, frame, 1, type));
    EXPECT(VALUE, host_frame_retype(first, FRAMES, frame, 1, UINT64_MAX));
    EXPECT(VALUE, host_frame_retype(first, FRAMES, frame, 1, 1ull << 32 | EXO_FRAME_DATA));
}

Test(kernel_frame, needs_own_and_a_range_inside_the_binding) {
    const exo_frame frame = take_frames(4, EXO_FRAME_DATA);
    const exo_handle user = {
        MUST(host_binding_derive(first, FRAMES, frame.raw, 4, READ_WRITE | EXO_EXECUTE | EXO_GRANT))};
    EXPECT(RIGHTS, host_frame_retype(first, user, frame, 1, EXO_FRAME_FREE));
    const exo_handle owner = {MUST(host_binding_derive(first, FRAMES, frame.raw, 2, EXO_OWN))};
    EXPECT(OK, host_frame_retype(first, owner, frame, 2, EXO_FRAME_FREE));
    EXPECT(RANGE, host_frame_retype(first, owner, frame, 3, EXO_FRAME_FREE));
    EXPECT(RANGE, host_frame_retype(first, owner, (exo_frame){frame.raw + 2}, 1, EXO_FRAME_FREE));
    EXPECT(RANGE, host_frame_retype(first, owner, frame, UINT64_MAX, EXO_FRAME_FREE));
    EXPECT(RANGE, host_frame_retype(first, FRAMES, (exo_frame){1}, 1, EXO_FRAME_DATA)); // the kernel's
    EXPECT(RANGE, host_frame_retype(first, FRAMES, (exo_frame){UINT64_MAX}, 1, EXO_FRAME_DATA));
    EXPECT(RIGHTS, host_frame_retype(first, PACKAGE, (exo_frame){1}, 1, EXO_FRAME_DATA));
    EXPECT(KIND, host_frame_retype(first, DISK, frame, 1, EXO_FRAME_DATA));
}

Test(kernel_frame, a_mapped_frame_is_busy_until_its_last_mapping_goes) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    const exo_vaddr second = {PAGE.raw + EXO_PAGE_SIZE};
    MUST(map(PAGE, frame, EXO_READ));
    MUST(map(second, frame, EXO_READ));
    for (enum exo_frame_type type = EXO_FRAME_FREE; type <= EXO_FRAME_RING; type++)
        EXPECT(BUSY, host_frame_retype(first, FRAMES, frame, 1, type));
    MUST(unmap(PAGE, PAGE));
    EXPECT(BUSY, host_frame_retype(first, FRAMES, frame, 1, EXO_FRAME_FREE));
    MUST(unmap(second, second));
    EXPECT(OK, host_frame_retype(first, FRAMES, frame, 1, EXO_FRAME_FREE));
}

Test(kernel_frame, the_table_in_use_as_a_root_is_busy) {
    EXPECT(BUSY, host_frame_retype(first, FRAMES, parts.table4, 1, EXO_FRAME_DATA));
    EXPECT(BUSY, host_frame_retype(first, FRAMES, parts.table3, 1, EXO_FRAME_DATA));
    EXPECT(BUSY, host_frame_retype(first, FRAMES, parts.table1, 1, EXO_FRAME_DATA));
}

Test(kernel_frame, parts_of_a_pe_keep_their_type) {
    for (unsigned i = 0; i < 18; i++) {
        EXPECT(TYPE, host_frame_retype(first, FRAMES, (exo_frame){parts.frames_first.raw + i}, 1, EXO_FRAME_DATA));
        EXPECT(TYPE, host_frame_retype(first, FRAMES, (exo_frame){parts.frames_first.raw + i}, 1, EXO_FRAME_FREE));
    }
}

Test(kernel_frame, a_long_range_is_done_in_bounded_parts) {
    const exo_frame start = next_frame;
    uint64_t done = 0, calls = 0;
    while (done < 200) {
        const struct exo_result result =
            host_frame_retype(first, FRAMES, (exo_frame){start.raw + done}, 200 - done, EXO_FRAME_DATA);
        done += result.value;
        calls++;
        cr_assert(result.error == EXO_AGAIN || done == 200);
        cr_assert(result.value > 0 && result.value <= 64);
    }
    cr_expect_geq(calls, 4);
    for (unsigned i = 0; i < 200; i++) cr_expect_eq(info((exo_frame){start.raw + i})->type, EXO_FRAME_DATA);
    cr_expect_eq(info((exo_frame){start.raw + 200})->type, EXO_FRAME_FREE);
}

Test(kernel_frame, a_range_stops_at_a_busy_frame_and_says_how_far_it_came) {
    const exo_frame frame = take_frames(4, EXO_FRAME_DATA);
    MUST(map(PAGE, (exo_frame){frame.raw + 2}, EXO_READ));
    const struct exo_result result = host_frame_retype(first, FRAMES, frame, 4, EXO_FRAME_RING);
    cr_expect_eq(result.error, EXO_BUSY);
    cr_expect_eq(result.value, 2);
    cr_expect_eq(info((exo_frame){frame.raw + 1})->type, EXO_FRAME_RING);
    cr_expect_eq(info((exo_frame){frame.raw + 3})->type, EXO_FRAME_DATA);
}

Test(kernel_frame, a_new_root_has_the_kernels_half_and_nothing_else) {
    const exo_frame root = take_frames(1, EXO_FRAME_TABLE4);
    const uint64_t *entries = arch_frame(root), *mine = arch_frame(parts.table4);
    for (unsigned i = 0; i < 256; i++) cr_assert_eq(entries[i], 0);
    for (unsigned i = 256; i < 512; i++) cr_assert_eq(entries[i], mine[i]);
    MUST(host_frame_retype(first, FRAMES, root, 1, EXO_FRAME_FREE)); // without counting those as mappings
}
