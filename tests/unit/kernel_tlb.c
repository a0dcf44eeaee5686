// SPDX-License-Identifier: MIT
// tlb_set and its relatives: what the kernel lets a library OS write into a table, and what the MMU makes of it.
#include "tests/unit/kernel_world.h"

TestSuite(kernel_tlb, .init = world_begin, .fini = world_end);

constexpr exo_vaddr PAGE = {0x40'0000};

Test(kernel_tlb, a_mapped_page_can_be_read_and_written_and_counts) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    cr_expect_not(host_load(first, PAGE).ok);
    cr_expect_eq(MUST(map(PAGE, frame, READ_WRITE)), 0);
    cr_expect_eq(info(frame)->maps, 1);
    cr_expect(host_store(first, PAGE, 42).ok);
    cr_expect_eq(host_load(first, PAGE).value, 42);
    cr_expect_not(host_execute(first, PAGE).ok);
    cr_expect_eq(*(uint64_t *)arch_frame(frame), 42);
}

Test(kernel_tlb, unmapping_returns_the_old_entry_with_its_bits_and_faults_afterwards) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    MUST(map(PAGE, frame, READ_WRITE));
    cr_assert(host_load(first, PAGE).ok);
    uint64_t old = MUST(unmap(PAGE, PAGE));
    cr_expect_eq(old, exo_entry_for(frame, READ_WRITE).raw | EXO_ENTRY_USER | EXO_ENTRY_ACCESSED);
    cr_expect_not(host_load(first, PAGE).ok);
    cr_expect_eq(info(frame)->maps, 0);
    MUST(map(PAGE, frame, READ_WRITE));
    cr_assert(host_store(first, PAGE, 1).ok);
    cr_expect(MUST(unmap(PAGE, PAGE)) & EXO_ENTRY_DIRTY);
}

Test(kernel_tlb, an_entry_gives_exactly_its_rights) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    for (uint64_t rights = EXO_READ; rights <= (READ_WRITE | EXO_EXECUTE); rights += EXO_WRITE) {
        MUST(map(PAGE, frame, rights));
        cr_expect(host_load(first, PAGE).ok);
        cr_expect_eq(host_store(first, PAGE, 1).ok, (rights & EXO_WRITE) != 0);
        cr_expect_eq(host_execute(first, PAGE).ok, (rights & EXO_EXECUTE) != 0);
    }
}

Test(kernel_tlb, remapping_counts_the_new_frame_and_forgets_the_old) {
    const exo_frame frame = take_frames(2, EXO_FRAME_DATA);
    MUST(map(PAGE, frame, READ_WRITE));
    MUST(map(PAGE, (exo_frame){frame.raw + 1}, EXO_READ));
    cr_expect_eq(info(frame)->maps, 0);
    cr_expect_eq(info((exo_frame){frame.raw + 1})->maps, 1);
    MUST(map((exo_vaddr){PAGE.raw + EXO_PAGE_SIZE}, (exo_frame){frame.raw + 1}, EXO_READ));
    cr_expect_eq(info((exo_frame){frame.raw + 1})->maps, 2);
}

