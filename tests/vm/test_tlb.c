// SPDX-License-Identifier: MIT
// The calls that write single page-table entries: tlb_set and tlb_set_batch; and tlb_flush.
#include "tests/vm/child.h"

constexpr uint64_t RW = EXO_READ | EXO_WRITE, RX = EXO_READ | EXO_EXECUTE, RWX = RW | EXO_EXECUTE;

static volatile struct exo_tlb_update *updates(void) {
    return (volatile struct exo_tlb_update *)rig_page()->args;
}

static struct exo_result set(exo_frame frame, uint64_t rights) {
    return exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), FRAMES, exo_entry_for(frame, rights), (exo_vaddr){RIG_WINDOW});
}

// The slot number `index` of a table.
static exo_paddr slot_in(exo_frame table, uint64_t index) {
    return (exo_paddr){(table.raw << EXO_PAGE_SHIFT) + index * 8};
}

TEST(a_page_can_be_mapped_twice_and_each_entry_is_counted) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    volatile uint64_t *one = rig_map(RIG_WINDOW, frame, RW), *two = rig_map(RIG_WINDOW + 4096, frame, EXO_READ);
    CHECK_EQUAL(rig_frame_info(frame)->maps, 2);
    *one = 17;
    CHECK_EQUAL(*two, 17);
    rig_unmap(RIG_WINDOW);
    CHECK_EQUAL(rig_frame_info(frame)->maps, 1);
    rig_unmap(RIG_WINDOW + 4096);
    rig_release(frame, 1);
}

TEST(the_old_entry_comes_back_with_its_bits) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    rig_map(RIG_WINDOW, frame, RW);
    CHECK_EQUAL(rig_unmap(RIG_WINDOW) & (EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY), 0);
    rig_map(RIG_WINDOW, frame, RW);
    CHECK(rig_reads((void *)RIG_WINDOW));
    CHECK_EQUAL(rig_unmap(RIG_WINDOW) & (EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY), EXO_ENTRY_ACCESSED);
    rig_map(RIG_WINDOW, frame, RW);
    CHECK(rig_writes((void *)RIG_WINDOW));
    const uint64_t old = rig_unmap(RIG_WINDOW);
    CHECK_EQUAL(old & (EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY), EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY);
    CHECK_EQUAL(exo_entry_frame((exo_entry){old}).raw, frame.raw);
    CHECK_EQUAL(rig_unmap(RIG_WINDOW), 0);
    rig_release(frame, 1);
}

TEST(replacing_a_page_moves_the_count) {
    const exo_frame frames = rig_frames(2, EXO_FRAME_DATA), other = {frames.raw + 1};
    OK(set(frames, RW));
    CHECK(rig_writes((void *)RIG_WINDOW));
    CHECK_EQUAL(exo_entry_frame((exo_entry){OK(set(other, RW))}).raw, frames.raw);
    CHECK_EQUAL(rig_frame_info(frames)->maps, 0);
    CHECK_EQUAL(rig_frame_info(other)->maps, 1);
    OK(set(other, RW)); // the same again
    CHECK_EQUAL(rig_frame_info(other)->maps, 1);
    rig_unmap(RIG_WINDOW);
    rig_release(frames, 2);
}

TEST(rights_are_enforced_by_the_processor) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    uint8_t *code = rig_map(RIG_WINDOW, frame, RW);
    *code = 0xc3; // ret
    CHECK(rig_reads(code) && rig_writes(code) && !rig_executes(code));
    CHECK_EQUAL(rig_fault_address, RIG_WINDOW);
    CHECK_EQUAL(rig_fault_error, 0x15); // present, user, fetch
    OK(set(frame, RX));
    CHECK(rig_reads(code) && rig_executes(code) && !rig_writes(code));
    CHECK_EQUAL(rig_fault_error, 7); // present, write, user
    OK(set(frame, EXO_READ));
    CHECK(rig_reads(code) && !rig_executes(code) && !rig_writes(code));
    rig_unmap(RIG_WINDOW);
    CHECK(!rig_reads(code));
    CHECK_EQUAL(rig_fault_error, 4); // user
    rig_release(frame, 1);
}

