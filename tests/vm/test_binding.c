// SPDX-License-Identifier: MIT
// Bindings: derive, grant, revoke, drop, read.
#include "tests/vm/child.h"

// What a child's code is told, in the address space that it shares with the test.
static struct {
    exo_handle tables, frames, source;
    exo_frame frame, table;
} order;

static uint64_t nothing(uint64_t argument) {
    return argument;
}

TEST(the_first_bindings_are_those_of_the_machine) {
    const struct {
        exo_handle handle;
        enum exo_kind kind;
        uint64_t first, count;
    } wanted[] = {
        {FRAMES, EXO_KIND_FRAMES, rig.frames_first.raw, rig.frames_count},
        {DISK, EXO_KIND_EXTENT, 0, rig_machine()->disk_blocks},
        {SLICES, EXO_KIND_SLICES, 0, EXO_SLICE_POSITIONS},
        {CONSOLE, EXO_KIND_DEVICE, EXO_CONSOLE, 1},
        {REPORT, EXO_KIND_DEVICE, EXO_REPORT, 1},
        {POWER, EXO_KIND_DEVICE, EXO_POWER, 1},
    };
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const struct exo_binding binding = rig_binding(wanted[i].handle);
        CHECK_EQUAL(binding.kind, wanted[i].kind);
        CHECK_EQUAL(binding.first, wanted[i].first);
        CHECK_EQUAL(binding.count, wanted[i].count);
        CHECK_EQUAL(binding.rights, EXO_ALL);
    }
    CHECK(!(rig_binding(PACKAGE).rights & (EXO_WRITE | EXO_OWN)));
}

TEST(a_derived_binding_covers_what_was_asked_for) {
    const exo_handle narrow = rig_derive(SLICES, 5, 7, EXO_READ | EXO_WRITE);
    const struct exo_binding binding = rig_binding(narrow);
    CHECK_EQUAL(binding.kind, EXO_KIND_SLICES);
    CHECK_EQUAL(binding.first, 5);
    CHECK_EQUAL(binding.count, 7);
    CHECK_EQUAL(binding.rights, EXO_READ | EXO_WRITE);
    rig_drop(narrow);
}

TEST(derive_never_adds_rights) {
    for (uint64_t rights = 1; rights <= EXO_ALL; rights++) {
        const exo_handle source = rig_derive(POWER, EXO_POWER, 1, rights);
        for (uint64_t more = 1; more <= EXO_ALL; more++) {
            rig_context("rights", rights << 8 | more);
            const struct exo_result result = exo_binding_derive(source, EXO_POWER, 1, more);
            CHECK_EQUAL(result.error, (more & ~rights) ? EXO_RIGHTS : EXO_OK);
            if (result.error == EXO_OK) rig_drop((exo_handle){result.value});
        }
        rig_drop(source);
    }
}

TEST(derive_never_widens_a_range) {
    const exo_handle source = rig_derive(SLICES, 10, 10, EXO_ALL);
    const uint64_t wider[][2] = {{9, 1}, {9, 11}, {10, 11}, {19, 2}, {20, 1}, {~0ull, 2}, {10, ~0ull}, {11, ~0ull}};
    for (unsigned i = 0; i < sizeof wider / sizeof *wider; i++) {
        rig_context("line", i);
        CHECK_ERROR(exo_binding_derive(source, wider[i][0], wider[i][1], EXO_READ), RANGE);
    }
    rig_drop(source);
}

TEST(derive_refuses_what_is_not_defined) {
    CHECK_ERROR(exo_binding_derive(SLICES, 0, 0, EXO_READ), VALUE);
    CHECK_ERROR(exo_binding_derive(SLICES, 0, 1, 0), VALUE);
    CHECK_ERROR(exo_binding_derive(SLICES, 0, 1, EXO_ALL + 1), VALUE);
    CHECK_ERROR(exo_binding_derive(SLICES, 0, 1, 1ull << 63 | EXO_READ), VALUE);
}

TEST(a_full_table_refuses_and_can_be_used_again) {
    static exo_handle handles[2048];
    unsigned count = 0;
    struct exo_result result;
    while ((result = exo_binding_derive(POWER, EXO_POWER, 1, EXO_READ)).error == EXO_OK) {
        CHECK(count < 2048);
        handles[count++].raw = result.value;
    }
    CHECK_EQUAL(result.error, EXO_FULL);
    const exo_frame frames = rig_frames(3, EXO_FRAME_FREE);
    CHECK_ERROR(exo_pe_create(FRAMES, frames, 3), FULL);
    CHECK_EQUAL(rig_frame_info(frames)->type, EXO_FRAME_FREE);
    rig_drop(handles[count / 2]);
    handles[count / 2] = rig_derive(POWER, EXO_POWER, 1, EXO_READ);
    CHECK_ERROR(exo_binding_derive(POWER, EXO_POWER, 1, EXO_READ), FULL);
    for (unsigned i = 0; i < count; i++) rig_drop(handles[i]);
}

