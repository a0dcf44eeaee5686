// SPDX-License-Identifier: MIT
// Making, running and ending child PEs.
#include "tests/vm/child.h"

constexpr uint64_t PARTS = 3; // private frame, PE page, one frame of bindings
constexpr uint64_t TABLES = 5;
constexpr uint64_t UPCALL_STACK = 2048;
constexpr uint64_t STACK_PAGES = 4; // six stacks for upcalls, and the rest to run on
constexpr unsigned GOES_MAX = 2000; // 10 seconds of slices

extern const char child_return[];

alignas(EXO_PAGE_SIZE) static uint8_t stacks[CHILDREN][STACK_PAGES * EXO_PAGE_SIZE];
static bool taken[CHILDREN];

static const char *const handlers[EXO_UPCALLS] = {
    [EXO_UPCALL_fault] = child_on_fault,         [EXO_UPCALL_exception] = child_on_exception,
    [EXO_UPCALL_syscall] = child_on_syscall,     [EXO_UPCALL_double_fault] = child_on_double_fault,
    [EXO_UPCALL_interrupt] = child_on_interrupt, [EXO_UPCALL_gate] = child_on_gate,
};

uint64_t child_stack(const struct child *child, enum exo_upcall upcall) {
    if (upcall == EXO_UPCALL_start) return (uint64_t)stacks[child->number] + sizeof stacks[0] - 16;
    return (uint64_t)stacks[child->number] + upcall * UPCALL_STACK;
}

const struct child_registers *child_registers(const struct child *child, enum exo_upcall upcall) {
    return (const struct child_registers *)child_stack(child, upcall) - 1;
}

static uint64_t table(const struct child *child, unsigned number) {
    return child->tables.raw + number;
}

static void link(const struct child *child, unsigned number, uint64_t index, exo_frame frame, uint64_t rights) {
    const exo_paddr slot = {(table(child, number) << EXO_PAGE_SHIFT) + index * sizeof(uint64_t)};
    const struct exo_result result = exo_tlb_set(FRAMES, slot, FRAMES, exo_entry_for(frame, rights), (exo_vaddr){0});
    rig_need(result.error == EXO_OK, "an entry of a child's tables can't be written");
}

void child_map(const struct child *child, uint64_t address, exo_frame frame, uint64_t rights) {
    const unsigned number = address < 0x20'0000 ? 3 : 4;
    link(child, number, exo_table_index((exo_vaddr){address}, 1), frame, rights);
}

// Root, one table each of levels 3 and 2, and two of level 1: for the PE page, and for text, constants and stacks.
static void isolate(struct child *child) {
    constexpr uint64_t all = EXO_READ | EXO_WRITE | EXO_EXECUTE;
    constexpr enum exo_frame_type types[TABLES] = {EXO_FRAME_TABLE4, EXO_FRAME_TABLE3, EXO_FRAME_TABLE2,
                                                   EXO_FRAME_TABLE1, EXO_FRAME_TABLE1};
    child->tables = rig_frames(TABLES, EXO_FRAME_FREE);
    for (unsigned i = 0; i < TABLES; i++) {
        const struct exo_result result = exo_frame_retype(FRAMES, (exo_frame){table(child, i)}, 1, types[i]);
        rig_need(result.error == EXO_OK, "a child's tables can't be made");
    }
    link(child, 0, 0, (exo_frame){table(child, 1)}, all);
    link(child, 1, 0, (exo_frame){table(child, 2)}, all);
    link(child, 2, 0, (exo_frame){table(child, 3)}, all);
    link(child, 2, 2, (exo_frame){table(child, 4)}, all);
    for (uint64_t at = RIG_IMAGE; rig_entry(at) != 0; at += EXO_PAGE_SIZE)
        if (!(rig_entry(at) & EXO_ENTRY_WRITE))
            child_map(child, at, rig_frame_at(at),
                      rig_entry(at) & EXO_ENTRY_NO_EXECUTE ? EXO_READ : EXO_READ | EXO_EXECUTE);
    for (uint64_t i = 0; i < STACK_PAGES; i++) {
        const uint64_t at = (uint64_t)stacks[child->number] + i * EXO_PAGE_SIZE;
        child_map(child, at, rig_frame_at(at), EXO_READ | EXO_WRITE);
    }
    child_map(child, EXO_FIRST_PE_PAGE, (exo_frame){child->frames.raw + 1}, EXO_READ | EXO_WRITE);
}

