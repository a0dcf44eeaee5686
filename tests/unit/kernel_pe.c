// SPDX-License-Identifier: MIT
// Processor environments: made, configured, started, ended and destroyed, with no frame lost.
#include "tests/unit/kernel_world.h"

TestSuite(kernel_pe, .init = world_begin, .fini = world_end);

static struct exo_pe_state state_of(exo_handle handle) {
    MUST(host_pe_read(first, handle));
    return *(const struct exo_pe_state *)pe_page(first)->args;
}

Test(kernel_pe, is_made_only_of_idle_frames_that_the_caller_owns) {
    const exo_frame frames = take_frames(4, EXO_FRAME_DATA);
    EXPECT(VALUE, host_pe_create(first, FRAMES, frames, 2));
    EXPECT(VALUE, host_pe_create(first, FRAMES, frames, 19));
    EXPECT(VALUE, host_pe_create(first, FRAMES, frames, UINT64_MAX));
    EXPECT(RANGE, host_pe_create(first, FRAMES, (exo_frame){1}, 3));
    EXPECT(RANGE, host_pe_create(first, FRAMES, (exo_frame){WORLD_FRAMES - 2}, 3));
    EXPECT(RIGHTS, host_pe_create(first, PACKAGE, frames, 3));
    const exo_handle three = {MUST(host_binding_derive(first, FRAMES, frames.raw, 3, EXO_ALL))};
    EXPECT(RANGE, host_pe_create(first, three, frames, 4));
    EXPECT(RANGE, host_pe_create(first, three, (exo_frame){frames.raw + 1}, 3));
    const exo_handle user = {MUST(host_binding_derive(first, FRAMES, frames.raw, 3, READ_WRITE | EXO_EXECUTE))};
    EXPECT(RIGHTS, host_pe_create(first, user, frames, 3));
    MUST(map((exo_vaddr){0x40'0000}, (exo_frame){frames.raw + 2}, EXO_READ));
    EXPECT(BUSY, host_pe_create(first, FRAMES, frames, 3));
    EXPECT(TYPE, host_pe_create(first, FRAMES, parts.frames_first, 3));
    EXPECT(TYPE, host_pe_create(first, FRAMES, parts.table4, 3));
}

Test(kernel_pe, is_not_made_when_the_callers_table_is_full) {
    const exo_frame data = take_frames(3, EXO_FRAME_DATA);
    const struct other other = make_other(data, 3, EXO_ALL);
    while (host_binding_derive(other.pe, other.held, data.raw, 1, EXO_READ).error == EXO_OK) continue;
    EXPECT(FULL, host_pe_create(other.pe, other.held, data, 3));
    for (unsigned i = 0; i < 3; i++) cr_expect_eq(info((exo_frame){data.raw + i})->type, EXO_FRAME_DATA);
}

Test(kernel_pe, of_an_older_one_shows_nothing_of_it) {
    const struct other other = make_other(take_frames(1, EXO_FRAME_DATA), 1, EXO_READ);
    pe_page(other.pe)->args[7] = 0x77;
    pe_page(other.pe)->resume_rip = 0x1234;
    cr_assert_eq(REPEAT(host_pe_destroy(first, other.handle)).error, EXO_OK);
    const exo_handle again = {MUST(host_pe_create(first, FRAMES, other.frames, 3))};
    struct pe *pe = host_pe(first, again);
    cr_expect_eq(pe_page(pe)->args[7], 0);
    cr_expect_eq(pe_page(pe)->resume_rip, 0);
    cr_expect_eq(pe->root, 0);
    cr_expect_eq(pe->bindings.bindings[1].kind, EXO_KIND_NONE);
    cr_expect_eq(pe_page(pe)->abi_version, EXO_ABI_VERSION);
}

Test(kernel_pe, numbers_are_never_reused) {
    uint64_t last = 0;
    for (unsigned i = 0; i < 20; i++) {
        const exo_handle handle = {MUST(host_pe_create(first, FRAMES, next_frame, 3))};
        const uint64_t id = pe_page(host_pe(first, handle))->id;
        cr_expect_gt(id, last);
        last = id;
        cr_expect_eq(REPEAT(host_pe_destroy(first, handle)).error, EXO_OK);
    }
}

Test(kernel_pe, starts_once_and_only_with_a_root) {
    const exo_handle handle = {MUST(host_pe_create(first, FRAMES, next_frame, 3))};
    next_frame.raw += 3;
    EXPECT(STATE, host_pe_start(first, handle, 0));
    const exo_frame root = take_frames(1, EXO_FRAME_TABLE4), other_root = take_frames(1, EXO_FRAME_TABLE4);
    EXPECT(TYPE, host_pe_set_root(first, handle, FRAMES, parts.table3));
    EXPECT(RANGE, host_pe_set_root(first, handle, FRAMES, (exo_frame){1}));
    const exo_handle reader = {MUST(host_binding_derive(first, FRAMES, root.raw, 1, EXO_READ | EXO_EXECUTE | EXO_OWN))};
    EXPECT(RIGHTS, host_pe_set_root(first, handle, reader, root));
    EXPECT(OK, host_pe_set_root(first, handle, FRAMES, root));
    cr_expect_eq(info(root)->maps, 1);
    EXPECT(OK, host_pe_set_root(first, handle, FRAMES, other_root));
    cr_expect_eq(info(root)->maps, 0);
    EXPECT(OK, host_pe_set_entry(first, handle, EXO_UPCALL_start, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    EXPECT(OK, host_pe_start(first, handle, 77));
    EXPECT(STATE, host_pe_start(first, handle, 77));
    EXPECT(STATE, host_pe_set_root(first, handle, FRAMES, root));
    const struct pe *pe = host_pe(first, handle);
    cr_expect_eq(pe->context.rip, 0x1000);
    cr_expect_eq(pe->context.rsp, 0x2000);
    cr_expect_eq(pe->context.rdi, 77);
    cr_expect_eq(state_of(handle).state, EXO_PE_READY);
}

Test(kernel_pe, entries_must_be_user_addresses_and_known_upcalls) {
    const exo_handle self = {0};
    EXPECT(OK, host_pe_set_entry(first, self, EXO_UPCALL_fault, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    EXPECT(VALUE, host_pe_set_entry(first, self, EXO_UPCALLS, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    EXPECT(VALUE, host_pe_set_entry(first, self, UINT64_MAX, (exo_vaddr){0x1000}, (exo_vaddr){0x2000}));
    static const uint64_t bad[] = {EXO_USER_END, 1ull << 47, 1ull << 63, UINT64_MAX, 0xffff'8000'0000'0000};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT(ADDRESS, host_pe_set_entry(first, self, EXO_UPCALL_fault, (exo_vaddr){bad[i]}, (exo_vaddr){0x2000}));
        EXPECT(ADDRESS, host_pe_set_entry(first, self, EXO_UPCALL_fault, (exo_vaddr){0x1000}, (exo_vaddr){bad[i]}));
    }
    cr_expect_eq(first->entry[EXO_UPCALL_fault].address, 0x1000);
}

Test(kernel_pe, calls_on_it_need_their_right) {
    const struct other other = make_other((exo_frame){0}, 0, 0);
    const struct {
        uint64_t right;
    } all[] = {{EXO_READ}, {EXO_WRITE}, {EXO_EXECUTE}, {EXO_OWN}, {EXO_GRANT}};
    for (unsigned i = 0; i < 5; i++) {
        const uint64_t right = all[i].right;
        const exo_handle one = {MUST(host_binding_derive(first, other.handle, other.frames.raw, 1, right))};
        cr_expect_eq(host_pe_read(first, one).error == EXO_RIGHTS, right != EXO_READ);
        cr_expect_eq(host_pe_set_entry(first, one, 0, (exo_vaddr){0}, (exo_vaddr){0}).error == EXO_RIGHTS,
                     right != EXO_WRITE);
        cr_expect_eq(host_pe_start(first, one, 0).error == EXO_RIGHTS, right != EXO_WRITE);
        cr_expect_eq(host_pe_set_root(first, one, FRAMES, parts.table4).error == EXO_RIGHTS, right != EXO_WRITE);
        cr_expect_eq(host_slice_set(first, SLICES, 60, one).error == EXO_RIGHTS, right != EXO_WRITE);
        if (right != EXO_OWN) EXPECT(RIGHTS, host_pe_destroy(first, one));
        if (right != EXO_EXECUTE) EXPECT(RIGHTS, host_pe_yield(first, one));
    }
}

Test(kernel_pe, exit_tells_its_creator_and_frees_the_cpu) {
    const struct other other = make_other((exo_frame){0}, 0, 0);
    pe_page(first)->pending = 0;
    MUST(host_pe_exit(other.pe, 0x1'0000'0007));
    const struct exo_pe_state state = state_of(other.handle);
    cr_expect_eq(state.state, EXO_PE_ENDED);
    cr_expect_eq(state.end, EXO_END_EXIT);
    cr_expect_eq(state.status, 7);
    cr_expect(pe_page(first)->pending & 1 << EXO_EVENT_ended);
    cr_expect_eq(host_current(), first);
    EXPECT(STATE, host_pe_yield(first, other.handle));
    EXPECT(STATE, host_pe_start(first, other.handle, 0));
    EXPECT(STATE, host_binding_grant(first, DISK, other.handle, 0, 1, EXO_READ));
}

Test(kernel_pe, destruction_takes_the_handles_that_others_hold) {
    const struct other victim = make_other((exo_frame){0}, 0, 0), friend = make_other((exo_frame){0}, 0, 0);
    const exo_handle shared = {
        MUST(host_binding_grant(first, victim.handle, friend.handle, victim.frames.raw, 1, EXO_ALL))};
    MUST(host_slice_set(first, SLICES, 20, victim.handle));
    const exo_vaddr window = {0x40'0000}; // its page, as its creator may see it
    MUST(map(window, (exo_frame){victim.frames.raw + 1}, READ_WRITE));
    cr_assert(host_load(first, window).ok);
    pe_page(first)->pending = 0;
    cr_expect_eq(REPEAT(host_pe_destroy(first, victim.handle)).error, EXO_OK);
    cr_expect_not(host_load(first, window).ok);
    cr_expect(pe_page(first)->pending & 1 << EXO_EVENT_ended);
    EXPECT(HANDLE, host_pe_read(friend.pe, shared));
    EXPECT(HANDLE, host_pe_read(first, victim.handle));
    cr_expect_null(arch_cpu()->vector[20]);
    for (unsigned i = 0; i < 3; i++) cr_expect_eq(info((exo_frame){victim.frames.raw + i})->type, EXO_FRAME_FREE);
}

Test(kernel_pe, destruction_waits_for_transfers_under_way) {
    const exo_frame data = take_frames(1, EXO_FRAME_DATA), ring_frame = take_frames(1, EXO_FRAME_RING);
    const struct other other = make_other(data, 1, READ_WRITE);
    const exo_handle ring_binding = {
        MUST(host_binding_grant(first, FRAMES, other.handle, ring_frame.raw, 1, READ_WRITE))};
    const exo_handle extent = {MUST(host_binding_grant(first, DISK, other.handle, 0, 1, READ_WRITE))};
    MUST(host_ring_bind(other.pe, ring_binding, ring_frame));
    struct exo_ring *ring = arch_frame(ring_frame);
    ring->requests[0] = (struct exo_ring_request){extent, other.held, data, 0, EXO_RING_READ, 0};
    ring->submitted = 1;
    MUST(host_ring_kick(other.pe));
    cr_expect_eq(REPEAT(host_pe_destroy(first, other.handle)).error, EXO_BUSY);
    EXPECT_BOOKS();
    host_disk_run(1);
    cr_expect_eq(REPEAT(host_pe_destroy(first, other.handle)).error, EXO_OK);
    EXPECT(OK, host_frame_retype(first, FRAMES, ring_frame, 1, EXO_FRAME_FREE));
    EXPECT(OK, host_frame_retype(first, FRAMES, data, 1, EXO_FRAME_FREE));
}

Test(kernel_pe, cannot_destroy_itself_and_cannot_be_dropped) {
    const struct other other = make_other((exo_frame){0}, 0, 0);
    const exo_handle self = {MUST(host_binding_grant(first, other.handle, other.handle, other.frames.raw, 1, EXO_ALL))};
    cr_expect_eq(REPEAT(host_pe_destroy(other.pe, self)).error, EXO_BUSY);
    EXPECT(OK, host_pe_read(other.pe, self));
    EXPECT(BUSY, host_binding_drop(first, other.handle));
    cr_expect_eq(REPEAT(host_binding_revoke(first, other.handle)).error, EXO_OK);
    EXPECT(BUSY, host_binding_drop(first, other.handle)); // also when nobody else holds it
    EXPECT(OK, host_pe_read(first, other.handle));
}

Test(kernel_pe, the_first_is_not_ended_by_whom_it_gave_its_own_frames) {
    const struct other other = make_other(take_frames(1, EXO_FRAME_DATA), 1, EXO_READ);
    const exo_handle parts_of_first = {
        MUST(host_binding_grant(first, FRAMES, other.handle, parts.frames_first.raw, 3, EXO_ALL))};
    cr_expect_eq(REPEAT(host_binding_drop(other.pe, parts_of_first)).error, EXO_BUSY);
    cr_expect_eq(first->state, EXO_PE_READY);
    EXPECT(OK, host_null(first));
}

Test(kernel_pe, destruction_takes_the_pes_that_it_made) {
    const exo_frame data = take_frames(6, EXO_FRAME_DATA);
    const struct other other = make_other(data, 6, EXO_ALL);
    exo_handle child = {MUST(host_pe_create(other.pe, other.held, data, 3))};
    struct pe *pe = host_pe(other.pe, child);
    MUST(host_binding_grant(other.pe, other.held, child, data.raw + 3, 3, EXO_ALL));
    cr_assert_eq(pe->state, EXO_PE_NEW);
    cr_expect_eq(REPEAT(host_pe_destroy(first, other.handle)).error, EXO_OK);
    EXPECT(HANDLE, host_pe_read(first, other.handle));
    for (unsigned i = 0; i < 6; i++) cr_expect_eq(info((exo_frame){data.raw + i})->type, EXO_FRAME_FREE);
}

Test(kernel_pe, that_owns_the_frames_it_stands_on_can_be_destroyed) {
    const exo_frame frames = next_frame;
    const exo_handle handle = {MUST(host_pe_create(first, FRAMES, frames, 3))};
    MUST(host_binding_grant(first, FRAMES, handle, frames.raw, 10, EXO_ALL));
    const struct exo_result result = REPEAT(host_pe_destroy(first, handle));
    cr_expect_eq(result.error, EXO_OK, "%s", error_name(result.error));
    for (unsigned i = 0; i < 10; i++) cr_expect_eq(info((exo_frame){frames.raw + i})->type, EXO_FRAME_FREE);
}

Test(kernel_pe, two_that_own_each_others_frames_can_be_destroyed) {
    const exo_frame a_frames = {next_frame.raw}, b_frames = {next_frame.raw + 3};
    const exo_handle a = {MUST(host_pe_create(first, FRAMES, a_frames, 3))};
    const exo_handle b = {MUST(host_pe_create(first, FRAMES, b_frames, 3))};
    MUST(host_binding_grant(first, FRAMES, a, b_frames.raw, 3, EXO_ALL));
    MUST(host_binding_grant(first, FRAMES, b, a_frames.raw, 3, EXO_ALL));
    cr_expect_eq(REPEAT(host_pe_destroy(first, a)).error, EXO_OK);
    EXPECT(HANDLE, host_pe_read(first, a));
    EXPECT(HANDLE, host_pe_read(first, b));
    for (unsigned i = 0; i < 6; i++) cr_expect_eq(info((exo_frame){a_frames.raw + i})->type, EXO_FRAME_FREE);
}

Test(kernel_pe, revoking_the_frames_it_stands_on_ends_it) {
    const exo_frame frames = take_frames(12, EXO_FRAME_DATA);
    const struct other owner = make_other(frames, 12, EXO_ALL);
    const exo_handle child = {MUST(host_pe_create(owner.pe, owner.held, frames, 3))};
    (void)child;
    const exo_handle narrow = {MUST(host_binding_derive(first, FRAMES, frames.raw, 12, EXO_ALL))};
    const exo_handle given = {MUST(host_binding_grant(first, narrow, owner.handle, frames.raw, 3, EXO_ALL))};
    (void)given;
    const struct exo_result result = REPEAT(host_binding_revoke(first, narrow));
    cr_expect_eq(result.error, EXO_OK, "%s", error_name(result.error));
    for (unsigned i = 0; i < 3; i++) cr_expect_eq(info((exo_frame){frames.raw + i})->type, EXO_FRAME_FREE);
    EXPECT(OK, host_pe_read(first, owner.handle));
}

Test(kernel_pe, whose_ring_is_taken_back_ends) {
    const exo_frame ring = take_frames(1, EXO_FRAME_RING);
    const struct other other = make_other((exo_frame){0}, 0, 0);
    const exo_handle narrow = {MUST(host_binding_derive(first, FRAMES, ring.raw, 1, EXO_ALL))};
    const exo_handle given = {MUST(host_binding_grant(first, FRAMES, other.handle, ring.raw, 1, READ_WRITE))};
    MUST(host_ring_bind(other.pe, given, ring));
    EXPECT(OK, REPEAT(host_binding_drop(first, narrow)));
    EXPECT(HANDLE, host_pe_read(first, other.handle));
    cr_expect_eq(info(ring)->type, EXO_FRAME_FREE);
}

Test(kernel_pe, a_thousand_rounds_lose_no_frame) {
    unsigned before[EXO_FRAME_KERNEL + 1] = {}, after[EXO_FRAME_KERNEL + 1] = {};
    const exo_frame data = take_frames(4, EXO_FRAME_DATA), at = next_frame;
    for (uint64_t i = 0; i < WORLD_FRAMES; i++) before[info((exo_frame){i})->type]++;
    for (unsigned round = 0; round < 1000; round++) {
        const struct other other = make_other_at(at, data, 4, READ_WRITE);
        MUST(other_map(&other, (exo_vaddr){0x5000}, data, READ_WRITE));
        cr_assert(host_store(other.pe, (exo_vaddr){0x5000}, round).ok);
        if (round % 2) MUST(host_pe_exit(other.pe, round));
        cr_assert_eq(REPEAT(host_pe_destroy(first, other.handle)).error, EXO_OK);
        for (unsigned level = 4; level >= 1; level--)
            MUST(host_frame_retype(first, FRAMES, (exo_frame){at.raw + 7 - level}, 1, EXO_FRAME_FREE));
        if (round % 100 == 0) EXPECT_BOOKS();
    }
    for (uint64_t i = 0; i < WORLD_FRAMES; i++) after[info((exo_frame){i})->type]++;
    for (unsigned type = 0; type <= EXO_FRAME_KERNEL; type++) cr_expect_eq(after[type], before[type], "type %u", type);
    unsigned used = 0;
    for (uint32_t i = 0; i < first->bindings.size; i++) used += first->bindings.bindings[i].kind != EXO_KIND_NONE;
    cr_expect_eq(used, 7);
}

Test(kernel_pe, on_a_large_machine_a_chain_of_blockers_comes_to_its_end) {
    host_boot(600'000, 0);
    first = host_current();
    next_frame = host_free_first();
    const exo_frame run = next_frame;
    const exo_handle outer = {MUST(host_pe_create(first, FRAMES, run, 3))};
    const exo_handle inner = {MUST(host_pe_create(first, FRAMES, (exo_frame){run.raw + 3}, 3))};
    next_frame.raw += 6;
    const exo_frame root = take_frames(2, EXO_FRAME_TABLE4);
    MUST(host_binding_grant(first, FRAMES, outer, run.raw + 3, 6, EXO_ALL)); // inner, and both roots
    MUST(host_pe_set_root(first, inner, FRAMES, root));
    const exo_handle third = {MUST(host_pe_create(first, FRAMES, next_frame, 3))};
    MUST(host_pe_set_root(first, third, FRAMES, (exo_frame){root.raw + 1}));
    cr_expect_eq(REPEAT(host_pe_destroy(first, outer)).error, EXO_OK);
    EXPECT(HANDLE, host_pe_read(first, outer));
    EXPECT(HANDLE, host_pe_read(first, inner)); // it stood on what outer owned
    EXPECT(HANDLE, host_pe_read(first, third)); // and so did its root
    cr_expect_eq(info(root)->type, EXO_FRAME_FREE);
}
