// SPDX-License-Identifier: MIT
// Isolation: what a PE in an address space of its own can reach of others and of the kernel, which is nothing.
#include "tests/vm/child.h"

// Code of isolated children. It runs without any data of the image in reach: only its argument and its stack.
static uint64_t reads(uint64_t address) {
    return *(volatile uint8_t *)address;
}
static uint64_t writes(uint64_t address) {
    *(volatile uint8_t *)address = 1;
    return 0;
}
static uint64_t jumps(uint64_t address) {
    ((void (*)(void))address)();
    return 0;
}

static volatile uint64_t secret = 0x5ec2e7;

// Addresses that are none of a PE's: the test's data and window, the kernel in each of its places, the hole.
static const struct {
    const char *name;
    uint64_t address;
} places[] = {
    {"the test's data", 0}, // filled in below: the address is not constant for the linker's relocation
    {"nothing", 0x1000},
    {"the next page after its own", EXO_FIRST_PE_PAGE + 4096},
    {"the end of user space", EXO_USER_END - 8},
    {"the direct map", 0xffff'8000'0000'0000},
    {"frame 1 MiB in the direct map", 0xffff'8000'0010'0000},
    {"the kernel's image", 0xffff'8080'0010'0000},
    {"the kernel's data", 0xffff'8080'0012'0000},
    {"device registers", 0xffff'80c0'0000'0000},
    {"past the shared tables", 0xffff'8180'0000'0000},
    {"the last page", 0xffff'ffff'ffff'f000},
};

static uint64_t address_of(unsigned place) {
    return place == 0 ? (uint64_t)&secret : places[place].address;
}

TEST(a_pe_reaches_nothing_that_it_was_not_given) {
    const struct {
        child_code *code;
        uint64_t error; // of the fault, but for bit 0
    } ways[] = {{reads, 4}, {writes, 6}, {jumps, 0x14}};
    for (unsigned place = 0; place < sizeof places / sizeof *places; place++)
        for (unsigned way = 0; way < 3; way++) {
            rig_context(places[place].name, way);
            struct child child = child_new(CHILD_ISOLATED, ways[way].code);
            child_run(&child, address_of(place));
            CHECK_EQUAL(child.state.status, CHILD_BY(fault));
            CHECK_EQUAL(child.page->exception.cr2, address_of(place));
            CHECK_EQUAL(child.page->exception.error & ~1ull, ways[way].error);
            child_release(&child);
        }
    CHECK_EQUAL(secret, 0x5ec2e7);
}

TEST(the_shared_tables_can_be_read_by_all_and_written_by_none) {
    const uint64_t tables[] = {EXO_MACHINE_INFO, EXO_FRAME_TABLE};
    for (unsigned i = 0; i < 2; i++) {
        rig_context("table", i);
        struct child reader = child_new(CHILD_ISOLATED, reads);
        child_run(&reader, tables[i]);
        CHECK_EQUAL(reader.state.status, *(volatile uint8_t *)tables[i]);
        child_release(&reader);
        struct child writer = child_new(CHILD_ISOLATED, writes);
        child_run(&writer, tables[i]);
        CHECK_EQUAL(writer.state.status, CHILD_BY(fault));
        CHECK_EQUAL(writer.page->exception.error, 7);
        child_release(&writer);
        struct child jumper = child_new(CHILD_ISOLATED, jumps);
        child_run(&jumper, tables[i]);
        CHECK_EQUAL(jumper.state.status, CHILD_BY(fault));
        CHECK_EQUAL(jumper.page->exception.error, 0x15);
        child_release(&jumper);
    }
}

// Counts in its own page, each time it is given the CPU.
static uint64_t counts(uint64_t address) {
    volatile uint64_t *word = (volatile uint64_t *)address;
    const uint64_t step = word[1];
    for (uint64_t i = 0; i < 50; i++) {
        const uint64_t before = *word;
        (void)exo_pe_yield(EXO_NO_HANDLE);
        if (*word != before || word[1] != step) return 1;
        *word = before + step;
    }
    return 0;
}

TEST(the_same_address_is_another_page_in_each_pe) {
    constexpr uint64_t at = 0x10'0000;
    struct child children[4];
    const exo_frame frames = rig_frames(4, EXO_FRAME_DATA);
    for (unsigned i = 0; i < 4; i++) {
        children[i] = child_new(CHILD_ISOLATED, counts);
        const exo_frame frame = {frames.raw + i};
        ((volatile uint64_t *)rig_map(RIG_WINDOW, frame, EXO_READ | EXO_WRITE))[1] = i + 1;
        rig_unmap(RIG_WINDOW);
        child_map(&children[i], at, frame, EXO_READ | EXO_WRITE);
        child_start(&children[i], at);
    }
    for (bool going = true; going;) {
        going = false;
        for (unsigned i = 0; i < 4; i++) going |= !child_go(&children[i], 1);
    }
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQUAL(children[i].state.status, 0);
        CHECK_EQUAL(*(volatile uint64_t *)rig_map(RIG_WINDOW, (exo_frame){frames.raw + i}, EXO_READ), 50 * (i + 1));
        rig_unmap(RIG_WINDOW);
        child_release(&children[i]);
    }
    rig_release(frames, 4);
}

// Tries every handle that a PE could guess, in the calls that would give it something. Returns how many worked.
static uint64_t guesses_handles(uint64_t frame) {
    uint64_t worked = 0;
    for (uint64_t generation = 0; generation < 4; generation++)
        for (uint64_t place = 0; place < 300; place++) {
            const exo_handle handle = {generation << 16 | place};
            if (handle.raw == 0) continue;
            worked += exo_binding_read(handle).error == EXO_OK;
            worked += exo_binding_derive(handle, 0, 1, EXO_READ).error == EXO_OK;
            worked += exo_frame_retype(handle, (exo_frame){frame}, 1, EXO_FRAME_DATA).error == EXO_OK;
            worked += exo_pe_read(handle).error == EXO_OK;
            worked += exo_console_write(handle, 0).error == EXO_OK;
            worked += exo_machine_off(handle, 1).error == EXO_OK;
        }
    return worked;
}

TEST(a_pe_without_bindings_guesses_none) {
    struct child child = child_new(CHILD_ISOLATED, guesses_handles);
    const exo_frame frame = rig_frames(1, EXO_FRAME_FREE);
    child_run(&child, frame.raw);
    CHECK_EQUAL(child.state.status, 0);
    child_release(&child);
}

// Writes to its tables, which it can see but was given no binding for.
static uint64_t writes_tables(uint64_t root) {
    const exo_entry entry = exo_entry_for((exo_frame){root}, EXO_READ);
    uint64_t worked = 0;
    for (uint64_t place = 0; place < 100; place++) {
        const exo_handle handle = {1 << 16 | place};
        worked += exo_tlb_set(handle, (exo_paddr){root << 12}, handle, entry, (exo_vaddr){0}).error == EXO_OK;
        worked += exo_pe_set_root(handle, handle, (exo_frame){root}).error == EXO_OK;
    }
    return worked;
}

TEST(a_pe_without_a_binding_for_its_tables_does_not_write_them) {
    struct child child = child_new(CHILD_ISOLATED, writes_tables);
    child_run(&child, child.tables.raw);
    CHECK_EQUAL(child.state.status, 0);
    child_release(&child);
}

TEST(tables_pes_and_bindings_are_not_mapped_writable_by_anyone) {
    struct child child = child_new(CHILD_ISOLATED, reads);
    const exo_frame frames[] = {child.frames,           {child.frames.raw + 2}, child.tables,
                                {child.tables.raw + 1}, {child.tables.raw + 2}, {child.tables.raw + 3}};
    for (unsigned i = 0; i < sizeof frames / sizeof *frames; i++) {
        rig_context("frame", i);
        const exo_entry entry = exo_entry_for(frames[i], EXO_READ | EXO_WRITE);
        CHECK_ERROR(exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), FRAMES, entry, (exo_vaddr){0}), TYPE);
    }
    child_release(&child);
}

TEST(frames_of_an_ended_pe_hold_nothing_of_it) {
    struct child child = child_new(CHILD_ISOLATED, writes);
    const exo_frame frame = rig_frames(1, EXO_FRAME_DATA);
    child_map(&child, 0x10'0000, frame, EXO_READ | EXO_WRITE);
    child_run(&child, 0x10'0000);
    const exo_frame parts = child.frames;
    child_release(&child);
    for (uint64_t i = 0; i < 3; i++) {
        OK(exo_frame_retype(FRAMES, (exo_frame){parts.raw + i}, 1, EXO_FRAME_DATA));
        const volatile uint64_t *words = rig_map(RIG_WINDOW, (exo_frame){parts.raw + i}, EXO_READ);
        for (unsigned word = 0; word < 512; word++) CHECK_EQUAL(words[word], 0);
        rig_unmap(RIG_WINDOW);
    }
    rig_release(parts, 3);
    rig_release(frame, 1);
}

// Two PEs that share a frame, each by a binding of its own: where its order is, and how it maps the frame at SHARED.
constexpr uint64_t ORDER = 0x10'0000, SHARED = 0x10'1000;
struct order {
    exo_handle tables, frames;
    exo_paddr slot;
    exo_entry entry;
    bool drops;
};

static uint64_t shares(uint64_t address) {
    const struct order *order = (const struct order *)address;
    if (exo_tlb_set(order->tables, order->slot, order->frames, order->entry, (exo_vaddr){0}).error != EXO_OK) return 1;
    (void)exo_pe_yield(EXO_NO_HANDLE);
    while (order->drops && exo_binding_drop(order->frames).error == EXO_AGAIN) continue;
    return *(volatile uint64_t *)SHARED;
}

TEST(what_a_pe_drops_a_neighbour_that_shares_it_keeps) {
    const exo_frame shared = rig_frames(1, EXO_FRAME_DATA), orders = rig_frames(2, EXO_FRAME_DATA);
    *(volatile uint64_t *)rig_map(RIG_WINDOW, shared, EXO_READ | EXO_WRITE) = 42;
    struct child children[2];
    for (unsigned i = 0; i < 2; i++) {
        children[i] = child_new(CHILD_ISOLATED, shares);
        const exo_frame table1 = {children[i].tables.raw + 3};
        struct order *order = rig_map(RIG_WINDOW + EXO_PAGE_SIZE, (exo_frame){orders.raw + i}, EXO_READ | EXO_WRITE);
        *order = (struct order){
            .tables = child_grant(&children[i], FRAMES, table1.raw, 1, EXO_READ | EXO_WRITE),
            .frames = child_grant(&children[i], FRAMES, shared.raw, 1, EXO_READ),
            .slot = {(table1.raw << EXO_PAGE_SHIFT) + SHARED / EXO_PAGE_SIZE * 8},
            .entry = exo_entry_for(shared, EXO_READ),
            .drops = i == 0,
        };
        rig_unmap(RIG_WINDOW + EXO_PAGE_SIZE);
        child_map(&children[i], ORDER, (exo_frame){orders.raw + i}, EXO_READ);
        child_start(&children[i], ORDER);
        CHECK(!child_go(&children[i], 1));
    }
    CHECK_EQUAL(rig_frame_info(shared)->maps, 3);
    for (unsigned i = 0; i < 2; i++) CHECK(child_go(&children[i], 1000));
    CHECK_EQUAL(children[0].state.status, CHILD_BY(fault));
    CHECK_EQUAL(children[0].page->exception.cr2, SHARED);
    CHECK_EQUAL(children[1].state.status, 42);
    CHECK_EQUAL(*(volatile uint64_t *)RIG_WINDOW, 42); // nor does the test lose its own
    for (unsigned i = 0; i < 2; i++) child_release(&children[i]);
    rig_unmap(RIG_WINDOW);
    rig_release(shared, 1);
    rig_release(orders, 2);
}