Test(kernel_tlb, refuses_slots_that_are_unaligned_or_in_no_table_of_the_caller) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    const exo_entry entry = exo_entry_for(frame, EXO_READ);
    const exo_paddr good = slot_of(PAGE);
    for (unsigned offset = 1; offset < 8; offset++)
        EXPECT(ADDRESS, host_tlb_set(first, FRAMES, (exo_paddr){good.raw + offset}, FRAMES, entry, NO_FLUSH));
    EXPECT(RANGE, host_tlb_set(first, FRAMES, (exo_paddr){0}, FRAMES, entry, NO_FLUSH));
    EXPECT(RANGE,
           host_tlb_set(first, FRAMES, (exo_paddr){1 << EXO_PAGE_SHIFT}, FRAMES, entry, NO_FLUSH)); // the kernel's
    EXPECT(RANGE, host_tlb_set(first, FRAMES, (exo_paddr){WORLD_FRAMES << EXO_PAGE_SHIFT}, FRAMES, entry, NO_FLUSH));
    EXPECT(RANGE, host_tlb_set(first, FRAMES, (exo_paddr){~0ull << 3}, FRAMES, entry, NO_FLUSH));
    EXPECT(TYPE, host_tlb_set(first, FRAMES, slot_at(frame, 0), FRAMES, entry, NO_FLUSH));
    EXPECT(TYPE, host_tlb_set(first, FRAMES, slot_at(next_frame, 0), FRAMES, entry, NO_FLUSH));         // free
    EXPECT(TYPE, host_tlb_set(first, FRAMES, slot_at(parts.frames_first, 0), FRAMES, entry, NO_FLUSH)); // its own PE
    for (uint64_t i = 0; i < 18; i++) // nor can it write zeros there, or anywhere that is no table
        EXPECT(TYPE, host_tlb_set(first, FRAMES, slot_at((exo_frame){parts.frames_first.raw + i}, 0), EXO_NO_HANDLE,
                                  (exo_entry){0}, NO_FLUSH));
    EXPECT(TYPE, host_tlb_set(first, FRAMES, slot_at(frame, 0), EXO_NO_HANDLE, (exo_entry){0}, NO_FLUSH));
    EXPECT(TYPE, host_tlb_set(first, FRAMES, slot_at(next_frame, 0), EXO_NO_HANDLE, (exo_entry){0}, NO_FLUSH));
    cr_expect_eq(info(frame)->maps, 0);
}

// A table that is marked as the caller's is emptied by a shorter way, which must look at the slot all the same.
Test(kernel_tlb, refuses_to_empty_an_unaligned_slot_of_a_known_table) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    MUST(map(PAGE, frame, READ_WRITE));
    for (unsigned offset = 1; offset < 8; offset++)
        EXPECT(ADDRESS, host_tlb_set(first, FRAMES, (exo_paddr){slot_of(PAGE).raw + offset}, EXO_NO_HANDLE,
                                     (exo_entry){0}, NO_FLUSH));
    cr_expect(host_store(first, PAGE, 1).ok);
    cr_expect_eq(info(frame)->maps, 1);
}

Test(kernel_tlb, refuses_slots_of_a_root_past_the_user_addresses) {
    const exo_frame table3 = take_frames(1, EXO_FRAME_TABLE3);
    const exo_entry entry = exo_entry_for(table3, READ_WRITE | EXO_EXECUTE);
    for (unsigned index = EXO_USER_END >> 39; index < EXO_TABLE_ENTRIES; index++) {
        EXPECT(RANGE, host_tlb_set(first, FRAMES, slot_at(parts.table4, index), FRAMES, entry, NO_FLUSH));
        EXPECT(RANGE,
               host_tlb_set(first, FRAMES, slot_at(parts.table4, index), EXO_NO_HANDLE, (exo_entry){0}, NO_FLUSH));
    }
    EXPECT(OK, host_tlb_set(first, FRAMES, slot_at(parts.table4, (EXO_USER_END >> 39) - 1), FRAMES, entry, NO_FLUSH));
}

Test(kernel_tlb, refuses_every_entry_bit_that_is_not_a_library_oss) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    const uint64_t good = exo_entry_for(frame, EXO_READ).raw | EXO_ENTRY_USER;
    // Once before and once after the kernel has cached that the caller may map this frame here.
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            if (EXO_ENTRY_ALLOWED >> bit & 1) continue;
            EXPECT(VALUE,
                   host_tlb_set(first, FRAMES, slot_of(PAGE), FRAMES, (exo_entry){good | 1ull << bit}, NO_FLUSH));
            EXPECT(VALUE, host_tlb_set(first, FRAMES, slot_of(PAGE), FRAMES, (exo_entry){1ull << bit}, NO_FLUSH));
        }
        for (unsigned i = 0; i < 3; i++)
            MUST(host_tlb_set(first, FRAMES, slot_of(PAGE), FRAMES, (exo_entry){good}, NO_FLUSH));
    }
}

