// SPDX-License-Identifier: MIT
// Init's own address space, which the kernel has made (pe/package.h): 8 MiB of level-1 tables, and the package. Of
// that, the image has the first MiB from MAP_IMAGE; above lie the views and the scratch window.
#include "libos/core/print.h"
#include "libos/core/space.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include "libos/init/init.h"
#include "pe/layout.h"

constexpr uint64_t VIEWS = MAP_BASE + 0x50'0000;
constexpr uint64_t SCRATCH = MAP_BASE + 0x60'0000;
constexpr uint64_t INFOS = VIEWS + GROUP_JOBS * EXO_PAGE_SIZE;
static_assert(INFOS + GROUP_JOBS * EXO_PAGE_SIZE <= SCRATCH);
static_assert(SCRATCH + SCRATCH_PAGES * EXO_PAGE_SIZE <= MAP_BASE + EXO_FIRST_TABLES1 * MAP_TABLE_SPAN);

struct exo_first first;
static struct start_info own;
extern char stack_interrupt_top[]; // the image's end

const struct exo_package *package(void) {
    return (const struct exo_package *)(MAP_BASE + EXO_FIRST_PACKAGE_VA);
}

// The kernel has told nobody but us: make what init would make for a PE. There is no pool.
void start_prepare(void) {
    first = *(const struct exo_first *)pe_page()->args;
    own = (struct start_info){
        .magic = START_MAGIC,
        .job = START_INIT,
        .frames = first_binding(EXO_FIRST_FRAMES),
        .table4 = first.table4,
        .table3 = first.table3,
        .table2 = first.table2,
        .console = first_binding(EXO_FIRST_CONSOLE),
        .report = first_binding(EXO_FIRST_REPORT),
        .power = first_binding(EXO_FIRST_POWER),
    };
    start = &own;
    // The window shows the tables that are there. It is mapped by the second of them.
    const exo_paddr window = {(first.table1.raw + (MAP_WINDOW - MAP_BASE) / MAP_TABLE_SPAN) << EXO_PAGE_SHIFT};
    for (unsigned i = 0; i < EXO_FIRST_TABLES1; i++) {
        const exo_paddr slot = {window.raw + i * sizeof(uint64_t)};
        const exo_entry entry = exo_entry_for((exo_frame){first.table1.raw + i}, EXO_READ);
        if (exo_tlb_set(own.frames, slot, own.frames, entry, (exo_vaddr){0}).error != EXO_OK)
            machine_stop(PE_FAILED / 2);
    }
    if ((uint64_t)stack_interrupt_top > VIEWS) pe_fail("its image is larger than its place");
}

void machine_stop(uint64_t status) {
    (void)exo_machine_off(first_binding(EXO_FIRST_POWER), status);
    __builtin_trap();
}

// Nobody would go on after init: the machine stops with it.
void pe_end(uint32_t status) {
    machine_stop(status / 2);
}

static bool is_free(uint64_t frame) {
    const volatile struct exo_frame_info *info = (const volatile struct exo_frame_info *)EXO_FRAME_TABLE + frame;
    return info->type == EXO_FRAME_FREE && info->maps == 0 && info->pins == 0;
}

exo_frame run_find(exo_frame from, uint64_t count) {
    const uint64_t end = first.frames_first.raw + first.frames_count;
    uint64_t length = 0;
    for (uint64_t frame = from.raw; frame < end; frame++) {
        length = is_free(frame) ? length + 1 : 0;
        if (length == count) return (exo_frame){frame + 1 - count};
    }
    return (exo_frame){0};
}

exo_frame run_largest(exo_frame from, uint64_t *count) {
    const uint64_t end = first.frames_first.raw + first.frames_count;
    uint64_t length = 0;
    exo_frame best = {0};
    *count = 0;
    for (uint64_t frame = from.raw; frame < end; frame++) {
        length = is_free(frame) ? length + 1 : 0;
        if (length <= *count) continue;
        *count = length;
        best = (exo_frame){frame + 1 - length};
    }
    return best;
}

void *scratch_map(exo_frame frame, uint64_t count, uint64_t rights) {
    if (count > SCRATCH_PAGES || space_map_run((exo_vaddr){SCRATCH}, frame, count, rights) != EXO_OK) return nullptr;
    return (void *)SCRATCH;
}

void scratch_unmap(uint64_t count) {
    struct exo_tlb_update *updates = (struct exo_tlb_update *)pe_page()->args;
    const uint64_t held = events_hold();
    for (uint64_t i = 0; i < count; i++)
        updates[i] = (struct exo_tlb_update){space_slot((exo_vaddr){SCRATCH + i * EXO_PAGE_SIZE}), {0}};
    const struct exo_result result = exo_tlb_set_batch(own.frames, own.frames, count, (exo_vaddr){SCRATCH});
    events_release(held);
    if (result.error != EXO_OK) pe_fail("the scratch window cannot be unmapped: error %lu", (uint64_t)result.error);
}

const struct exo_pe_page *view_map(unsigned place, exo_frame page) {
    const exo_vaddr address = {VIEWS + place * EXO_PAGE_SIZE};
    return space_map(address, page, EXO_READ) == EXO_OK ? (const struct exo_pe_page *)address.raw : nullptr;
}

void view_unmap(unsigned place) {
    (void)space_unmap((exo_vaddr){VIEWS + place * EXO_PAGE_SIZE});
}

struct start_info *info_map(unsigned place, exo_frame page) {
    const exo_vaddr address = {INFOS + place * EXO_PAGE_SIZE};
    return space_map(address, page, EXO_READ | EXO_WRITE) == EXO_OK ? (struct start_info *)address.raw : nullptr;
}

void info_unmap(unsigned place) {
    (void)space_unmap((exo_vaddr){INFOS + place * EXO_PAGE_SIZE});
}
