// SPDX-License-Identifier: MIT
// The disk ring: good requests move data, bad ones come back with their error, garbage harms only its writer.
#include <string.h>
#include "exo/dev/disk.h"
#include "tests/unit/kernel_world.h"

static struct exo_ring *ring;
static exo_frame data;

static void begin(void) {
    world_begin();
    const exo_frame frame = take_frames(1, EXO_FRAME_RING);
    MUST(host_ring_bind(first, FRAMES, frame));
    ring = arch_frame(frame);
    data = take_frames(4, EXO_FRAME_DATA);
}

TestSuite(kernel_ring, .init = begin, .fini = world_end);

static struct exo_ring_request request(enum exo_ring_operation operation, uint64_t block) {
    return (struct exo_ring_request){DISK, FRAMES, data, block, operation, (uint32_t)block + 100};
}

static void submit(struct exo_ring_request wanted) {
    ring->requests[ring->submitted++ % EXO_RING_SIZE] = wanted;
}

// The next completion, as the library OS takes it.
static struct exo_ring_completion take(void) {
    cr_assert_neq(ring->taken, ring->completed);
    return ring->completions[ring->taken++ % EXO_RING_SIZE];
}

static void expect_refused(struct exo_ring_request wanted, enum exo_error expected) {
    submit(wanted);
    cr_expect_eq(MUST(host_ring_kick(first)), 1);
    const struct exo_ring_completion completion = take();
    cr_expect_eq(completion.error, expected, "%s", error_name(completion.error));
    cr_expect_eq(completion.tag, wanted.tag);
    cr_expect_eq(host_disk_pending(), 0);
}

Test(kernel_ring, reads_and_writes_move_data_between_frame_and_block) {
    memset(arch_frame(data), 0x11, EXO_PAGE_SIZE);
    submit(request(EXO_RING_WRITE, 5));
    cr_expect_eq(MUST(host_ring_kick(first)), 1);
    host_disk_run(1);
    cr_expect_eq(host_disk_block(5)[4095], 0x11);
    memset(host_disk_block(6), 0x22, EXO_PAGE_SIZE);
    submit(request(EXO_RING_READ, 6));
    MUST(host_ring_kick(first));
    cr_expect_eq(ring->completed, 1);
    host_disk_run(1);
    cr_expect_eq(*(uint8_t *)arch_frame(data), 0x22);
    cr_expect_eq(take().tag, 105);
    const struct exo_ring_completion completion = take();
    cr_expect_eq(completion.tag, 106);
    cr_expect_eq(completion.error, EXO_OK);
    // A flush needs neither block nor frame.
    submit((struct exo_ring_request){DISK, EXO_NO_HANDLE, {UINT64_MAX}, UINT64_MAX, EXO_RING_FLUSH, 0});
    MUST(host_ring_kick(first));
    host_disk_run(1);
    cr_expect_eq(take().error, EXO_OK);
}

Test(kernel_ring, a_completion_posts_the_event_disk) {
    pe_page(first)->pending = 0;
    submit(request(EXO_RING_READ, 1));
    MUST(host_ring_kick(first));
    cr_expect_eq(pe_page(first)->pending, 0);
    host_disk_run(1);
    cr_expect_eq(pe_page(first)->pending, 1 << EXO_EVENT_disk);
}

Test(kernel_ring, an_error_of_the_disk_reaches_its_request) {
    host_disk_fail(EXO_DEVICE);
    submit(request(EXO_RING_READ, 1));
    submit(request(EXO_RING_READ, 2));
    MUST(host_ring_kick(first));
    host_disk_run(2);
    cr_expect_eq(take().error, EXO_DEVICE);
    cr_expect_eq(take().error, EXO_OK);
    cr_expect_eq(info(data)->pins, 0);
}

Test(kernel_ring, refuses_forged_bindings_and_wrong_kinds) {
    struct exo_ring_request bad = request(EXO_RING_READ, 1);
    bad.extent = (exo_handle){0};
    expect_refused(bad, EXO_HANDLE);
    bad.extent = (exo_handle){DISK.raw + (1 << 16)};
    expect_refused(bad, EXO_HANDLE);
    bad.extent = FRAMES;
    expect_refused(bad, EXO_KIND);
    bad = request(EXO_RING_READ, 1);
    bad.frames = (exo_handle){0};
    expect_refused(bad, EXO_HANDLE);
    bad.frames = DISK;
    expect_refused(bad, EXO_KIND);
}