Test(kernel_tlb, every_present_entry_is_a_users) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    const exo_entry entry = {exo_entry_for(frame, READ_WRITE).raw & ~EXO_ENTRY_USER};
    MUST(host_tlb_set(first, FRAMES, slot_of(PAGE), FRAMES, entry, NO_FLUSH));
    cr_expect_eq(entry_at(slot_of(PAGE)), entry.raw | EXO_ENTRY_USER);
    cr_expect(host_load(first, PAGE).ok);
}

Test(kernel_tlb, refuses_frames_outside_the_binding_and_rights_that_it_lacks) {
    const exo_frame frame = take_frames(4, EXO_FRAME_DATA);
    const exo_handle some = {MUST(host_binding_derive(first, FRAMES, frame.raw + 1, 2, EXO_READ))};
    const exo_paddr slot = slot_of(PAGE);
    EXPECT(RANGE, host_tlb_set(first, FRAMES, slot, some, exo_entry_for(frame, EXO_READ), NO_FLUSH));
    EXPECT(RANGE,
           host_tlb_set(first, FRAMES, slot, some, exo_entry_for((exo_frame){frame.raw + 3}, EXO_READ), NO_FLUSH));
    EXPECT(RANGE, host_tlb_set(first, FRAMES, slot, FRAMES, exo_entry_for((exo_frame){0}, EXO_READ), NO_FLUSH));
    EXPECT(RANGE,
           host_tlb_set(first, FRAMES, slot, FRAMES, exo_entry_for((exo_frame){WORLD_FRAMES}, EXO_READ), NO_FLUSH));
    EXPECT(RANGE,
           host_tlb_set(first, FRAMES, slot, FRAMES, exo_entry_for((exo_frame){~0ull >> 24}, EXO_READ), NO_FLUSH));
    const exo_frame covered = {frame.raw + 1};
    EXPECT(RIGHTS, host_tlb_set(first, FRAMES, slot, some, exo_entry_for(covered, READ_WRITE), NO_FLUSH));
    EXPECT(RIGHTS, host_tlb_set(first, FRAMES, slot, some, exo_entry_for(covered, EXO_READ | EXO_EXECUTE), NO_FLUSH));
    EXPECT(OK, host_tlb_set(first, FRAMES, slot, some, exo_entry_for(covered, EXO_READ), NO_FLUSH));
    const exo_handle blind = {MUST(host_binding_derive(first, FRAMES, frame.raw, 4, EXO_WRITE | EXO_EXECUTE))};
    EXPECT(RIGHTS, host_tlb_set(first, FRAMES, slot, blind, exo_entry_for(covered, READ_WRITE), NO_FLUSH));
}

Test(kernel_tlb, refuses_handles_of_another_kind_or_without_write_on_the_table) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    const exo_entry entry = exo_entry_for(frame, EXO_READ);
    EXPECT(KIND, host_tlb_set(first, DISK, slot_of(PAGE), FRAMES, entry, NO_FLUSH));
    EXPECT(KIND, host_tlb_set(first, FRAMES, slot_of(PAGE), SLICES, entry, NO_FLUSH));
    EXPECT(HANDLE, host_tlb_set(first, EXO_NO_HANDLE, slot_of(PAGE), FRAMES, entry, NO_FLUSH));
    EXPECT(HANDLE, host_tlb_set(first, FRAMES, slot_of(PAGE), EXO_NO_HANDLE, entry, NO_FLUSH));
    EXPECT(HANDLE, host_tlb_set(first, FRAMES, slot_of(PAGE), (exo_handle){2 << 16 | 1}, entry, NO_FLUSH));
    const exo_handle reader = {
        MUST(host_binding_derive(first, FRAMES, parts.table1.raw, 1, EXO_READ | EXO_EXECUTE | EXO_OWN))};
    EXPECT(RIGHTS, host_tlb_set(first, reader, slot_of(PAGE), FRAMES, entry, NO_FLUSH));
    EXPECT(RIGHTS, host_tlb_set_batch(first, reader, FRAMES, 0, NO_FLUSH));
    EXPECT(RIGHTS, host_tlb_protect(first, reader, slot_of(PAGE), 1, FRAMES, exo_protect_for(NO_FLUSH, EXO_READ)));
    EXPECT(RIGHTS, host_tlb_harvest(first, reader, slot_of(PAGE), 1, (exo_entry){EXO_ENTRY_ACCESSED}, NO_FLUSH));
}

