// SPDX-License-Identifier: MIT
// Stale TLB entries: the library OS here never asks for a flush, and still nobody sees through an old translation what
// a frame has become. Each test fails if frame_quiesce or the flush that it makes is taken away.
#include "tests/unit/kernel_world.h"

TestSuite(kernel_stale, .init = world_begin, .fini = world_end);

constexpr exo_vaddr PAGE = {0x40'0000};

// A frame that is in the first PE's TLB, writable and dirty, and no longer in any table.
static exo_frame leave_stale(void) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    MUST(map(PAGE, frame, READ_WRITE));
    cr_assert(host_store(first, PAGE, 0x5ec2e7).ok);
    MUST(unmap(PAGE, NO_FLUSH));
    cr_assert_eq(info(frame)->maps, 0);
    return frame;
}

Test(kernel_stale, the_simulated_tlb_does_keep_entries_until_they_are_flushed) {
    leave_stale();
    cr_expect_eq(host_load(first, PAGE).value, 0x5ec2e7);
    cr_expect(host_store(first, PAGE, 1).ok);
    MUST(host_tlb_flush(first, PAGE, 1));
    cr_expect_not(host_load(first, PAGE).ok);
}

Test(kernel_stale, a_frame_that_becomes_a_table_cannot_be_written_through_an_old_entry) {
    const exo_frame frame = leave_stale();
    MUST(host_frame_retype(first, FRAMES, frame, 1, EXO_FRAME_TABLE1));
    cr_expect_not(host_store(first, PAGE, ~0ull).ok);
    cr_expect_eq(entry_at(slot_at(frame, 0)), 0);
}

Test(kernel_stale, a_frame_that_becomes_free_cannot_be_read_through_an_old_entry) {
    const exo_frame frame = leave_stale();
    MUST(host_frame_retype(first, FRAMES, frame, 1, EXO_FRAME_FREE));
    cr_expect_not(host_load(first, PAGE).ok);
    MUST(host_frame_retype(first, FRAMES, frame, 1, EXO_FRAME_DATA));
    MUST(map(PAGE, frame, EXO_READ));
    cr_expect_eq(host_load(first, PAGE).value, 0); // and comes back empty
}

Test(kernel_stale, a_frame_that_becomes_data_again_is_zeroed_and_out_of_sight) {
    const exo_frame frame = leave_stale();
    MUST(host_frame_retype(first, FRAMES, frame, 1, EXO_FRAME_DATA));
    cr_expect_not(host_load(first, PAGE).ok);
    cr_expect_eq(*(uint64_t *)arch_frame(frame), 0);
}

Test(kernel_stale, frames_that_become_a_pe_cannot_be_written_through_old_entries) {
    const exo_frame frames = take_frames(3, EXO_FRAME_DATA);
    for (unsigned i = 0; i < 3; i++) {
        const exo_vaddr page = {PAGE.raw + i * EXO_PAGE_SIZE};
        MUST(map(page, (exo_frame){frames.raw + i}, READ_WRITE));
        cr_assert(host_store(first, page, 1).ok);
        MUST(unmap(page, NO_FLUSH));
    }
    MUST(host_pe_create(first, FRAMES, frames, 3));
    for (unsigned i = 0; i < 3; i++)
        cr_expect_not(host_store(first, (exo_vaddr){PAGE.raw + i * EXO_PAGE_SIZE}, ~0ull).ok);
}