Test(kernel_ring, refuses_what_is_beyond_the_extent_or_the_frames) {
    const exo_handle extent = {MUST(host_binding_derive(first, DISK, 10, 5, READ_WRITE))};
    const exo_handle frames = {MUST(host_binding_derive(first, FRAMES, data.raw, 2, READ_WRITE))};
    static const uint64_t outside[] = {0, 9, 15, 64, 1ull << 32, 1ull << 52, UINT64_MAX};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        struct exo_ring_request bad = request(EXO_RING_READ, outside[i]);
        bad.extent = extent;
        expect_refused(bad, EXO_RANGE);
    }
    static const uint64_t elsewhere[] = {0, 1, WORLD_FRAMES, UINT64_MAX, UINT64_MAX >> 12};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        struct exo_ring_request bad = request(EXO_RING_READ, 12);
        bad.frames = frames;
        bad.frame = (exo_frame){elsewhere[i]};
        expect_refused(bad, EXO_RANGE);
    }
    struct exo_ring_request bad = request(EXO_RING_READ, 12);
    bad.frames = frames;
    bad.frame = (exo_frame){data.raw + 2};
    expect_refused(bad, EXO_RANGE);
    expect_refused(request(EXO_RING_READ, WORLD_BLOCKS), EXO_RANGE);
}