Test(kernel_tlb, maps_each_type_only_as_it_allows) {
    static const struct {
        enum exo_frame_type type;
        uint64_t most;
    } allowed[] = {
        {EXO_FRAME_DATA, READ_WRITE | EXO_EXECUTE},
        {EXO_FRAME_TABLE1, EXO_READ},
        {EXO_FRAME_TABLE2, EXO_READ},
        {EXO_FRAME_TABLE3, EXO_READ},
        {EXO_FRAME_TABLE4, EXO_READ},
        {EXO_FRAME_RING, READ_WRITE},
    };
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        const exo_frame frame = take_frames(1, allowed[i].type);
        for (uint64_t rights = EXO_READ; rights <= (READ_WRITE | EXO_EXECUTE); rights += EXO_WRITE) {
            if (rights & ~allowed[i].most)
                EXPECT(TYPE, map(PAGE, frame, rights));
            else
                EXPECT(OK, map(PAGE, frame, rights));
        }
    }
    EXPECT(TYPE, map(PAGE, next_frame, EXO_READ)); // free
    const struct other other = make_other((exo_frame){0}, 0, 0);
    EXPECT(TYPE, map(PAGE, other.frames, EXO_READ));                      // private
    EXPECT(OK, map(PAGE, (exo_frame){other.frames.raw + 1}, READ_WRITE)); // page
    EXPECT(TYPE, map(PAGE, (exo_frame){other.frames.raw + 1}, READ_WRITE | EXO_EXECUTE));
    EXPECT(TYPE, map(PAGE, (exo_frame){other.frames.raw + 2}, EXO_READ)); // bindings
}

Test(kernel_tlb, links_tables_only_to_the_level_below) {
    exo_frame table[5];
    for (unsigned level = 1; level <= 4; level++) table[level] = take_frames(1, EXO_FRAME_TABLE1 + level - 1);
    const exo_frame data = take_frames(1, EXO_FRAME_DATA);
    constexpr uint64_t all = READ_WRITE | EXO_EXECUTE;
    for (unsigned upper = 2; upper <= 4; upper++) {
        for (unsigned lower = 1; lower <= 4; lower++) {
            const struct exo_result result = host_tlb_set(first, FRAMES, slot_at(table[upper], 3), FRAMES,
                                                          exo_entry_for(table[lower], all), NO_FLUSH);
            cr_expect_eq(result.error, lower == upper - 1 ? EXO_OK : EXO_TYPE, "level %u in %u", lower, upper);
        }
        EXPECT(TYPE,
               host_tlb_set(first, FRAMES, slot_at(table[upper], 4), FRAMES, exo_entry_for(data, EXO_READ), NO_FLUSH));
    }
}

Test(kernel_tlb, refuses_to_flush_addresses_that_are_the_kernels_or_not_canonical) {
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    static const uint64_t bad[] = {EXO_USER_END,          0x0000'8000'0000'0000, 0xffff'7fff'ffff'f000,
                                   0xffff'8000'0000'0000, EXO_MACHINE_INFO,      ~0xfffull};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT(ADDRESS,
               host_tlb_set(first, FRAMES, slot_of(PAGE), FRAMES, exo_entry_for(frame, EXO_READ), (exo_vaddr){bad[i]}));
        EXPECT(ADDRESS, host_tlb_flush(first, (exo_vaddr){bad[i]}, 1));
        EXPECT(ADDRESS,
               host_tlb_harvest(first, FRAMES, slot_of(PAGE), 1, (exo_entry){EXO_ENTRY_ACCESSED}, (exo_vaddr){bad[i]}));
        EXPECT(ADDRESS, host_tlb_protect(first, FRAMES, slot_of(PAGE), 1, FRAMES,
                                         exo_protect_for((exo_vaddr){bad[i]}, EXO_READ)));
    }
    cr_expect_eq(info(frame)->maps, 0);
}

