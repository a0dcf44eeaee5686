// SPDX-License-Identifier: MIT
// The calls that work on a range of entries: tlb_protect and tlb_harvest.
#include "tests/vm/rig.h"

constexpr uint64_t RW = EXO_READ | EXO_WRITE, RWX = RW | EXO_EXECUTE;

// The slot number `index` of a table.
static exo_paddr slot_in(exo_frame table, uint64_t index) {
    return (exo_paddr){(table.raw << EXO_PAGE_SHIFT) + index * 8};
}

TEST(protect_takes_rights_and_gives_them_back) {
    constexpr uint64_t count = 100;
    const exo_frame frames = rig_frames(count, EXO_FRAME_DATA);
    for (uint64_t i = 0; i < count; i++) {
        rig_map(RIG_WINDOW + i * 4096, (exo_frame){frames.raw + i}, RW);
        CHECK(rig_writes((void *)(RIG_WINDOW + i * 4096)));
    }
    for (uint64_t n = 1; n <= count; n += 33) { // below and above the bound from which all is flushed
        const exo_vaddr at = {RIG_WINDOW};
        CHECK_EQUAL(OK(exo_tlb_protect(FRAMES, rig_slot(RIG_WINDOW), n, FRAMES, exo_protect_for(at, EXO_READ))), n);
        for (uint64_t i = 0; i < count; i++) CHECK_EQUAL(rig_writes((void *)(RIG_WINDOW + i * 4096)), i >= n);
        CHECK_EQUAL(rig_entry(RIG_WINDOW) & EXO_ENTRY_DIRTY, EXO_ENTRY_DIRTY); // dirtiness is not lost
        CHECK_EQUAL(OK(exo_tlb_protect(FRAMES, rig_slot(RIG_WINDOW), n, FRAMES, exo_protect_for(at, RW))), n);
        for (uint64_t i = 0; i < n; i++) CHECK(rig_writes((void *)(RIG_WINDOW + i * 4096)));
    }
    for (uint64_t i = 0; i < count; i++) rig_unmap(RIG_WINDOW + i * 4096);
    CHECK_EQUAL(OK(exo_tlb_protect(FRAMES, rig_slot(RIG_WINDOW), 512, FRAMES, exo_protect_for((exo_vaddr){0}, RW))), 0);
    CHECK_EQUAL(rig_entry(RIG_WINDOW), 0); // absent entries stay as they are
    rig_release(frames, count);
}

TEST(protect_refuses_what_it_must) {
    const exo_frame frames = rig_frames(2, EXO_FRAME_DATA);
    const exo_vaddr at = {RIG_WINDOW};
    const exo_paddr slot = rig_slot(RIG_WINDOW);
    rig_map(RIG_WINDOW, frames, EXO_READ);
    rig_map(RIG_WINDOW + 4096, rig.table1, EXO_READ);
    CHECK_ERROR(exo_tlb_protect(FRAMES, slot, 0, FRAMES, exo_protect_for(at, RW)), VALUE);
    CHECK_ERROR(exo_tlb_protect(FRAMES, slot, 513, FRAMES, exo_protect_for(at, RW)), VALUE);
    CHECK_ERROR(exo_tlb_protect(FRAMES, rig_slot(RIG_WINDOW + 4096), 512, FRAMES, exo_protect_for(at, RW)), RANGE);
    CHECK_ERROR(exo_tlb_protect(FRAMES, slot, 1, FRAMES, exo_protect_for(at, EXO_WRITE)), VALUE);
    CHECK_ERROR(exo_tlb_protect(FRAMES, slot, 1, FRAMES, exo_protect_for(at, EXO_READ | EXO_OWN)), VALUE);
    CHECK_ERROR(exo_tlb_protect(FRAMES, slot_in(rig.table2, 3), 1, FRAMES, exo_protect_for(at, EXO_READ)), TYPE);
    CHECK_ERROR(exo_tlb_protect(FRAMES, (exo_paddr){slot.raw + 4}, 1, FRAMES, exo_protect_for(at, EXO_READ)), ADDRESS);
    const struct exo_result table = exo_tlb_protect(FRAMES, slot, 2, FRAMES, exo_protect_for(at, RW));
    CHECK_EQUAL(table.error, EXO_TYPE); // a table does not become writable
    CHECK_EQUAL(table.value, 1);
    CHECK(!rig_writes((void *)(RIG_WINDOW + 4096)));
    rig_unmap(RIG_WINDOW);
    rig_unmap(RIG_WINDOW + 4096);
    rig_release(frames, 2);
}