TEST(entries_with_forbidden_bits_are_refused) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    OK(set(frame, RW)); // so that every check can have been cached
    for (unsigned bit = 0; bit < 64; bit++) {
        if (EXO_ENTRY_ALLOWED >> bit & 1) continue;
        rig_context("bit", bit);
        const exo_entry present = {exo_entry_for(frame, RW).raw | 1ull << bit}, absent = {1ull << bit};
        CHECK_ERROR(exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), FRAMES, present, (exo_vaddr){0}), VALUE);
        CHECK_ERROR(exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), FRAMES, absent, (exo_vaddr){0}), VALUE);
        updates()->slot = rig_slot(RIG_WINDOW);
        updates()->entry = present;
        CHECK_ERROR(exo_tlb_set_batch(FRAMES, FRAMES, 1, (exo_vaddr){0}), VALUE);
    }
    CHECK_EQUAL(rig_frame_info(frame)->maps, 1);
    rig_unmap(RIG_WINDOW);
    rig_release(frame, 1);
}

TEST(soft_bits_and_absent_entries_are_kept) {
    const exo_entry marked = {EXO_ENTRY_SOFT | 0x1234000};
    OK(exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), EXO_NO_HANDLE, marked, (exo_vaddr){0}));
    CHECK_EQUAL(rig_entry(RIG_WINDOW), marked.raw);
    CHECK(!rig_reads((void *)RIG_WINDOW));
    CHECK_EQUAL(rig_unmap(RIG_WINDOW), marked.raw);
}

TEST(every_present_entry_is_a_user_entry) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    const exo_entry plain = {exo_entry_for(frame, RW).raw & ~EXO_ENTRY_USER};
    OK(exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), FRAMES, plain, (exo_vaddr){0}));
    CHECK(rig_entry(RIG_WINDOW) & EXO_ENTRY_USER);
    CHECK(rig_writes((void *)RIG_WINDOW));
    rig_unmap(RIG_WINDOW);
    rig_release(frame, 1);
}

TEST(slots_are_checked) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    const exo_entry entry = exo_entry_for(frame, RW);
    OK(set(frame, RW));
    for (uint64_t off = 1; off < 8; off++) {
        const exo_paddr odd = {rig_slot(RIG_WINDOW + 4096).raw + off};
        CHECK_ERROR(exo_tlb_set(FRAMES, odd, FRAMES, entry, (exo_vaddr){0}), ADDRESS);
    }
    const uint64_t outside[] = {0,
                                8,
                                rig.frames_first.raw * 4096 - 8,
                                (rig.frames_first.raw + rig.frames_count) * 4096,
                                rig_machine()->frames * 4096,
                                1ull << 52,
                                1ull << 63 | rig_slot(RIG_WINDOW).raw,
                                -8ull};
    for (unsigned i = 0; i < sizeof outside / sizeof *outside; i++) {
        rig_context("slot", outside[i]);
        CHECK_ERROR(exo_tlb_set(FRAMES, (exo_paddr){outside[i]}, FRAMES, entry, (exo_vaddr){0}), RANGE);
    }
    CHECK_ERROR(exo_tlb_set(FRAMES, slot_in(frame, 0), FRAMES, entry, (exo_vaddr){0}), TYPE);
    CHECK_ERROR(exo_tlb_set(FRAMES, slot_in(rig_frame_at(EXO_FIRST_PE_PAGE), 0), FRAMES, entry, (exo_vaddr){0}), TYPE);
    rig_unmap(RIG_WINDOW);
    rig_release(frame, 1);
}

TEST(the_kernels_half_of_a_root_is_out_of_range) {
    const exo_frame table = rig_frames(1, EXO_FRAME_TABLE3);
    for (uint64_t index = 256; index < 512; index++) {
        rig_context("index", index);
        CHECK_ERROR(exo_tlb_set(FRAMES, slot_in(rig.table4, index), FRAMES, exo_entry_for(table, RWX), (exo_vaddr){0}),
                    RANGE);
        CHECK_ERROR(exo_tlb_set(FRAMES, slot_in(rig.table4, index), FRAMES, (exo_entry){0}, (exo_vaddr){0}), RANGE);
    }
    rig_release(table, 1);
}

TEST(no_instruction_can_lie_against_the_end_of_user_space) {
    // A syscall there would return to an address that is not canonical, which some processors notice in the kernel.
    const exo_frame table = rig_frames(1, EXO_FRAME_TABLE3);
    CHECK_ERROR(exo_tlb_set(FRAMES, slot_in(rig.table4, 255), FRAMES, exo_entry_for(table, RWX), (exo_vaddr){0}),
                RANGE);
    OK(exo_tlb_set(FRAMES, slot_in(rig.table4, 254), FRAMES, exo_entry_for(table, RWX), (exo_vaddr){0}));
    OK(exo_tlb_set(FRAMES, slot_in(rig.table4, 254), FRAMES, (exo_entry){0}, (exo_vaddr){0}));
    rig_release(table, 1);
}