TEST(a_dropped_handle_stays_dead_when_its_place_is_used_again) {
    const exo_handle old = rig_derive(POWER, EXO_POWER, 1, EXO_READ);
    rig_drop(old);
    CHECK_ERROR(exo_binding_drop(old), HANDLE);
    for (unsigned i = 0; i < 3000; i++) {
        const exo_handle next = rig_derive(POWER, EXO_POWER, 1, EXO_READ);
        CHECK(next.raw != old.raw);
        rig_drop(next);
    }
    CHECK_ERROR(exo_binding_read(old), HANDLE);
}

TEST(a_binding_with_descendants_is_not_dropped) {
    const exo_handle source = rig_derive(POWER, EXO_POWER, 1, EXO_ALL);
    const exo_handle child = rig_derive(source, EXO_POWER, 1, EXO_READ);
    CHECK_ERROR(exo_binding_drop(source), BUSY);
    CHECK_EQUAL(rig_binding(source).rights, EXO_ALL);
    rig_drop(child);
    rig_drop(source);
}

TEST(revoke_ends_every_descendant_and_nothing_else) {
    const exo_handle a = rig_derive(POWER, EXO_POWER, 1, EXO_ALL),
                     neighbour = rig_derive(POWER, EXO_POWER, 1, EXO_READ);
    const exo_handle b = rig_derive(a, EXO_POWER, 1, EXO_ALL), c = rig_derive(b, EXO_POWER, 1, EXO_ALL);
    const exo_handle d = rig_derive(b, EXO_POWER, 1, EXO_READ), e = rig_derive(c, EXO_POWER, 1, EXO_READ);
    CHECK_EQUAL(rig_revoke(b), EXO_OK);
    const exo_handle ended[] = {c, d, e}, alive[] = {a, b, neighbour};
    for (unsigned i = 0; i < 3; i++) {
        CHECK_ERROR(exo_binding_read(ended[i]), HANDLE);
        CHECK_ERROR(exo_binding_read(alive[i]), OK);
    }
    rig_drop(b);
    rig_drop(a);
    rig_drop(neighbour);
}

TEST(revoke_copes_with_a_long_chain) {
    const exo_handle source = rig_derive(POWER, EXO_POWER, 1, EXO_ALL);
    exo_handle last = source;
    for (unsigned i = 0; i < 500; i++) last = rig_derive(last, EXO_POWER, 1, EXO_ALL);
    CHECK_EQUAL(rig_revoke(source), EXO_OK);
    CHECK_ERROR(exo_binding_read(last), HANDLE);
    rig_drop(source);
}

TEST(grant_checks_both_ends) {
    struct child child = child_new(CHILD_SHARED, nothing);
    CHECK_ERROR(exo_binding_grant(SLICES, child.pe, 0, 65, EXO_READ), RANGE);
    CHECK_ERROR(exo_binding_grant(SLICES, child.pe, 64, 1, EXO_READ), RANGE);
    CHECK_ERROR(exo_binding_grant(SLICES, child.pe, 0, 0, EXO_READ), VALUE);
    CHECK_ERROR(exo_binding_grant(SLICES, child.pe, 0, 1, 0), VALUE);
    CHECK_ERROR(exo_binding_grant(SLICES, child.pe, 0, 1, 32), VALUE);
    const exo_handle weak = rig_derive(SLICES, 4, 4, EXO_READ | EXO_GRANT);
    CHECK_ERROR(exo_binding_grant(weak, child.pe, 4, 1, EXO_WRITE), RIGHTS);
    uint64_t granted = 0;
    struct exo_result result;
    while ((result = exo_binding_grant(weak, child.pe, 4, 1, EXO_READ)).error == EXO_OK) granted++;
    CHECK_EQUAL(result.error, EXO_FULL);
    CHECK(granted > 10);
    CHECK_EQUAL(rig_revoke(weak), EXO_OK);
    OK(exo_binding_grant(weak, child.pe, 4, 1, EXO_READ));
    child_run(&child, 7);
    CHECK_ERROR(exo_binding_grant(weak, child.pe, 4, 1, EXO_READ), STATE);
    child_release(&child);
    rig_drop(weak);
}

static uint64_t uses_granted(uint64_t handle) {
    if (exo_binding_read((exo_handle){handle}).error != EXO_OK) return __LINE__;
    if (exo_binding_derive((exo_handle){handle}, 3, 1, EXO_READ).error != EXO_OK) return __LINE__;
    if (exo_binding_derive((exo_handle){handle}, 4, 1, EXO_READ).error != EXO_RANGE) return __LINE__;
    if (exo_binding_derive((exo_handle){handle}, 3, 1, EXO_WRITE).error != EXO_RIGHTS) return __LINE__;
    return 0;
}