Test(kernel_tlb, a_batch_stops_at_the_first_bad_entry_and_says_how_far_it_came) {
    const exo_frame frame = take_frames(3, EXO_FRAME_DATA);
    struct exo_tlb_update *updates = (struct exo_tlb_update *)pe_page(first)->args;
    for (unsigned i = 0; i < 3; i++)
        updates[i] = (struct exo_tlb_update){slot_of((exo_vaddr){PAGE.raw + i * EXO_PAGE_SIZE}),
                                             exo_entry_for((exo_frame){frame.raw + i}, READ_WRITE)};
    updates[2].entry.raw |= 1ull << 8;
    const struct exo_result result = host_tlb_set_batch(first, FRAMES, FRAMES, 3, NO_FLUSH);
    cr_expect_eq(result.error, EXO_VALUE);
    cr_expect_eq(result.value, 2);
    cr_expect_eq(updates[0].entry.raw, 0); // the old entry
    cr_expect_eq(info(frame)->maps, 1);
    cr_expect_eq(info((exo_frame){frame.raw + 1})->maps, 1);
    cr_expect_eq(info((exo_frame){frame.raw + 2})->maps, 0);
    for (unsigned i = 0; i < EXO_BATCH_MAX; i++) updates[i] = (struct exo_tlb_update){slot_of(PAGE), {0}};
    EXPECT(VALUE, host_tlb_set_batch(first, FRAMES, FRAMES, EXO_BATCH_MAX + 1, NO_FLUSH));
    EXPECT(VALUE, host_tlb_set_batch(first, FRAMES, FRAMES, ~0ull, NO_FLUSH));
    EXPECT(OK, host_tlb_set_batch(first, FRAMES, FRAMES, 0, NO_FLUSH));
}