TEST(protect_needs_a_binding_for_the_frames) {
    // Mapped by a binding without OWN, so that no binding with every right has been seen for these frames.
    const exo_frame frames = rig_frames(2, EXO_FRAME_DATA);
    const exo_handle weak = rig_derive(FRAMES, frames.raw, 2, RW), other = rig_derive(weak, frames.raw + 1, 1, RW);
    const exo_vaddr at = {RIG_WINDOW};
    OK(exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), weak, exo_entry_for(frames, EXO_READ), at));
    CHECK_ERROR(exo_tlb_protect(FRAMES, rig_slot(RIG_WINDOW), 1, other, exo_protect_for(at, RW)), RANGE);
    CHECK_ERROR(exo_tlb_protect(FRAMES, rig_slot(RIG_WINDOW), 1, weak, exo_protect_for(at, RWX)), RIGHTS);
    OK(exo_tlb_protect(FRAMES, rig_slot(RIG_WINDOW), 1, weak, exo_protect_for(at, RW)));
    CHECK(rig_writes((void *)RIG_WINDOW));
    rig_drop(other);
    rig_drop(weak);
    CHECK_EQUAL(rig_entry(RIG_WINDOW), 0);
    rig_release(frames, 2);
}

TEST(harvest_reads_and_clears_the_bits) {
    constexpr uint64_t count = 130;
    const volatile struct exo_harvest *harvest = (volatile struct exo_harvest *)rig_page()->args;
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    constexpr uint64_t both = EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY;
    for (uint64_t i = 0; i < count; i++) rig_map(RIG_WINDOW + i * 4096, frame, RW);
    for (unsigned round = 0; round < 2; round++) { // the second round shows that the first one flushed
        CHECK(rig_reads((void *)(RIG_WINDOW + 3 * 4096)));
        CHECK(rig_writes((void *)(RIG_WINDOW + 65 * 4096)));
        CHECK(rig_reads((void *)(RIG_WINDOW + 129 * 4096)));
        CHECK_EQUAL(
            OK(exo_tlb_harvest(FRAMES, rig_slot(RIG_WINDOW), count, (exo_entry){both}, (exo_vaddr){RIG_WINDOW})), 3);
        CHECK_EQUAL(harvest->accessed[0], 1ull << 3);
        CHECK_EQUAL(harvest->accessed[1], 1ull << 1);
        CHECK_EQUAL(harvest->accessed[2], 1ull << 1);
        CHECK_EQUAL(harvest->dirty[0], 0);
        CHECK_EQUAL(harvest->dirty[1], 1ull << 1);
        CHECK_EQUAL(rig_entry(RIG_WINDOW + 65 * 4096) & both, 0);
        CHECK_EQUAL(
            OK(exo_tlb_harvest(FRAMES, rig_slot(RIG_WINDOW), count, (exo_entry){both}, (exo_vaddr){RIG_WINDOW})), 0);
    }
    CHECK(rig_writes((void *)RIG_WINDOW));
    CHECK_EQUAL(
        OK(exo_tlb_harvest(FRAMES, rig_slot(RIG_WINDOW), 1, (exo_entry){EXO_ENTRY_ACCESSED}, (exo_vaddr){RIG_WINDOW})),
        1);
    CHECK_EQUAL(rig_entry(RIG_WINDOW) & both, EXO_ENTRY_DIRTY); // only what was asked for
    for (uint64_t i = 0; i < count; i++) rig_unmap(RIG_WINDOW + i * 4096);
    rig_release(frame, 1);
}

TEST(harvest_refuses_what_it_must) {
    const exo_paddr slot = rig_slot(RIG_WINDOW);
    const exo_vaddr at = {RIG_WINDOW};
    const exo_entry bits = {EXO_ENTRY_ACCESSED};
    CHECK_ERROR(exo_tlb_harvest(FRAMES, slot, 1, (exo_entry){0}, at), VALUE);
    CHECK_ERROR(exo_tlb_harvest(FRAMES, slot, 1, (exo_entry){EXO_ENTRY_PRESENT}, at), VALUE);
    CHECK_ERROR(exo_tlb_harvest(FRAMES, slot, 1, (exo_entry){EXO_ENTRY_ACCESSED | EXO_ENTRY_USER}, at), VALUE);
    CHECK_ERROR(exo_tlb_harvest(FRAMES, slot, 0, bits, at), VALUE);
    CHECK_ERROR(exo_tlb_harvest(FRAMES, slot, 513, bits, at), VALUE);
    CHECK_ERROR(exo_tlb_harvest(FRAMES, (exo_paddr){slot.raw + 8}, 512, bits, at), RANGE);
    CHECK_ERROR(exo_tlb_harvest(FRAMES, (exo_paddr){slot.raw + 1}, 1, bits, at), ADDRESS);
    CHECK_ERROR(exo_tlb_harvest(FRAMES, slot_in(rig.table2, 0), 1, bits, at), TYPE);
}