struct child child_new_at(enum child_space space, const void *code) {
    struct child child = {};
    while (child.number < CHILDREN && taken[child.number]) child.number++;
    rig_need(child.number < CHILDREN, "too many children at a time");
    taken[child.number] = true;

    child.frames = rig_frames(PARTS, EXO_FRAME_FREE);
    const struct exo_result made = exo_pe_create(FRAMES, child.frames, PARTS);
    rig_need(made.error == EXO_OK, "a child can't be made");
    child.pe = (exo_handle){made.value};
    child.page =
        rig_map(RIG_CHILDREN + child.number * EXO_PAGE_SIZE, (exo_frame){child.frames.raw + 1}, EXO_READ | EXO_WRITE);
    child.page->mask = ~0ull;
    if (space == CHILD_ISOLATED) isolate(&child);
    const exo_frame root = space == CHILD_ISOLATED ? child.tables : rig.table4;
    rig_need(exo_pe_set_root(child.pe, FRAMES, root).error == EXO_OK, "a child can't be given its root");

    uint64_t *top = (uint64_t *)(child_stack(&child, EXO_UPCALL_start) - 8);
    *top = (uint64_t)child_return;
    for (uint64_t upcall = 0; upcall < EXO_UPCALLS; upcall++) {
        const bool start = upcall == EXO_UPCALL_start;
        const exo_vaddr entry = {(uint64_t)(start ? code : handlers[upcall])};
        const exo_vaddr stack = {start ? (uint64_t)top : child_stack(&child, (enum exo_upcall)upcall)};
        rig_need(exo_pe_set_entry(child.pe, upcall, entry, stack).error == EXO_OK, "a child's entry can't be set");
    }
    return child;
}

struct child child_new(enum child_space space, child_code *code) {
    return child_new_at(space, (const void *)code);
}

void child_start(const struct child *child, uint64_t argument) {
    rig_need(exo_pe_start(child->pe, argument).error == EXO_OK, "a child can't be started");
}

bool child_go(struct child *child, unsigned goes) {
    for (;; goes--) {
        rig_need(exo_pe_read(child->pe).error == EXO_OK, "a child's state can't be read");
        child->state = *(volatile struct exo_pe_state *)rig_page()->args;
        if (child->state.state == EXO_PE_ENDED) return true;
        if (child->state.state != EXO_PE_READY || goes == 0) return false;
        rig_need(exo_pe_yield(child->pe).error == EXO_OK, "a child can't be given the CPU");
    }
}

void child_run(struct child *child, uint64_t argument) {
    child_start(child, argument);
    rig_need(child_go(child, GOES_MAX), "a child does not end");
}

void child_release(struct child *child) {
    struct exo_result result;
    unsigned busy = 0; // transfers of its own have to end first
    do {
        result = exo_pe_destroy(child->pe);
        if (result.error == EXO_BUSY)
            rig_need(exo_pe_yield(EXO_NO_HANDLE).error == EXO_OK && ++busy < 1'000'000, "a child stays busy");
    } while (result.error == EXO_AGAIN || result.error == EXO_BUSY);
    rig_need(result.error == EXO_OK, "a child can't be destroyed");
    child_forget(child);
}

void child_forget(struct child *child) {
    rig_release(child->frames, PARTS);
    if (child->tables.raw != 0) {
        for (unsigned i = 0; i < TABLES; i++) rig_release((exo_frame){table(child, i)}, 1); // root first
    }
    taken[child->number] = false;
}

exo_handle child_grant(const struct child *child, exo_handle source, uint64_t first, uint64_t count, uint64_t rights) {
    const struct exo_result result = exo_binding_grant(source, child->pe, first, count, rights);
    rig_need(result.error == EXO_OK, "a child can't be granted a binding");
    return (exo_handle){result.value};
}