Test(kernel_stale, a_table_that_goes_takes_what_it_mapped_out_of_the_tlb) {
    const exo_frame table = take_frames(1, EXO_FRAME_TABLE1), data = take_frames(1, EXO_FRAME_DATA);
    const exo_vaddr page = {0x100'0000}; // behind the tables that are there
    const exo_paddr link = slot_at(parts.table2, exo_table_index(page, 2));
    MUST(host_tlb_set(first, FRAMES, link, FRAMES, exo_entry_for(table, READ_WRITE | EXO_EXECUTE), NO_FLUSH));
    MUST(host_tlb_set(first, FRAMES, slot_at(table, 0), FRAMES, exo_entry_for(data, READ_WRITE), NO_FLUSH));
    cr_assert(host_store(first, page, 7).ok);
    EXPECT(BUSY, host_frame_retype(first, FRAMES, table, 1, EXO_FRAME_DATA));  // linked still
    EXPECT(BUSY, host_frame_retype(first, FRAMES, data, 1, EXO_FRAME_TABLE1)); // mapped by it
    MUST(host_tlb_set(first, FRAMES, link, EXO_NO_HANDLE, (exo_entry){0}, NO_FLUSH));
    EXPECT(BUSY, host_frame_retype(first, FRAMES, data, 1, EXO_FRAME_TABLE1));
    MUST(host_frame_retype(first, FRAMES, table, 1, EXO_FRAME_DATA)); // the table's entries go with it
    cr_expect_eq(info(data)->maps, 0);
    MUST(host_frame_retype(first, FRAMES, data, 1, EXO_FRAME_TABLE1));
    cr_expect_not(host_store(first, page, 8).ok);
    cr_expect_not(host_load(first, page).ok);
}

Test(kernel_stale, no_walk_goes_through_data_that_was_a_table) {
    const exo_frame table = take_frames(1, EXO_FRAME_TABLE1), data = take_frames(1, EXO_FRAME_DATA);
    const exo_vaddr page = {0x100'0000}, window = PAGE;
    const exo_paddr link = slot_at(parts.table2, exo_table_index(page, 2));
    MUST(host_tlb_set(first, FRAMES, link, FRAMES, exo_entry_for(table, READ_WRITE | EXO_EXECUTE), NO_FLUSH));
    MUST(host_tlb_set(first, FRAMES, slot_at(table, 0), FRAMES, exo_entry_for(data, READ_WRITE), NO_FLUSH));
    cr_assert(host_load(first, page).ok); // now the upper entries are cached
    MUST(host_tlb_set(first, FRAMES, link, EXO_NO_HANDLE, (exo_entry){0}, NO_FLUSH));
    MUST(host_frame_retype(first, FRAMES, table, 1, EXO_FRAME_DATA));
    MUST(map(window, table, READ_WRITE));
    // The PE writes an entry for the kernel's root table into what was its table, at an index not used before.
    cr_assert(host_store(first, (exo_vaddr){window.raw + 8}, 1 << EXO_PAGE_SHIFT | 7).ok);
    cr_expect_not(host_load(first, (exo_vaddr){page.raw + EXO_PAGE_SIZE}).ok);
}

Test(kernel_stale, revoked_frames_cannot_be_reached_through_the_holders_old_entries) {
    const exo_frame data = take_frames(4, EXO_FRAME_DATA);
    const struct other other = make_other(data, 4, READ_WRITE);
    const exo_handle narrow = {MUST(host_binding_derive(first, FRAMES, data.raw, 4, EXO_ALL))};
    const exo_handle granted = {MUST(host_binding_grant(first, narrow, other.handle, data.raw, 1, READ_WRITE))};
    MUST(host_tlb_set(other.pe, other_table(&other), slot_at(other.table1, 9), granted, exo_entry_for(data, READ_WRITE),
                      NO_FLUSH));
    cr_assert(host_store(other.pe, (exo_vaddr){9 * EXO_PAGE_SIZE}, 2).ok);
    cr_expect_eq(REPEAT(host_binding_revoke(first, narrow)).error, EXO_OK);
    cr_expect_not(host_load(other.pe, (exo_vaddr){9 * EXO_PAGE_SIZE}).ok);
    EXPECT(HANDLE, host_tlb_set(other.pe, other_table(&other), slot_at(other.table1, 9), granted,
                                exo_entry_for(data, EXO_READ), NO_FLUSH));
}

// The dangerous order: revoker and holder share an address range, so no switch of address spaces helps.
Test(kernel_stale, a_drop_without_own_flushes_what_was_mapped_by_it) {
    const exo_frame data = take_frames(1, EXO_FRAME_DATA);
    const exo_handle narrow = {MUST(host_binding_derive(first, FRAMES, data.raw, 1, READ_WRITE))};
    MUST(host_tlb_set(first, FRAMES, slot_of(PAGE), narrow, exo_entry_for(data, READ_WRITE), NO_FLUSH));
    cr_assert(host_store(first, PAGE, 3).ok);
    cr_expect_eq(REPEAT(host_binding_drop(first, narrow)).error, EXO_OK);
    cr_expect_eq(info(data)->maps, 0);
    cr_expect_not(host_store(first, PAGE, 4).ok);
}