Test(kernel_tlb, a_batch_checks_slots_ranges_types_and_rights_like_single_calls) {
    const exo_frame frame = take_frames(2, EXO_FRAME_DATA);
    const exo_handle one = {MUST(host_binding_derive(first, FRAMES, frame.raw, 1, EXO_READ))};
    struct exo_tlb_update *update = (struct exo_tlb_update *)pe_page(first)->args;
    const struct {
        enum exo_error expected;
        exo_paddr slot;
        exo_entry entry;
    } cases[] = {
        {EXO_ADDRESS, {slot_of(PAGE).raw + 4}, exo_entry_for(frame, EXO_READ)},
        {EXO_RANGE, {1 << EXO_PAGE_SHIFT}, exo_entry_for(frame, EXO_READ)},
        {EXO_RANGE, slot_at(parts.table4, 256), exo_entry_for(frame, EXO_READ)},
        {EXO_TYPE, slot_at(frame, 0), exo_entry_for(frame, EXO_READ)},
        {EXO_RANGE, slot_of(PAGE), exo_entry_for((exo_frame){frame.raw + 1}, EXO_READ)},
        {EXO_RIGHTS, slot_of(PAGE), exo_entry_for(frame, READ_WRITE)},
        {EXO_TYPE, slot_at(parts.table2, 100), exo_entry_for(frame, EXO_READ)},
        {EXO_OK, slot_of(PAGE), exo_entry_for(frame, EXO_READ)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        *update = (struct exo_tlb_update){cases[i].slot, cases[i].entry};
        const struct exo_result result = host_tlb_set_batch(first, FRAMES, one, 1, NO_FLUSH);
        cr_expect_eq(result.error, cases[i].expected, "case %zu: %s", i, error_name(result.error));
    }
}

Test(kernel_tlb, protect_takes_rights_away_at_once_and_keeps_accessed_and_dirty) {
    const exo_frame frame = take_frames(2, EXO_FRAME_DATA);
    MUST(map(PAGE, frame, READ_WRITE));
    MUST(map((exo_vaddr){PAGE.raw + 2 * EXO_PAGE_SIZE}, (exo_frame){frame.raw + 1}, READ_WRITE));
    cr_assert(host_store(first, PAGE, 1).ok);
    cr_expect_eq(MUST(host_tlb_protect(first, FRAMES, slot_of(PAGE), 4, FRAMES, exo_protect_for(PAGE, EXO_READ))), 2);
    cr_expect_not(host_store(first, PAGE, 2).ok);
    cr_expect(host_load(first, PAGE).ok);
    cr_expect(entry_at(slot_of(PAGE)) & EXO_ENTRY_DIRTY);
    cr_expect_eq(info(frame)->maps, 1);
    cr_expect_eq(MUST(host_tlb_protect(first, FRAMES, slot_of(PAGE), 100, FRAMES, exo_protect_for(PAGE, READ_WRITE))),
                 2);
    cr_expect(host_store(first, PAGE, 3).ok);
    cr_expect_eq(MUST(host_tlb_protect(first, FRAMES, slot_of(PAGE), 100, FRAMES, exo_protect_for(PAGE, EXO_READ))), 2);
    cr_expect_not(host_store(first, PAGE, 4).ok); // more than are flushed one by one
}

Test(kernel_tlb, protect_adds_no_right_that_binding_or_type_lack) {
    const exo_frame frame = take_frames(2, EXO_FRAME_DATA);
    const struct other other = make_other(frame, 2, READ_WRITE | EXO_EXECUTE);
    const exo_paddr slot = slot_at(other.table1, 5);
    const exo_vaddr page = {5 * EXO_PAGE_SIZE};
    for (unsigned i = 0; i < 2; i++)
        MUST(other_map(&other, (exo_vaddr){page.raw + i * EXO_PAGE_SIZE}, (exo_frame){frame.raw + i}, EXO_READ));
    const exo_handle table = other_table(&other);
    const exo_handle reader = {MUST(host_binding_derive(other.pe, other.held, frame.raw, 2, EXO_READ | EXO_EXECUTE))};
    EXPECT(RIGHTS, host_tlb_protect(other.pe, table, slot, 1, reader, exo_protect_for(page, READ_WRITE)));
    const exo_handle one = {MUST(host_binding_derive(other.pe, other.held, frame.raw, 1, READ_WRITE))};
    const struct exo_result result = host_tlb_protect(other.pe, table, slot, 2, one, exo_protect_for(page, READ_WRITE));
    cr_expect_eq(result.error, EXO_RANGE);
    cr_expect_eq(result.value, 1);
    cr_expect(host_store(other.pe, page, 1).ok);
    cr_expect_not(host_store(other.pe, (exo_vaddr){page.raw + EXO_PAGE_SIZE}, 1).ok);
    MUST(map(PAGE, take_frames(1, EXO_FRAME_TABLE1), EXO_READ));
    EXPECT(TYPE, host_tlb_protect(first, FRAMES, slot_of(PAGE), 1, FRAMES, exo_protect_for(PAGE, READ_WRITE)));
    cr_expect_not(host_store(first, PAGE, 1).ok);
}

Test(kernel_tlb, protect_and_harvest_refuse_ranges_that_leave_the_table) {
    const exo_entry bits = {EXO_ENTRY_ACCESSED};
    const exo_protect change = exo_protect_for(NO_FLUSH, EXO_READ);
    const struct {
        unsigned index;
        uint64_t count;
        enum exo_error expected;
    } cases[] = {
        {0, 512, EXO_OK},  {1, 512, EXO_RANGE}, {511, 1, EXO_OK},           {511, 2, EXO_RANGE},
        {0, 0, EXO_VALUE}, {0, 513, EXO_VALUE}, {0, UINT64_MAX, EXO_VALUE}, {300, 213, EXO_RANGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const exo_paddr slot = slot_at((exo_frame){parts.table1.raw + 2}, cases[i].index);
        cr_expect_eq(host_tlb_protect(first, FRAMES, slot, cases[i].count, FRAMES, change).error, cases[i].expected,
                     "case %zu", i);
        cr_expect_eq(host_tlb_harvest(first, FRAMES, slot, cases[i].count, bits, NO_FLUSH).error, cases[i].expected,
                     "case %zu", i);
    }
    EXPECT(TYPE, host_tlb_protect(first, FRAMES, slot_at(parts.table2, 0), 1, FRAMES, change));
    EXPECT(TYPE, host_tlb_harvest(first, FRAMES, slot_at(parts.table2, 0), 1, bits, NO_FLUSH));
    EXPECT(VALUE, host_tlb_protect(first, FRAMES, slot_of(PAGE), 1, FRAMES, (exo_protect){EXO_WRITE}));
    EXPECT(VALUE, host_tlb_protect(first, FRAMES, slot_of(PAGE), 1, FRAMES, (exo_protect){EXO_READ | EXO_OWN}));
    EXPECT(VALUE, host_tlb_harvest(first, FRAMES, slot_of(PAGE), 1, (exo_entry){0}, NO_FLUSH));
    EXPECT(VALUE,
           host_tlb_harvest(first, FRAMES, slot_of(PAGE), 1, (exo_entry){EXO_ENTRY_WRITE | EXO_ENTRY_DIRTY}, NO_FLUSH));
}

Test(kernel_tlb, harvest_reads_and_clears_the_bits_and_the_next_access_sets_them_again) {
    const exo_frame frame = take_frames(100, EXO_FRAME_DATA);
    for (unsigned i = 0; i < 100; i++)
        MUST(map((exo_vaddr){PAGE.raw + i * EXO_PAGE_SIZE}, (exo_frame){frame.raw + i}, READ_WRITE));
    const unsigned touched[] = {0, 1, 63, 64, 99};
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 5; i++) {
            const exo_vaddr page = {PAGE.raw + touched[i] * EXO_PAGE_SIZE};
            if (i % 2)
                cr_assert(host_store(first, page, i).ok);
            else
                cr_assert(host_load(first, page).ok);
        }
        const exo_entry both = {EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY};
        cr_expect_eq(MUST(host_tlb_harvest(first, FRAMES, slot_of(PAGE), 100, both, PAGE)), 5);
        const struct exo_harvest *harvest = (const struct exo_harvest *)pe_page(first)->args;
        cr_expect_eq(harvest->accessed[0], 1ull | 1ull << 1 | 1ull << 63);
        cr_expect_eq(harvest->accessed[1], 1ull | 1ull << 35);
        cr_expect_eq(harvest->dirty[0], 1ull << 1);
        cr_expect_eq(harvest->dirty[1], 1ull);
        cr_expect_eq(MUST(host_tlb_harvest(first, FRAMES, slot_of(PAGE), 100, both, PAGE)), 0);
    }
}

