// SPDX-License-Identifier: MIT
// The four operations on bindings as calls, and what revoking takes back.
#include "tests/unit/kernel_world.h"

TestSuite(kernel_binding, .init = world_begin, .fini = world_end);

constexpr exo_vaddr PAGE = {0x40'0000};

static struct exo_binding read_binding(struct pe *pe, exo_handle handle) {
    MUST(host_binding_read(pe, handle));
    return *(const struct exo_binding *)pe_page(pe)->args;
}

Test(kernel_binding, read_tells_what_a_binding_covers) {
    const exo_handle some = {MUST(host_binding_derive(first, DISK, 10, 5, EXO_READ | EXO_GRANT))};
    const struct exo_binding binding = read_binding(first, some);
    cr_expect_eq(binding.kind, EXO_KIND_EXTENT);
    cr_expect_eq(binding.first, 10);
    cr_expect_eq(binding.count, 5);
    cr_expect_eq(binding.rights, EXO_READ | EXO_GRANT);
    EXPECT(HANDLE, host_binding_read(first, (exo_handle){some.raw + (1 << 16)}));
    EXPECT(HANDLE, host_binding_read(first, (exo_handle){~0ull}));
    EXPECT(HANDLE, host_binding_derive(first, (exo_handle){~0ull}, 10, 5, EXO_READ));
    EXPECT(HANDLE, host_binding_revoke(first, (exo_handle){~0ull}));
    EXPECT(HANDLE, host_binding_drop(first, (exo_handle){~0ull}));
    EXPECT(HANDLE, host_binding_revoke(first, (exo_handle){some.raw + (1 << 16)}));
}

Test(kernel_binding, grant_needs_grant_on_the_source_and_write_on_the_pe) {
    const exo_frame data = take_frames(2, EXO_FRAME_DATA);
    const struct other other = make_other(data, 2, READ_WRITE);
    const exo_handle kept = {MUST(host_binding_derive(first, FRAMES, data.raw, 2, READ_WRITE | EXO_OWN))};
    EXPECT(RIGHTS, host_binding_grant(first, kept, other.handle, data.raw, 1, EXO_READ));
    const exo_handle viewer = {
        MUST(host_binding_derive(first, other.handle, other.frames.raw, 1, EXO_READ | EXO_EXECUTE | EXO_OWN))};
    EXPECT(RIGHTS, host_binding_grant(first, FRAMES, viewer, data.raw, 1, EXO_READ));
    EXPECT(KIND, host_binding_grant(first, FRAMES, FRAMES, data.raw, 1, EXO_READ));
    EXPECT(HANDLE, host_binding_grant(first, FRAMES, EXO_NO_HANDLE, data.raw, 1, EXO_READ));
    EXPECT(HANDLE, host_binding_grant(first, EXO_NO_HANDLE, other.handle, data.raw, 1, EXO_READ));
    const exo_handle self = {
        MUST(host_binding_grant(first, other.handle, other.handle, other.frames.raw, 1, EXO_WRITE))};
    EXPECT(RIGHTS, host_binding_grant(other.pe, other.held, self, data.raw, 1, EXO_READ));
    EXPECT(RANGE, host_binding_grant(first, FRAMES, other.handle, 0, 1, EXO_READ));
    EXPECT(VALUE, host_binding_grant(first, FRAMES, other.handle, data.raw, 1, 0));
    EXPECT(VALUE, host_binding_grant(first, FRAMES, other.handle, data.raw, 0, EXO_READ));
}

Test(kernel_binding, a_handle_of_one_pe_names_nothing_in_another) {
    const exo_frame data = take_frames(2, EXO_FRAME_DATA);
    const struct other other = make_other(data, 2, READ_WRITE);
    for (uint64_t index = 0; index < 200; index++)
        for (uint64_t generation = 0; generation < 3; generation++) {
            const exo_handle forged = {generation << 16 | index};
            if (forged.raw == other.held.raw || forged.raw == other_table(&other).raw) continue;
            EXPECT(HANDLE, host_binding_read(other.pe, forged));
            EXPECT(HANDLE, host_tlb_set(other.pe, forged, slot_at(other.table1, 0), other.held,
                                        exo_entry_for(data, EXO_READ), NO_FLUSH));
        }
}

Test(kernel_binding, revoke_unmaps_what_was_granted_and_frees_what_was_owned) {
    const exo_frame data = take_frames(8, EXO_FRAME_DATA);
    const exo_handle part = {MUST(host_binding_derive(first, FRAMES, data.raw, 8, EXO_ALL))};
    const struct other other = make_other(data, 1, READ_WRITE);
    const exo_handle owned = {MUST(host_binding_grant(first, part, other.handle, data.raw + 1, 4, EXO_ALL))};
    for (unsigned i = 0; i < 4; i++)
        MUST(host_tlb_set(other.pe, other_table(&other), slot_at(other.table1, 20 + i), owned,
                          exo_entry_for((exo_frame){data.raw + 1 + i}, READ_WRITE), NO_FLUSH));
    cr_assert(host_store(other.pe, (exo_vaddr){20 * EXO_PAGE_SIZE}, 99).ok);
    cr_expect_eq(REPEAT(host_binding_revoke(first, part)).error, EXO_OK);
    for (unsigned i = 1; i < 5; i++) cr_expect_eq(info((exo_frame){data.raw + i})->type, EXO_FRAME_FREE);
    cr_expect_eq(info((exo_frame){data.raw + 5})->type, EXO_FRAME_DATA); // never granted
    EXPECT(HANDLE, host_binding_read(other.pe, owned));
    cr_expect_not(host_load(other.pe, (exo_vaddr){20 * EXO_PAGE_SIZE}).ok);
    EXPECT(OK, host_binding_read(first, part));
}

Test(kernel_binding, revoke_reaches_grandchildren_in_other_pes) {
    const exo_frame data = take_frames(2, EXO_FRAME_DATA);
    const exo_handle part = {MUST(host_binding_derive(first, FRAMES, data.raw, 2, EXO_ALL))};
    const struct other middle = make_other(data, 1, EXO_READ), leaf = make_other(data, 1, EXO_READ);
    const exo_handle lent = {MUST(host_binding_grant(first, part, middle.handle, data.raw, 2, EXO_ALL))};
    const exo_handle leafs = {
        MUST(host_binding_grant(first, leaf.handle, middle.handle, leaf.frames.raw, 1, EXO_WRITE))};
    const exo_handle passed = {MUST(host_binding_grant(middle.pe, lent, leafs, data.raw + 1, 1, READ_WRITE))};
    MUST(host_tlb_set(leaf.pe, other_table(&leaf), slot_at(leaf.table1, 7), passed,
                      exo_entry_for((exo_frame){data.raw + 1}, READ_WRITE), NO_FLUSH));
    cr_assert(host_store(leaf.pe, (exo_vaddr){7 * EXO_PAGE_SIZE}, 1).ok);
    cr_expect_eq(REPEAT(host_binding_revoke(first, part)).error, EXO_OK);
    EXPECT(HANDLE, host_binding_read(middle.pe, lent));
    EXPECT(HANDLE, host_binding_read(leaf.pe, passed));
    cr_expect_not(host_load(leaf.pe, (exo_vaddr){7 * EXO_PAGE_SIZE}).ok);
    EXPECT(OK, host_binding_read(leaf.pe, leaf.held)); // from elsewhere
}

Test(kernel_binding, drop_refuses_while_there_are_descendants) {
    const exo_frame data = take_frames(2, EXO_FRAME_DATA);
    const exo_handle part = {MUST(host_binding_derive(first, FRAMES, data.raw, 2, EXO_ALL))};
    const exo_handle child = {MUST(host_binding_derive(first, part, data.raw, 1, EXO_READ))};
    EXPECT(BUSY, host_binding_drop(first, part));
    EXPECT(OK, host_binding_read(first, part));
    cr_expect_eq(REPEAT(host_binding_drop(first, child)).error, EXO_OK);
    cr_expect_eq(REPEAT(host_binding_drop(first, part)).error, EXO_OK);
    EXPECT(HANDLE, host_binding_drop(first, part));
    cr_expect_eq(info(data)->type, EXO_FRAME_FREE); // the binding owned them
}

Test(kernel_binding, the_caching_of_checks_ends_with_the_binding) {
    const exo_frame data = take_frames(2, EXO_FRAME_DATA);
    const struct other other = make_other(data, 1, EXO_READ);
    // All rights on a page and on a table, so that whatever the kernel caches of successful checks, it caches here.
    const exo_handle page = {MUST(host_binding_grant(first, FRAMES, other.handle, data.raw + 1, 1, EXO_ALL))};
    const exo_handle table = {MUST(host_binding_grant(first, FRAMES, other.handle, other.table1.raw, 1, EXO_ALL))};
    const exo_entry entry = {exo_entry_for((exo_frame){data.raw + 1}, READ_WRITE).raw | EXO_ENTRY_USER};
    const exo_paddr slot = slot_at(other.table1, 3);
    for (unsigned i = 0; i < 3; i++) EXPECT(OK, host_tlb_set(other.pe, table, slot, page, entry, NO_FLUSH));
    EXPECT(OK, host_tlb_set(other.pe, table, slot, EXO_NO_HANDLE, (exo_entry){0}, NO_FLUSH));
    cr_expect_eq(REPEAT(host_binding_drop(other.pe, page)).error, EXO_OK);
    MUST(host_frame_retype(first, FRAMES, (exo_frame){data.raw + 1}, 1, EXO_FRAME_DATA));
    EXPECT(HANDLE, host_tlb_set(other.pe, table, slot, page, entry, NO_FLUSH));
    EXPECT(RANGE, host_tlb_set(other.pe, table, slot, table, entry, NO_FLUSH));
    cr_expect_eq(info((exo_frame){data.raw + 1})->maps, 0);
}

Test(kernel_binding, a_cached_check_is_nobody_elses) {
    const exo_frame data = take_frames(1, EXO_FRAME_DATA);
    const struct other other = make_other(take_frames(1, EXO_FRAME_DATA), 1, READ_WRITE);
    const exo_entry entry = {exo_entry_for(data, READ_WRITE).raw | EXO_ENTRY_USER};
    for (unsigned i = 0; i < 3; i++) MUST(host_tlb_set(first, FRAMES, slot_of(PAGE), FRAMES, entry, PAGE));
    EXPECT(RANGE, host_tlb_set(other.pe, other_table(&other), slot_at(other.table1, 3), other.held, entry, NO_FLUSH));
    EXPECT(RANGE, host_tlb_set(other.pe, other_table(&other), slot_of(PAGE), other.held,
                               (exo_entry){exo_entry_for((exo_frame){other.held.raw}, EXO_READ).raw | EXO_ENTRY_USER},
                               NO_FLUSH));
}

Test(kernel_binding, revoking_a_slice_empties_it) {
    const struct other other = make_other((exo_frame){0}, 0, 0);
    const exo_handle some = {MUST(host_binding_derive(first, SLICES, 10, 4, EXO_ALL))};
    const exo_handle theirs = {MUST(host_binding_grant(first, some, other.handle, 10, 2, EXO_WRITE))};
    const exo_handle self = {
        MUST(host_binding_grant(first, other.handle, other.handle, other.frames.raw, 1, EXO_WRITE))};
    EXPECT(OK, host_slice_set(other.pe, theirs, 10, self));
    EXPECT(RANGE, host_slice_set(other.pe, theirs, 12, self));
    EXPECT(RANGE, host_slice_set(other.pe, theirs, 9, self));
    cr_expect_eq(arch_cpu()->vector[10], other.pe);
    cr_expect_eq(REPEAT(host_binding_revoke(first, some)).error, EXO_OK);
    cr_expect_null(arch_cpu()->vector[10]);
    EXPECT(HANDLE, host_slice_set(other.pe, theirs, 10, self));
}

Test(kernel_binding, devices_take_only_what_their_binding_allows) {
    memcpy(pe_page(first)->args, "abcde", 5);
    EXPECT(OK, host_console_write(first, CONSOLE, 1));
    cr_expect_str_eq(host_console(EXO_CONSOLE), "a");
    cr_expect_str_eq(host_console(EXO_REPORT), "");
    host_console_room(2);
    const struct exo_result part = host_console_write(first, CONSOLE, 5);
    cr_expect_eq(part.error, EXO_AGAIN);
    cr_expect_eq(part.value, 2);
    EXPECT(OK, host_console_write(first, CONSOLE, 3));
    cr_expect_eq(strlen(host_console(EXO_CONSOLE)), 1 + 2 + 3);
    EXPECT(VALUE, host_console_write(first, CONSOLE, EXO_ARGS_SIZE + 1));
    EXPECT(VALUE, host_console_write(first, CONSOLE, UINT64_MAX));
    EXPECT(VALUE, host_console_write(first, POWER, 1));
    EXPECT(KIND, host_console_write(first, DISK, 1));
    const exo_handle reader = {MUST(host_binding_derive(first, CONSOLE, EXO_CONSOLE, 1, EXO_READ))};
    EXPECT(RIGHTS, host_console_write(first, reader, 1));
    EXPECT(AGAIN, host_console_read(first, reader));
    EXPECT(VALUE, host_console_read(first, REPORT));
    const exo_handle writer = {MUST(host_binding_derive(first, CONSOLE, EXO_CONSOLE, 1, EXO_WRITE))};
    EXPECT(RIGHTS, host_console_read(first, writer));
    host_console_type("xy");
    cr_expect_eq(MUST(host_console_read(first, reader)), 'x');
    EXPECT(VALUE, host_machine_off(first, CONSOLE, 0));
    const exo_handle switch_reader = {MUST(host_binding_derive(first, POWER, EXO_POWER, 1, EXO_READ))};
    EXPECT(RIGHTS, host_machine_off(first, switch_reader, 0));
    EXPECT(VALUE, host_machine_off(first, POWER, 64));
    EXPECT(OK, host_machine_off(first, POWER, 5));
    uint64_t status;
    cr_expect(host_is_off(&status) && status == 5);
}

Test(kernel_binding, a_number_that_is_no_call_is_refused) {
    for (uint64_t number = EXO_CALLS; number < 1000; number++)
        EXPECT(CALL, host_call(first, number, (const uint64_t[5]){0}));
}

Test(kernel_binding, a_full_table_refuses_and_is_unharmed) {
    const exo_frame data = take_frames(1, EXO_FRAME_DATA);
    const struct other other = make_other(data, 1, EXO_ALL);
    unsigned made = 0;
    struct exo_result result;
    while ((result = host_binding_derive(other.pe, other.held, data.raw, 1, EXO_READ)).error == EXO_OK) made++;
    cr_expect_eq(result.error, EXO_FULL);
    cr_expect_eq(made, EXO_PAGE_SIZE / sizeof(struct sb_binding) - 1 - 2);
    EXPECT(FULL, host_binding_grant(first, FRAMES, other.handle, data.raw, 1, EXO_READ));
    cr_expect_eq(REPEAT(host_binding_revoke(other.pe, other.held)).error, EXO_OK);
    EXPECT(OK, host_binding_derive(other.pe, other.held, data.raw, 1, EXO_READ));
}

constexpr exo_vaddr SHARED = {0x5000}; // below 2 MiB, what others can map

// P6: what a PE gives up, or loses, is felt in no neighbour that shares the frame by a binding of its own.
Test(kernel_binding, a_neighbour_keeps_its_mapping_of_a_shared_frame) {
    const exo_frame data = take_frames(2, EXO_FRAME_DATA);
    const struct other one = make_other(data, 1, EXO_READ), two = make_other(data, 1, EXO_READ);
    MUST(map(PAGE, data, READ_WRITE));
    MUST(other_map(&one, SHARED, data, EXO_READ));
    MUST(other_map(&two, SHARED, data, EXO_READ));
    cr_expect_eq(REPEAT(host_binding_drop(one.pe, one.held)).error, EXO_OK);
    cr_expect_not(host_load(one.pe, SHARED).ok);
    cr_expect(host_load(two.pe, SHARED).ok);
    cr_expect(host_store(first, PAGE, 1).ok);
    cr_expect_eq(info(data)->maps, 2);
}

// The other side of it: an entry goes with the binding that allowed it, in whatever table it was written.
Test(kernel_binding, what_a_pe_wrote_in_a_neighbours_table_goes_with_its_binding) {
    const exo_frame data = take_frames(2, EXO_FRAME_DATA);
    const struct other one = make_other(data, 1, EXO_READ), two = make_other(data, 1, READ_WRITE);
    const exo_handle table = {
        MUST(host_binding_grant(first, FRAMES, two.handle, one.table1.raw, 1, EXO_READ | EXO_WRITE))};
    const exo_paddr slot = slot_at(one.table1, exo_table_index(SHARED, 1));
    MUST(host_tlb_set(two.pe, table, slot, two.held, exo_entry_for(data, READ_WRITE), NO_FLUSH));
    cr_assert(host_store(one.pe, SHARED, 1).ok);
    cr_expect_eq(REPEAT(host_binding_drop(two.pe, two.held)).error, EXO_OK);
    cr_expect_not(host_load(one.pe, SHARED).ok);
}

Test(kernel_binding, what_a_pe_allowed_by_a_batch_or_by_protect_goes_with_its_binding) {
    const exo_frame data = take_frames(2, EXO_FRAME_DATA);
    const struct other one = make_other(data, 1, EXO_READ), two = make_other(data, 1, READ_WRITE);
    const exo_handle table = {
        MUST(host_binding_grant(first, FRAMES, two.handle, one.table1.raw, 1, EXO_READ | EXO_WRITE))};
    const exo_paddr slot = slot_at(one.table1, exo_table_index(SHARED, 1));
    MUST(other_map(&one, SHARED, data, EXO_READ));
    MUST(host_tlb_protect(two.pe, table, slot, 1, two.held, exo_protect_for(SHARED, READ_WRITE)));
    cr_assert(host_store(one.pe, SHARED, 1).ok);
    cr_expect_eq(REPEAT(host_binding_drop(two.pe, two.held)).error, EXO_OK);
    cr_expect_not(host_store(one.pe, SHARED, 2).ok);

    const struct other three = make_other(data, 1, READ_WRITE);
    const exo_handle again = {
        MUST(host_binding_grant(first, FRAMES, three.handle, one.table1.raw, 1, EXO_READ | EXO_WRITE))};
    *(struct exo_tlb_update *)pe_page(three.pe)->args = (struct exo_tlb_update){slot, exo_entry_for(data, READ_WRITE)};
    MUST(host_tlb_set_batch(three.pe, again, three.held, 1, NO_FLUSH));
    cr_assert(host_store(one.pe, SHARED, 3).ok);
    cr_expect_eq(REPEAT(host_binding_drop(three.pe, three.held)).error, EXO_OK);
    cr_expect_not(host_store(one.pe, SHARED, 4).ok);
}

Test(kernel_binding, the_first_pe_loses_the_package_with_its_binding_of_it) {
    constexpr exo_vaddr package = {EXO_FIRST_PACKAGE_VA};
    cr_assert(host_load(first, package).ok);
    cr_expect_eq(REPEAT(host_binding_drop(first, (exo_handle){1 << 16 | EXO_FIRST_PACKAGE})).error, EXO_OK);
    cr_expect_not(host_load(first, package).ok);
}

// A table can be known as the caller's, and so be written by the cached path, before it is ever written otherwise.
Test(kernel_binding, frames_that_are_freed_leave_tables_that_only_the_cached_path_wrote) {
    constexpr uint64_t every = READ_WRITE | EXO_EXECUTE;
    const exo_frame data = take_frames(2, EXO_FRAME_DATA), table1 = take_frames(1, EXO_FRAME_TABLE1);
    const exo_handle owned = {MUST(host_binding_derive(first, FRAMES, data.raw, 1, EXO_ALL))};
    MUST(map(PAGE, data, READ_WRITE)); // known now, as is the table by the next line
    MUST(host_tlb_set(first, FRAMES, slot_at(parts.table2, 100), FRAMES, exo_entry_for(table1, every), NO_FLUSH));
    MUST(host_tlb_set(first, FRAMES, slot_at(table1, 3), owned,
                      (exo_entry){exo_entry_for(data, READ_WRITE).raw | EXO_ENTRY_USER}, NO_FLUSH));
    cr_expect_eq(info(table1)->writers, 0);
    cr_expect_eq(REPEAT(host_binding_drop(first, owned)).error, EXO_OK);
    cr_expect_eq(entry_at(slot_at(table1, 3)), 0);
    cr_expect_eq(info(data)->type, EXO_FRAME_FREE);
}

// A frame that becomes a table anew was written by nobody yet.
Test(kernel_binding, a_table_forgets_its_writers_when_its_frame_becomes_another) {
    const exo_frame data = take_frames(1, EXO_FRAME_DATA), table1 = take_frames(1, EXO_FRAME_TABLE1);
    const struct other one = make_other(data, 1, EXO_READ), two = make_other(data, 1, EXO_READ);
    exo_paddr slot = slot_at(table1, 0);
    const exo_handle lent = {
        MUST(host_binding_grant(first, FRAMES, one.handle, table1.raw, 1, EXO_READ | EXO_WRITE))};
    MUST(host_tlb_set(one.pe, lent, slot, EXO_NO_HANDLE, (exo_entry){0}, NO_FLUSH));
    MUST(host_frame_retype(first, FRAMES, table1, 1, EXO_FRAME_TABLE1));
    const exo_handle passed_on = {
        MUST(host_binding_grant(first, FRAMES, two.handle, table1.raw, 1, EXO_READ | EXO_WRITE))};
    MUST(host_tlb_set(two.pe, passed_on, slot, two.held, exo_entry_for(data, EXO_READ), NO_FLUSH));
    cr_expect_eq(REPEAT(host_binding_drop(one.pe, one.held)).error, EXO_OK);
    cr_expect_neq(entry_at(slot), 0);
}

// Who gets the bit of a PE that is gone has written none of the tables that the other wrote.
Test(kernel_binding, a_pe_does_not_inherit_what_an_earlier_one_wrote) {
    const exo_frame data = take_frames(1, EXO_FRAME_DATA);
    const struct other one = make_other(data, 1, EXO_READ), gone = make_other(data, 1, EXO_READ);
    const exo_handle lent = {
        MUST(host_binding_grant(first, FRAMES, gone.handle, one.table1.raw, 1, EXO_READ | EXO_WRITE))};
    MUST(host_tlb_set(gone.pe, lent, slot_at(one.table1, 9), EXO_NO_HANDLE, (exo_entry){0}, NO_FLUSH));
    const uint64_t bit = gone.pe->writer;
    cr_assert_eq(REPEAT(host_pe_destroy(first, gone.handle)).error, EXO_OK);
    const struct other heir = make_other(data, 1, EXO_READ);
    cr_assert_eq(heir.pe->writer, bit);
    MUST(other_map(&one, SHARED, data, EXO_READ));
    cr_expect_eq(REPEAT(host_binding_drop(heir.pe, heir.held)).error, EXO_OK);
    cr_expect(host_load(one.pe, SHARED).ok);
}

// Bits of writers are used again when a PE is gone, and shared when there are more PEs than bits: never too few.
Test(kernel_binding, more_pes_than_writer_bits_still_lose_what_they_drop) {
    const exo_frame data = take_frames(1, EXO_FRAME_DATA), more = take_frames(1, EXO_FRAME_DATA);
    struct other others[70];
    for (unsigned round = 0; round < 2; round++) {
        const exo_frame at = next_frame;
        for (unsigned i = 0; i < 70; i++) {
            others[i] = make_other(data, 1, EXO_READ);
            MUST(other_map(&others[i], SHARED, data, EXO_READ));
        }
        for (unsigned i = 0; i < 70; i += 2) {
            cr_assert_eq(REPEAT(host_binding_drop(others[i].pe, others[i].held)).error, EXO_OK);
            cr_expect_not(host_load(others[i].pe, SHARED).ok, "%u", i);
            if (i + 1 < 62) cr_expect(host_load(others[i + 1].pe, SHARED).ok, "%u", i + 1);
        }
        const struct other *last = &others[69]; // 67 has the same bit
        const exo_handle held = {MUST(host_binding_grant(first, FRAMES, last->handle, more.raw, 1, EXO_READ))};
        MUST(host_tlb_set(last->pe, other_table(last), slot_at(last->table1, 7), held, exo_entry_for(more, EXO_READ),
                          NO_FLUSH));
        cr_assert_eq(REPEAT(host_pe_destroy(first, others[67].handle)).error, EXO_OK);
        cr_assert(host_load(last->pe, (exo_vaddr){7 * EXO_PAGE_SIZE}).ok);
        cr_assert_eq(REPEAT(host_binding_drop(last->pe, held)).error, EXO_OK);
        cr_expect_not(host_load(last->pe, (exo_vaddr){7 * EXO_PAGE_SIZE}).ok);
        for (unsigned i = 0; i < 70; i++)
            if (i != 67) cr_assert_eq(REPEAT(host_pe_destroy(first, others[i].handle)).error, EXO_OK);
        next_frame = at;
    }
}