TEST(addresses_to_flush_are_the_callers_own) {
    const uint64_t others[] = {EXO_USER_END, 1ull << 47, 1ull << 63, EXO_FRAME_TABLE, ~0xfffull};
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        const exo_vaddr address = {others[i]};
        rig_context("address", others[i]);
        CHECK_ERROR(exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), EXO_NO_HANDLE, (exo_entry){0}, address), ADDRESS);
        CHECK_ERROR(exo_tlb_flush(address, 1), ADDRESS);
        CHECK_ERROR(exo_tlb_harvest(FRAMES, rig_slot(RIG_WINDOW), 1, (exo_entry){EXO_ENTRY_ACCESSED}, address),
                    ADDRESS);
        CHECK_ERROR(exo_tlb_protect(FRAMES, rig_slot(RIG_WINDOW), 1, FRAMES,
                                    exo_protect_for((exo_vaddr){others[i] & ~0xfffull}, EXO_READ)),
                    ADDRESS);
    }
}

TEST(frames_are_mapped_only_as_their_type_allows) {
    struct child child = child_new(CHILD_SHARED, nullptr);
    const exo_frame pool = rig_frames(4, EXO_FRAME_FREE);
    const exo_frame data = pool, ring = {pool.raw + 1}, table = {pool.raw + 2}, free = {pool.raw + 3};
    OK(exo_frame_retype(FRAMES, data, 1, EXO_FRAME_DATA));
    OK(exo_frame_retype(FRAMES, ring, 1, EXO_FRAME_RING));
    const struct {
        exo_frame frame;
        uint64_t most; // rights
    } lines[] = {
        {data, RWX},
        {ring, RW},
        {free, 0},
        {child.frames, 0},
        {{child.frames.raw + 1}, RW},
        {{child.frames.raw + 2}, 0},
        {rig.table1, EXO_READ},
        {rig.table2, EXO_READ},
        {rig.table3, EXO_READ},
        {rig.table4, EXO_READ},
    };
    constexpr uint64_t wanted[] = {EXO_READ, RW, RX, RWX};
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++)
        for (unsigned j = 0; j < 4; j++) {
            rig_context("line", i << 8 | j);
            const bool allowed = (wanted[j] & ~lines[i].most) == 0;
            CHECK_EQUAL(set(lines[i].frame, wanted[j]).error, allowed ? EXO_OK : EXO_TYPE);
            rig_unmap(RIG_WINDOW);
        }
    (void)table;
    child_release(&child);
    rig_release(pool, 4);
}

TEST(a_frame_that_became_a_table_can_no_longer_be_mapped_writable) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    OK(set(frame, RW)); // may be remembered as mappable
    rig_unmap(RIG_WINDOW);
    for (uint64_t type = EXO_FRAME_TABLE1; type <= EXO_FRAME_TABLE4; type++) {
        OK(exo_frame_retype(FRAMES, frame, 1, type));
        CHECK_ERROR(set(frame, RW), TYPE);
    }
    OK(exo_frame_retype(FRAMES, frame, 1, EXO_FRAME_FREE));
    CHECK_ERROR(set(frame, RW), TYPE);
}

TEST(a_table_that_became_data_is_no_longer_written) {
    const exo_frame frames = rig_frames(2, EXO_FRAME_DATA), table = {frames.raw + 1};
    OK(exo_frame_retype(FRAMES, table, 1, EXO_FRAME_TABLE1));
    OK(exo_tlb_set(FRAMES, slot_in(table, 3), FRAMES, exo_entry_for(frames, RW), (exo_vaddr){0}));
    OK(exo_frame_retype(FRAMES, table, 1, EXO_FRAME_DATA));
    CHECK_ERROR(exo_tlb_set(FRAMES, slot_in(table, 3), FRAMES, exo_entry_for(frames, RW), (exo_vaddr){0}), TYPE);
    OK(exo_frame_retype(FRAMES, table, 1, EXO_FRAME_TABLE2));
    CHECK_ERROR(exo_tlb_set(FRAMES, slot_in(table, 3), FRAMES, exo_entry_for(frames, RW), (exo_vaddr){0}), TYPE);
    rig_release(frames, 2);
}