Test(kernel_tlb, kernel_memory_is_out_of_reach_but_for_what_all_may_read) {
    cr_expect_not(host_load(first, (exo_vaddr){0xffff'8000'0000'0000}).ok);
    cr_expect_not(host_store(first, (exo_vaddr){0xffff'8000'0000'0000}, 1).ok);
    cr_expect_not(host_load(first, (exo_vaddr){0x0001'0000'0000'0000}).ok);
    const struct host_access abi = host_load(first, (exo_vaddr){EXO_MACHINE_INFO});
    cr_expect(abi.ok && (uint32_t)abi.value == EXO_ABI_VERSION);
    cr_expect_eq(host_load(first, (exo_vaddr){EXO_MACHINE_INFO + offsetof(struct exo_machine, frames)}).value,
                 WORLD_FRAMES);
    const exo_frame frame = take_frames(1, EXO_FRAME_DATA);
    MUST(map(PAGE, frame, EXO_READ));
    const exo_vaddr line = {EXO_FRAME_TABLE + frame.raw * sizeof(struct exo_frame_info)
                            + offsetof(struct exo_frame_info, maps)};
    cr_expect_eq((uint32_t)host_load(first, line).value, 1);
    cr_expect_not(host_store(first, line, 0).ok);
    cr_expect_not(host_store(first, (exo_vaddr){EXO_MACHINE_INFO}, 0).ok);
}
