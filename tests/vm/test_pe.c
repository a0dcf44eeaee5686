// SPDX-License-Identifier: MIT
// Processor environments: making, configuring, starting, reading, ending, destroying.
#include "tests/vm/child.h"

static uint64_t doubles(uint64_t argument) {
    return 2 * argument;
}
static uint64_t spins(uint64_t argument) {
    for (;;) __asm__ volatile("" : "+r"(argument));
}

static struct exo_pe_state state_of(exo_handle pe) {
    rig_need(exo_pe_read(pe).error == EXO_OK, "a PE can't be read");
    return *(volatile struct exo_pe_state *)rig_page()->args;
}

TEST(a_pe_runs_with_its_argument_and_its_status_is_read) {
    struct child child = child_new(CHILD_SHARED, doubles);
    CHECK_EQUAL(state_of(child.pe).state, EXO_PE_NEW);
    child_start(&child, 21);
    CHECK_EQUAL(state_of(child.pe).state, EXO_PE_READY);
    CHECK(child_go(&child, 3));
    CHECK_EQUAL(child.state.end, EXO_END_EXIT);
    CHECK_EQUAL(child.state.status, 42);
    child_release(&child);
}

TEST(an_exit_status_has_32_bits) {
    struct child child = child_new(CHILD_SHARED, doubles);
    child_run(&child, 0x9abc'def0'1234'5678);
    CHECK_EQUAL(child.state.status, 0x2468'acf0);
    child_release(&child);
}

TEST(a_pe_page_tells_version_and_number) {
    struct child one = child_new(CHILD_SHARED, doubles), two = child_new(CHILD_SHARED, doubles);
    CHECK_EQUAL(one.page->abi_version, EXO_ABI_VERSION);
    CHECK(one.page->id != 0 && one.page->id != two.page->id && one.page->id != rig_page()->id);
    child_release(&one);
    child_release(&two);
}

TEST(a_pe_can_read_itself) {
    CHECK_EQUAL(state_of(SELF).state, EXO_PE_READY);
}

TEST(create_checks_its_frames) {
    const exo_frame frames = rig_frames(20, EXO_FRAME_FREE);
    CHECK_ERROR(exo_pe_create(FRAMES, frames, 0), VALUE);
    CHECK_ERROR(exo_pe_create(FRAMES, frames, 2), VALUE);
    CHECK_ERROR(exo_pe_create(FRAMES, frames, 19), VALUE);
    CHECK_ERROR(exo_pe_create(FRAMES, frames, ~0ull), VALUE);
    CHECK_ERROR(exo_pe_create(FRAMES, (exo_frame){rig.frames_first.raw + rig.frames_count - 2}, 3), RANGE);
    CHECK_ERROR(exo_pe_create(FRAMES, (exo_frame){0}, 3), RANGE);
    CHECK_ERROR(exo_pe_create(FRAMES, (exo_frame){~0ull - 1}, 3), RANGE);
    for (uint64_t type = EXO_FRAME_TABLE1; type <= EXO_FRAME_RING; type++) {
        OK(exo_frame_retype(FRAMES, (exo_frame){frames.raw + 2}, 1, type));
        CHECK_ERROR(exo_pe_create(FRAMES, frames, 3), TYPE);
    }
    OK(exo_frame_retype(FRAMES, (exo_frame){frames.raw + 2}, 1, EXO_FRAME_DATA));
    rig_map(RIG_WINDOW, (exo_frame){frames.raw + 2}, EXO_READ);
    CHECK_ERROR(exo_pe_create(FRAMES, frames, 3), BUSY);
    rig_unmap(RIG_WINDOW);
    CHECK_EQUAL(rig_frame_info(frames)->type, EXO_FRAME_FREE); // nothing was begun
    rig_release(frames, 20);
}

TEST(a_pe_can_not_be_made_on_another) {
    struct child child = child_new(CHILD_SHARED, doubles);
    CHECK_ERROR(exo_pe_create(FRAMES, child.frames, 3), TYPE);
    CHECK_ERROR(exo_pe_create(FRAMES, (exo_frame){child.frames.raw + 2}, 3), TYPE);
    child_release(&child);
}

TEST(a_pe_of_the_greatest_size_can_be_made) {
    const exo_frame frames = rig_frames(18, EXO_FRAME_DATA);
    const exo_handle pe = {OK(exo_pe_create(FRAMES, frames, 18))};
    struct exo_result result;
    do result = exo_pe_destroy(pe);
    while (result.error == EXO_AGAIN);
    CHECK_EQUAL(result.error, EXO_OK);
    for (uint64_t i = 0; i < 18; i++) CHECK_EQUAL(rig_frame_info((exo_frame){frames.raw + i})->type, EXO_FRAME_FREE);
}

TEST(a_root_is_a_root_and_set_before_the_start) {
    struct child child = child_new(CHILD_SHARED, doubles);
    const exo_frame data = rig_frames(1, EXO_FRAME_DATA), root = rig_frames(1, EXO_FRAME_TABLE4);
    CHECK_ERROR(exo_pe_set_root(child.pe, FRAMES, data), TYPE);
    CHECK_ERROR(exo_pe_set_root(child.pe, FRAMES, rig.table3), TYPE);
    CHECK_ERROR(exo_pe_set_root(child.pe, FRAMES, (exo_frame){0}), RANGE);
    CHECK_ERROR(exo_pe_set_root(SELF, FRAMES, root), STATE);
    OK(exo_pe_set_root(child.pe, FRAMES, root));
    CHECK_EQUAL(rig_frame_info(root)->maps, 1);
    CHECK_ERROR(exo_frame_retype(FRAMES, root, 1, EXO_FRAME_FREE), BUSY);
    OK(exo_pe_set_root(child.pe, FRAMES, rig.table4)); // another choice lets go of the first
    CHECK_EQUAL(rig_frame_info(root)->maps, 0);
    child_start(&child, 1);
    CHECK_ERROR(exo_pe_set_root(child.pe, FRAMES, root), STATE);
    CHECK(child_go(&child, 3));
    CHECK_ERROR(exo_pe_set_root(child.pe, FRAMES, root), STATE);
    child_release(&child);
    rig_release(data, 1);
    rig_release(root, 1);
}

TEST(a_pe_starts_once_and_only_with_a_root) {
    const exo_frame frames = rig_frames(3, EXO_FRAME_FREE);
    const exo_handle pe = {OK(exo_pe_create(FRAMES, frames, 3))};
    CHECK_ERROR(exo_pe_start(pe, 0), STATE);
    OK(exo_pe_set_root(pe, FRAMES, rig.table4));
    OK(exo_pe_start(pe, 0));
    CHECK_ERROR(exo_pe_start(pe, 0), STATE);
    CHECK_ERROR(exo_pe_start(SELF, 0), STATE);
    OK(exo_pe_yield(pe)); // its entry table was never set
    const struct exo_pe_state state = state_of(pe);
    CHECK_EQUAL(state.state, EXO_PE_ENDED);
    CHECK_EQUAL(state.end, EXO_END_NO_ENTRY);
    CHECK_EQUAL(state.status, 14);
    CHECK_ERROR(exo_pe_start(pe, 0), STATE);
    struct exo_result result;
    do result = exo_pe_destroy(pe);
    while (result.error == EXO_AGAIN);
    CHECK_EQUAL(result.error, EXO_OK);
}

TEST(entries_are_user_addresses) {
    struct child child = child_new(CHILD_SHARED, doubles);
    const exo_vaddr good = {0x1000};
    const uint64_t bad[] = {EXO_USER_END, 1ull << 47, 1ull << 63, ~0ull, 0xffff'8000'0000'0000, 0xffff'8080'0010'0000};
    for (uint64_t upcall = 0; upcall < EXO_UPCALLS; upcall++)
        for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
            rig_context("upcall", upcall << 8 | i);
            CHECK_ERROR(exo_pe_set_entry(child.pe, upcall, (exo_vaddr){bad[i]}, good), ADDRESS);
            CHECK_ERROR(exo_pe_set_entry(child.pe, upcall, good, (exo_vaddr){bad[i]}), ADDRESS);
        }
    CHECK_ERROR(exo_pe_set_entry(child.pe, EXO_UPCALLS, good, good), VALUE);
    CHECK_ERROR(exo_pe_set_entry(child.pe, ~0ull, good, good), VALUE);
    CHECK_ERROR(exo_pe_set_entry(child.pe, 1ull << 32, good, good), VALUE);
    child_release(&child);
}

TEST(a_pe_without_entries_ends_alone_whatever_it_does) {
    const struct {
        const char *name;
        uint64_t opcode; // little-endian instruction bytes
        uint64_t vector;
    } acts[] = {
        {"ud2", 0x0b0f, 6},           {"hlt", 0xf4, 13},        {"int3", 0xcc, 3},
        {"null", 0x0025'048b'48, 14}, {"syscall", 0x050f, 256},
    };
    for (unsigned i = 0; i < sizeof acts / sizeof *acts; i++) {
        rig_context(acts[i].name, 0);
        const exo_frame code = rig_frames(1, EXO_FRAME_DATA);
        *(volatile uint64_t *)rig_map(RIG_WINDOW, code, EXO_READ | EXO_WRITE) = acts[i].opcode;
        rig_unmap(RIG_WINDOW);
        rig_map(RIG_WINDOW, code, EXO_READ | EXO_EXECUTE);
        struct child child = child_new_at(CHILD_SHARED, (const void *)RIG_WINDOW);
        for (uint64_t upcall = 1; upcall < EXO_UPCALLS; upcall++)
            OK(exo_pe_set_entry(child.pe, upcall, (exo_vaddr){0}, (exo_vaddr){0}));
        child_run(&child, 0);
        CHECK_EQUAL(child.state.end, EXO_END_NO_ENTRY);
        CHECK(child.state.status == acts[i].vector || child.state.status == 14);
        child_release(&child);
        rig_unmap(RIG_WINDOW);
        rig_release(code, 1);
    }
}

TEST(an_ended_pe_is_not_yielded_to) {
    struct child child = child_new(CHILD_SHARED, doubles);
    CHECK_ERROR(exo_pe_yield(child.pe), STATE);
    child_run(&child, 1);
    CHECK_ERROR(exo_pe_yield(child.pe), STATE);
    child_release(&child);
}

TEST(a_running_pe_can_be_destroyed) {
    struct child child = child_new(CHILD_SHARED, spins);
    child_start(&child, 0);
    CHECK(!child_go(&child, 2));
    OK(exo_slice_set(SLICES, 5, child.pe));
    child_release(&child); // with its slice: a place in the vector left behind would run freed memory
    for (unsigned i = 0; i < 3; i++) OK(exo_pe_yield(EXO_NO_HANDLE));
}

TEST(an_ended_child_is_told_to_its_creator) {
    struct child child = child_new(CHILD_SHARED, doubles);
    __atomic_fetch_and(&rig_page()->pending, ~(1ull << EXO_EVENT_ended), __ATOMIC_SEQ_CST);
    child_run(&child, 1);
    CHECK(rig_page()->pending & 1ull << EXO_EVENT_ended);
    child_release(&child);
}

static struct {
    exo_handle frames;
    exo_frame first;
} order;

// Makes a PE of granted frames, with this address space, starts it, and ends first.
static uint64_t has_a_child(uint64_t tables) {
    const struct exo_result made = exo_pe_create(order.frames, order.first, 3);
    if (made.error != EXO_OK) return __LINE__;
    const exo_handle pe = {made.value};
    if (exo_pe_set_root(pe, (exo_handle){tables}, rig.table4).error != EXO_OK) return __LINE__;
    if (exo_pe_set_entry(pe, EXO_UPCALL_start, (exo_vaddr){(uint64_t)spins}, (exo_vaddr){0}).error != EXO_OK)
        return __LINE__;
    if (exo_pe_start(pe, 0).error != EXO_OK) return __LINE__;
    return exo_pe_yield(pe).error;
}

TEST(a_destroyed_pe_takes_those_that_it_made_with_it) {
    struct child child = child_new(CHILD_SHARED, has_a_child);
    order.first = rig_frames(3, EXO_FRAME_FREE);
    const exo_handle mine = rig_derive(FRAMES, order.first.raw, 3, EXO_ALL);
    order.frames = child_grant(&child, mine, order.first.raw, 3, EXO_ALL);
    const exo_handle root = child_grant(&child, FRAMES, rig.table4.raw, 1, EXO_WRITE);
    OK(exo_slice_set(SLICES, 1, child.pe)); // so that it comes back from its own child
    child_run(&child, root.raw);
    CHECK_EQUAL(child.state.status, EXO_OK);
    CHECK_EQUAL(rig_frame_info(order.first)->type, EXO_FRAME_PE);
    child_release(&child);
    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQUAL(rig_frame_info((exo_frame){order.first.raw + i})->type, EXO_FRAME_FREE);
    rig_drop(mine);
}