Test(kernel_ring, needs_the_rights_of_its_direction) {
    const exo_handle read_disk = {MUST(host_binding_derive(first, DISK, 0, 10, EXO_READ))};
    const exo_handle write_disk = {MUST(host_binding_derive(first, DISK, 0, 10, EXO_WRITE))};
    const exo_handle read_memory = {MUST(host_binding_derive(first, FRAMES, data.raw, 1, EXO_READ))};
    const exo_handle write_memory = {MUST(host_binding_derive(first, FRAMES, data.raw, 1, EXO_WRITE))};
    const struct {
        exo_handle extent, frames;
        enum exo_ring_operation operation;
        bool good;
    } cases[] = {
        {read_disk, write_memory, EXO_RING_READ, true},  {write_disk, write_memory, EXO_RING_READ, false},
        {read_disk, read_memory, EXO_RING_READ, false},  {write_disk, read_memory, EXO_RING_WRITE, true},
        {read_disk, read_memory, EXO_RING_WRITE, false}, {write_disk, write_memory, EXO_RING_WRITE, false},
        {read_disk, read_memory, EXO_RING_FLUSH, false}, {write_disk, read_memory, EXO_RING_FLUSH, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        submit((struct exo_ring_request){cases[i].extent, cases[i].frames, data, 3, cases[i].operation, 0});
        MUST(host_ring_kick(first));
        cr_expect_eq(host_disk_pending(), cases[i].good, "case %zu", i);
        host_disk_run(1);
        cr_expect_eq(take().error, cases[i].good ? EXO_OK : EXO_RIGHTS, "case %zu", i);
    }
}

Test(kernel_ring, moves_nothing_but_data_frames) {
    for (enum exo_frame_type type = EXO_FRAME_TABLE1; type <= EXO_FRAME_RING; type++) {
        struct exo_ring_request bad = request(EXO_RING_READ, 1);
        bad.frame = take_frames(1, type);
        expect_refused(bad, EXO_TYPE);
    }
    struct exo_ring_request bad = request(EXO_RING_READ, 1);
    bad.frame = next_frame; // free
    expect_refused(bad, EXO_TYPE);
    bad.frame = parts.frames_first; // its own PE
    expect_refused(bad, EXO_TYPE);
    bad = request(3, 1);
    expect_refused(bad, EXO_VALUE);
    bad = request(UINT32_MAX, 1);
    expect_refused(bad, EXO_VALUE);
}

Test(kernel_ring, garbage_indices_cost_their_writer_a_ring_of_refusals_at_most) {
    static const uint32_t garbage[] = {1, 31, 32, 33, 1000, 0x8000'0000, UINT32_MAX};
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        for (size_t k = 0; k < sizeof garbage / sizeof *garbage; k++) {
            memset(ring->requests, (int)(i * 16 + k), sizeof ring->requests);
            ring->submitted = garbage[i];
            ring->taken = garbage[k];
            ring->accepted = ring->completed = garbage[(i + k) % 7]; // the kernel's copies count
            for (unsigned round = 0; round < 3; round++) {
                const uint64_t taken = MUST(host_ring_kick(first));
                cr_expect_leq(taken, EXO_RING_SIZE);
            }
            host_disk_run(DISK_SLOTS);
            EXPECT_BOOKS();
        }
    }
}

Test(kernel_ring, is_not_overrun_by_a_library_os_that_takes_nothing) {
    for (unsigned i = 0; i < 2 * EXO_RING_SIZE; i++) submit(request(EXO_RING_READ, i % WORLD_BLOCKS));
    uint64_t accepted = 0;
    for (unsigned round = 0; round < 10; round++) {
        accepted += MUST(host_ring_kick(first));
        host_disk_run(DISK_SLOTS);
    }
    cr_expect_eq(accepted, EXO_RING_SIZE);
    cr_expect_eq(ring->completed, EXO_RING_SIZE);
    ring->taken += 5;
    cr_expect_eq(MUST(host_ring_kick(first)), 5);
    host_disk_run(DISK_SLOTS);
}

Test(kernel_ring, a_frame_under_transfer_is_busy) {
    submit(request(EXO_RING_READ, 1));
    MUST(host_ring_kick(first));
    cr_expect_eq(info(data)->pins, 1);
    EXPECT(BUSY, host_frame_retype(first, FRAMES, data, 1, EXO_FRAME_FREE));
    EXPECT(BUSY, host_frame_retype(first, FRAMES, data, 1, EXO_FRAME_TABLE1));
    EXPECT(BUSY, host_pe_create(first, FRAMES, data, 3));
    host_disk_run(1);
    EXPECT(OK, host_frame_retype(first, FRAMES, data, 1, EXO_FRAME_FREE));
}

Test(kernel_ring, bindings_under_transfer_cannot_be_dropped) {
    const exo_handle extent = {MUST(host_binding_derive(first, DISK, 0, 10, READ_WRITE))};
    const exo_handle owner = {MUST(host_binding_derive(first, FRAMES, data.raw, 1, EXO_ALL))};
    struct exo_ring_request wanted = request(EXO_RING_READ, 1);
    wanted.extent = extent;
    wanted.frames = owner;
    submit(wanted);
    MUST(host_ring_kick(first));
    cr_expect_eq(REPEAT(host_binding_drop(first, extent)).error, EXO_BUSY);
    cr_expect_eq(REPEAT(host_binding_drop(first, owner)).error, EXO_BUSY);
    host_disk_run(1);
    cr_expect_eq(REPEAT(host_binding_drop(first, extent)).error, EXO_OK);
    cr_expect_eq(REPEAT(host_binding_drop(first, owner)).error, EXO_OK);
    cr_expect_eq(info(data)->type, EXO_FRAME_FREE);
}

Test(kernel_ring, frames_are_not_freed_under_a_transfer_by_another_binding) {
    const exo_handle owner = {MUST(host_binding_derive(first, FRAMES, data.raw, 1, EXO_ALL))};
    submit(request(EXO_RING_READ, 1)); // under FRAMES
    MUST(host_ring_kick(first));
    cr_expect_eq(REPEAT(host_binding_drop(first, owner)).error, EXO_BUSY);
    EXPECT(BUSY, host_frame_retype(first, FRAMES, data, 1, EXO_FRAME_DATA));
    EXPECT(BUSY, host_pe_create(first, FRAMES, data, 3));
    host_disk_run(1);
    cr_expect_eq(REPEAT(host_binding_drop(first, owner)).error, EXO_OK);
    cr_expect_eq(info(data)->type, EXO_FRAME_FREE);
}

// P5: who has the frames by a binding of its own can't keep their owner's end from coming, by transfer after transfer.
Test(kernel_ring, a_neighbour_that_always_has_a_transfer_under_way_holds_nobody_up) {
    const struct other neighbour = make_other(data, 1, READ_WRITE);
    const exo_frame ring_frame = take_frames(1, EXO_FRAME_RING);
    const exo_handle its_ring = {
        MUST(host_binding_grant(first, FRAMES, neighbour.handle, ring_frame.raw, 1, READ_WRITE))};
    const exo_handle extent = {MUST(host_binding_grant(first, DISK, neighbour.handle, 0, 10, READ_WRITE))};
    const exo_handle owner = {MUST(host_binding_derive(first, FRAMES, data.raw, 1, EXO_ALL))};
    MUST(host_ring_bind(neighbour.pe, its_ring, ring_frame));
    struct exo_ring *theirs = arch_frame(ring_frame);
    enum exo_error error = EXO_BUSY;
    for (unsigned round = 0; round < 10 && error == EXO_BUSY; round++) {
        theirs->requests[theirs->submitted++ % EXO_RING_SIZE] =
            (struct exo_ring_request){extent, neighbour.held, data, 1, EXO_RING_READ, round};
        MUST(host_ring_kick(neighbour.pe));
        if (round > 0) host_disk_run(1); // the one before
        error = REPEAT(host_binding_drop(first, owner)).error;
    }
    cr_expect_eq(error, EXO_OK);
    cr_expect_eq(theirs->completions[0].error, EXO_TYPE); // refused, while the one before it was under way
}

// P3: when revoke has returned OK, no transfer goes on under what was revoked, though the frames stay the revoker's.
Test(kernel_ring, revoke_waits_for_transfers_under_bindings_that_do_not_own) {
    const struct other other = make_other(data, 4, READ_WRITE);
    const exo_frame ring_frame = take_frames(1, EXO_FRAME_RING);
    const exo_handle others_ring = {
        MUST(host_binding_grant(first, FRAMES, other.handle, ring_frame.raw, 1, READ_WRITE))};
    const exo_handle narrow = {MUST(host_binding_derive(first, FRAMES, data.raw, 1, EXO_ALL))};
    const exo_handle lent = {MUST(host_binding_grant(first, narrow, other.handle, data.raw, 1, READ_WRITE))};
    const exo_handle extent = {MUST(host_binding_grant(first, DISK, other.handle, 0, 10, READ_WRITE))};
    MUST(host_ring_bind(other.pe, others_ring, ring_frame));
    struct exo_ring *theirs = arch_frame(ring_frame);
    theirs->requests[0] = (struct exo_ring_request){extent, lent, data, 1, EXO_RING_READ, 0};
    theirs->submitted = 1;
    MUST(host_ring_kick(other.pe));
    cr_assert_eq(host_disk_pending(), 1);
    cr_expect_eq(REPEAT(host_binding_revoke(first, narrow)).error, EXO_BUSY);
    host_disk_run(1);
    cr_expect_eq(REPEAT(host_binding_revoke(first, narrow)).error, EXO_OK);
}

// While a revoke waits for a transfer, the binding is dead though its frames are not free yet; what the kernel has
// cached of its checks must be dead as well.
Test(kernel_ring, while_a_revoke_waits_nothing_new_can_be_mapped_by_what_it_ends) {
    const struct other other = make_other(data, 1, EXO_READ);
    const exo_handle narrow = {MUST(host_binding_derive(first, FRAMES, data.raw, 1, EXO_ALL))};
    const exo_handle page = {MUST(host_binding_grant(first, narrow, other.handle, data.raw, 1, EXO_ALL))};
    const exo_handle table = {MUST(host_binding_grant(first, FRAMES, other.handle, other.table1.raw, 1, EXO_ALL))};
    const exo_entry entry = {exo_entry_for(data, READ_WRITE).raw | EXO_ENTRY_USER};
    for (unsigned i = 0; i < 3; i++)
        MUST(host_tlb_set(other.pe, table, slot_at(other.table1, 3), page, entry, NO_FLUSH));
    submit(request(EXO_RING_READ, 1));
    MUST(host_ring_kick(first));
    cr_expect_eq(REPEAT(host_binding_revoke(first, narrow)).error, EXO_BUSY);
    cr_expect_eq(info(data)->maps, 0);
    EXPECT(HANDLE, host_tlb_set(other.pe, table, slot_at(other.table1, 3), page, entry, NO_FLUSH));
    cr_expect_not(host_load(other.pe, (exo_vaddr){3 * EXO_PAGE_SIZE}).ok);
    host_disk_run(1);
    cr_expect_eq(REPEAT(host_binding_revoke(first, narrow)).error, EXO_OK);
}

Test(kernel_ring, is_bound_once_and_only_from_a_ring_frame_of_the_callers) {
    const exo_frame frame = take_frames(1, EXO_FRAME_RING);
    EXPECT(STATE, host_ring_bind(first, FRAMES, frame));
    const struct other other = make_other(frame, 1, READ_WRITE);
    EXPECT(STATE, host_ring_kick(other.pe));
    EXPECT(TYPE, host_ring_bind(other.pe, other_table(&other), other.table1));
    EXPECT(RANGE, host_ring_bind(other.pe, other.held, data));
    EXPECT(HANDLE, host_ring_bind(other.pe, EXO_NO_HANDLE, frame));
    for (uint64_t right = EXO_READ; right <= EXO_WRITE; right++) {
        const exo_handle half = {MUST(host_binding_derive(other.pe, other.held, frame.raw, 1, right))};
        EXPECT(RIGHTS, host_ring_bind(other.pe, half, frame));
    }
    EXPECT(OK, host_ring_bind(other.pe, other.held, frame));
    EXPECT(BUSY, host_frame_retype(first, FRAMES, frame, 1, EXO_FRAME_DATA)); // in use as long as the PE lives
}

// A second PE with a ring of its own over four data frames, which it keeps as full as it can.
struct greedy {
    struct other other;
    struct exo_ring *ring;
};

static struct greedy make_greedy(void) {
    const exo_frame frame = take_frames(1, EXO_FRAME_RING);
    struct greedy greedy = {.other = make_other(data, 1, READ_WRITE), .ring = arch_frame(frame)};
    const exo_handle held = {
        MUST(host_binding_grant(first, FRAMES, greedy.other.handle, frame.raw, 1, READ_WRITE))};
    MUST(host_ring_bind(greedy.other.pe, held, frame));
    const exo_handle extent = {MUST(host_binding_grant(first, DISK, greedy.other.handle, 0, 10, READ_WRITE))};
    for (unsigned i = 0; i < EXO_RING_SIZE; i++)
        greedy.ring->requests[i] = (struct exo_ring_request){extent, greedy.other.held, data, 1, EXO_RING_READ, i};
    greedy.ring->submitted = EXO_RING_SIZE;
    return greedy;
}

// P6: the disk's slots are shared fairly, whatever PEs ask for.
Test(kernel_ring, a_pe_finds_a_slot_however_many_requests_others_keep_under_way) {
    struct greedy greedy[4];
    for (unsigned i = 0; i < 4; i++) greedy[i] = make_greedy();
    for (unsigned i = 0; i < 4; i++) MUST(host_ring_kick(greedy[i].other.pe));
    submit(request(EXO_RING_READ, 1));
    cr_expect_eq(MUST(host_ring_kick(first)), 1);
    cr_expect_eq(host_disk_pending(), 4 * (DISK_SLOTS / 5) + 1);
    host_disk_run(DISK_SLOTS);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(REPEAT(host_pe_destroy(first, greedy[i].other.handle)).error, EXO_OK);
    for (unsigned i = 0; i < EXO_RING_SIZE - 1; i++) submit(request(EXO_RING_READ, 1));
    cr_expect_eq(MUST(host_ring_kick(first)), EXO_RING_SIZE - 1); // a ring that is gone has no share
}

// When slots are taken from before there were so many rings, who got none is told to try again.
Test(kernel_ring, a_kick_that_finds_no_slot_is_followed_by_an_event) {
    const struct greedy early = make_greedy();
    for (unsigned i = 0; i < EXO_RING_SIZE; i++) submit(request(EXO_RING_READ, 1));
    cr_expect_eq(MUST(host_ring_kick(first)), DISK_SLOTS / 2);
    cr_expect_eq(MUST(host_ring_kick(early.other.pe)), DISK_SLOTS / 2);
    const struct greedy late = make_greedy();
    cr_expect_eq(MUST(host_ring_kick(late.other.pe)), 0);
    cr_expect(pe_page(late.other.pe)->pending & 1 << EXO_EVENT_disk);
    host_disk_run(1);
    cr_expect_eq(MUST(host_ring_kick(late.other.pe)), 1);
}