TEST(a_granted_binding_is_as_narrow_as_it_was_granted) {
    struct child child = child_new(CHILD_SHARED, uses_granted);
    const exo_handle handle = child_grant(&child, SLICES, 3, 1, EXO_READ | EXO_GRANT);
    child_run(&child, handle.raw);
    CHECK_EQUAL(child.state.status, 0);
    child_release(&child);
}

// Maps the frame it was granted, writes to it, and waits.
static uint64_t maps_and_waits(uint64_t argument) {
    (void)argument;
    const struct exo_result result =
        exo_tlb_set(order.tables, (exo_paddr){order.table.raw << EXO_PAGE_SHIFT}, order.frames,
                    exo_entry_for(order.frame, EXO_READ | EXO_WRITE), (exo_vaddr){0});
    if (result.error != EXO_OK) return result.error;
    *(volatile uint64_t *)RIG_ELSEWHERE = 0x5ec2e7;
    for (;;) (void)exo_pe_yield(EXO_NO_HANDLE);
}

TEST(after_revoke_the_frames_are_mapped_nowhere_and_free) {
    struct child child = child_new(CHILD_SHARED, maps_and_waits);
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    order.table = rig_elsewhere();
    const exo_handle mine = rig_derive(FRAMES, frame.raw, 1, EXO_ALL);
    order.frame = frame;
    order.frames = child_grant(&child, mine, frame.raw, 1, EXO_ALL);
    order.tables = child_grant(&child, FRAMES, order.table.raw, 1, EXO_WRITE);
    child_start(&child, 0);
    CHECK(!child_go(&child, 1));
    CHECK_EQUAL(*(volatile uint64_t *)RIG_ELSEWHERE, 0x5ec2e7);
    CHECK_EQUAL(rig_revoke(mine), EXO_OK);
    CHECK(!rig_reads((const void *)RIG_ELSEWHERE));
    CHECK_EQUAL(rig_frame_info(frame)->type, EXO_FRAME_FREE);
    CHECK_EQUAL(rig_frame_info(frame)->maps, 0);
    rig_drop(mine);
    OK(exo_frame_retype(FRAMES, frame, 1, EXO_FRAME_DATA));
    rig_map(RIG_WINDOW, frame, EXO_READ);
    CHECK_EQUAL(*(volatile uint64_t *)RIG_WINDOW, 0);
    rig_unmap(RIG_WINDOW);
    rig_release(frame, 1);
    child_release(&child);
    rig_elsewhere_end(order.table);
}

// Makes a PE of frames that it was granted.
static uint64_t makes_a_pe(uint64_t argument) {
    (void)argument;
    return exo_pe_create(order.frames, order.frame, 3).error;
}

TEST(revoking_frames_ends_the_pes_made_of_them) {
    struct child child = child_new(CHILD_SHARED, makes_a_pe);
    const exo_frame frames = rig_frames(3, EXO_FRAME_FREE);
    const exo_handle mine = rig_derive(FRAMES, frames.raw, 3, EXO_ALL);
    order.frame = frames;
    order.frames = child_grant(&child, mine, frames.raw, 3, EXO_ALL);
    child_run(&child, 0);
    CHECK_EQUAL(child.state.status, EXO_OK);
    CHECK_EQUAL(rig_frame_info(frames)->type, EXO_FRAME_PE);
    CHECK_EQUAL(rig_revoke(mine), EXO_OK);
    for (unsigned i = 0; i < 3; i++) CHECK_EQUAL(rig_frame_info((exo_frame){frames.raw + i})->type, EXO_FRAME_FREE);
    rig_drop(mine);
    child_release(&child);
}

TEST(what_a_pe_was_granted_ends_with_it) {
    struct child child = child_new(CHILD_SHARED, nothing);
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    const exo_handle mine = rig_derive(FRAMES, frame.raw, 1, EXO_ALL);
    child_grant(&child, mine, frame.raw, 1, EXO_ALL);
    CHECK_ERROR(exo_binding_drop(mine), BUSY);
    child_release(&child);
    CHECK_EQUAL(rig_frame_info(frame)->type, EXO_FRAME_FREE);
    rig_drop(mine);
}

TEST(the_binding_of_a_pe_that_one_made_is_not_dropped) {
    struct child child = child_new(CHILD_SHARED, nothing);
    CHECK_ERROR(exo_binding_drop(child.pe), BUSY);
    const exo_handle second = rig_derive(child.pe, rig_binding(child.pe).first, 1, EXO_READ);
    rig_drop(second);
    child_release(&child);
}