TEST(frames_outside_the_binding_are_not_mapped) {
    const exo_frame outside[] = {{0},
                                 {1},
                                 {rig.frames_first.raw - 1},
                                 {rig.frames_first.raw + rig.frames_count},
                                 {rig_machine()->frames},
                                 {1ull << 39},
                                 {(1ull << 40) - 1}};
    for (unsigned i = 0; i < sizeof outside / sizeof *outside; i++) {
        rig_context("frame", outside[i].raw);
        CHECK_ERROR(set(outside[i], EXO_READ), RANGE);
    }
    const exo_frame frames = rig_frames(2, EXO_FRAME_DATA);
    const exo_handle one = rig_derive(FRAMES, frames.raw, 1, EXO_ALL);
    const exo_entry other = exo_entry_for((exo_frame){frames.raw + 1}, EXO_READ);
    CHECK_ERROR(exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), one, other, (exo_vaddr){0}), RANGE);
    rig_drop(one);
    rig_release(frames, 2);
}

TEST(an_entry_gives_no_more_than_its_binding) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    constexpr uint64_t wanted[] = {EXO_READ, RW, RX, RWX};
    for (uint64_t rights = 1; rights < EXO_OWN; rights++) {
        const exo_handle weak = rig_derive(FRAMES, frame.raw, 1, rights);
        for (unsigned j = 0; j < 4; j++) {
            rig_context("rights", rights << 8 | j);
            const struct exo_result result =
                exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), weak, exo_entry_for(frame, wanted[j]), (exo_vaddr){0});
            CHECK_EQUAL(result.error, (wanted[j] & ~rights) ? EXO_RIGHTS : EXO_OK);
        }
        rig_drop(weak);
        CHECK_EQUAL(rig_entry(RIG_WINDOW) & EXO_ENTRY_PRESENT, 0);
    }
    rig_release(frame, 1);
}

TEST(a_table_takes_only_tables_of_the_level_below) {
    constexpr enum exo_frame_type types[] = {EXO_FRAME_DATA,   EXO_FRAME_TABLE1, EXO_FRAME_TABLE2,
                                             EXO_FRAME_TABLE3, EXO_FRAME_TABLE4, EXO_FRAME_RING};
    const exo_frame upper = rig_frames(1, EXO_FRAME_FREE), lower = rig_frames(1, EXO_FRAME_FREE);
    for (unsigned level = 2; level <= 4; level++)
        for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
            rig_context("level", level << 8 | i);
            OK(exo_frame_retype(FRAMES, upper, 1, EXO_FRAME_TABLE1 + level - 1));
            OK(exo_frame_retype(FRAMES, lower, 1, types[i]));
            const struct exo_result result =
                exo_tlb_set(FRAMES, slot_in(upper, 7), FRAMES, exo_entry_for(lower, RWX), (exo_vaddr){0});
            CHECK_EQUAL(result.error, types[i] == EXO_FRAME_TABLE1 + level - 2 ? EXO_OK : EXO_TYPE);
            OK(exo_tlb_set(FRAMES, slot_in(upper, 7), FRAMES, (exo_entry){0}, (exo_vaddr){0}));
        }
    rig_release(upper, 1);
    rig_release(lower, 1);
}

TEST(a_shared_table_shares_an_address_range) {
    const exo_frame table = rig_frames(1, EXO_FRAME_TABLE1), frame = rig_frames(1, EXO_FRAME_DATA);
    for (uint64_t i = 10; i < 12; i++)
        OK(exo_tlb_set(FRAMES, slot_in(rig.table2, i), FRAMES, exo_entry_for(table, RWX), (exo_vaddr){0}));
    OK(exo_tlb_set(FRAMES, slot_in(table, 1), FRAMES, exo_entry_for(frame, RW), (exo_vaddr){0}));
    *(volatile uint64_t *)(10 * 0x20'0000 + 4096) = 99;
    CHECK_EQUAL(*(volatile uint64_t *)(11 * 0x20'0000 + 4096), 99);
    CHECK_ERROR(exo_frame_retype(FRAMES, table, 1, EXO_FRAME_FREE), BUSY);
    for (uint64_t i = 10; i < 12; i++)
        OK(exo_tlb_set(FRAMES, slot_in(rig.table2, i), FRAMES, (exo_entry){0}, (exo_vaddr){0}));
    OK(exo_tlb_flush((exo_vaddr){0}, 0));
    CHECK(!rig_reads((void *)(10 * 0x20'0000 + 4096)));
    rig_release(table, 1);
    rig_release(frame, 1);
}

TEST(a_batch_sets_many_and_gives_the_old_entries_back) {
    constexpr uint64_t count = EXO_BATCH_MAX;
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    for (uint64_t round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < count; i++) {
            updates()[i].slot = rig_slot(RIG_WINDOW + i * 4096);
            updates()[i].entry = round == 0 ? exo_entry_for(frame, RW) : (exo_entry){0};
        }
        CHECK_EQUAL(OK(exo_tlb_set_batch(FRAMES, FRAMES, count, (exo_vaddr){RIG_WINDOW})), count);
        for (uint64_t i = 0; i < count; i++)
            CHECK_EQUAL(updates()[i].entry.raw & EXO_ENTRY_FRAME, round == 0 ? 0 : frame.raw << EXO_PAGE_SHIFT);
        CHECK_EQUAL(rig_frame_info(frame)->maps, round == 0 ? count : 0);
        CHECK_EQUAL(rig_reads((void *)(RIG_WINDOW + (count - 1) * 4096)), round == 0);
    }
    CHECK_EQUAL(OK(exo_tlb_set_batch(FRAMES, FRAMES, 0, (exo_vaddr){0})), 0);
    CHECK_ERROR(exo_tlb_set_batch(FRAMES, FRAMES, count + 1, (exo_vaddr){0}), VALUE);
    CHECK_ERROR(exo_tlb_set_batch(FRAMES, FRAMES, ~0ull, (exo_vaddr){0}), VALUE);
    rig_release(frame, 1);
}

TEST(a_batch_stops_at_the_first_error) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    const struct {
        exo_paddr slot;
        exo_entry entry;
        enum exo_error error;
    } bad[] = {
        {{rig_slot(RIG_WINDOW).raw + 1}, {0}, EXO_ADDRESS},
        {{8}, {0}, EXO_RANGE},
        {slot_in(frame, 0), {0}, EXO_TYPE},
        {rig_slot(RIG_WINDOW + 2 * 4096), {EXO_ENTRY_PRESENT | 1 << 7}, EXO_VALUE},
        {rig_slot(RIG_WINDOW + 2 * 4096), exo_entry_for((exo_frame){0}, EXO_READ), EXO_RANGE},
        {rig_slot(RIG_WINDOW + 2 * 4096), exo_entry_for(rig.table1, RW), EXO_TYPE},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        rig_context("line", i);
        for (uint64_t j = 0; j < 4; j++) {
            updates()[j].slot = j == 2 ? bad[i].slot : rig_slot(RIG_WINDOW + j * 4096);
            updates()[j].entry = j == 2 ? bad[i].entry : exo_entry_for(frame, RW);
        }
        const struct exo_result result = exo_tlb_set_batch(FRAMES, FRAMES, 4, (exo_vaddr){0});
        CHECK_EQUAL(result.error, bad[i].error);
        CHECK_EQUAL(result.value, 2);
        CHECK_EQUAL(rig_frame_info(frame)->maps, 2);
        CHECK_EQUAL(rig_entry(RIG_WINDOW + 3 * 4096), 0);
        rig_unmap(RIG_WINDOW);
        rig_unmap(RIG_WINDOW + 4096);
    }
    rig_release(frame, 1);
}

TEST(what_was_flushed_is_not_used_any_more) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    for (uint64_t count = 0; count <= 40; count += 20) {
        rig_map(RIG_WINDOW, frame, RW);
        CHECK(rig_writes((void *)RIG_WINDOW));
        OK(exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), EXO_NO_HANDLE, (exo_entry){0}, (exo_vaddr){0})); // no flush
        OK(exo_tlb_flush((exo_vaddr){RIG_WINDOW}, count));
        CHECK(!rig_reads((void *)RIG_WINDOW));
    }
    rig_release(frame, 1);
}

TEST(a_frame_changes_its_type_only_when_no_stale_entry_shows_it) {
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    rig_map(RIG_WINDOW, frame, RW);
    CHECK(rig_writes((void *)RIG_WINDOW));
    OK(exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), EXO_NO_HANDLE, (exo_entry){0},
                   (exo_vaddr){0})); // the library OS forgets
    OK(exo_frame_retype(FRAMES, frame, 1, EXO_FRAME_TABLE1));
    CHECK(!rig_writes((void *)RIG_WINDOW));
    rig_release(frame, 1);
}
