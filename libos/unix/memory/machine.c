// SPDX-License-Identifier: MIT
// The machine of machine.h, from libos/core; and the division of what the PE was given, which needs its arguments.
#include "libos/unix/memory/machine.h"
#include "libos/core/disk.h"
#include "libos/core/files.h"
#include "libos/core/heap.h"
#include "libos/core/print.h"
#include "libos/core/space.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include "libos/unix/map.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/start.h"

// ---- places. Tables, and memory for good, in the pager's area; the heap, and above it the frames, in the heap's.

static uint64_t area_next = MAP_PAGER, heap_end = MAP_HEAP;

static uint64_t area_take(uint64_t *next, uint64_t end, uint64_t pages) {
    const uint64_t first = *next;
    if (pages > (end - first) / EXO_PAGE_SIZE || !space_reserve((exo_vaddr){first}, pages)) return 0;
    *next += pages * EXO_PAGE_SIZE;
    return first;
}

static bool area_fill(uint64_t first, uint64_t pages, uint32_t *number) {
    for (uint64_t i = 0; i < pages; i++) {
        const exo_frame frame = frames_take();
        if (frame.raw == 0 || space_map((exo_vaddr){first + i * EXO_PAGE_SIZE}, frame, EXO_READ | EXO_WRITE) != EXO_OK)
            return false;
        if (number != nullptr) number[i] = (uint32_t)frame.raw;
    }
    return true;
}

// Frames that were given back before are not zero.
static void *memory_in(uint64_t *next, uint64_t end, uint64_t bytes) {
    const uint64_t pages = (bytes + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE;
    const uint64_t first = area_take(next, end, pages);
    if (first == 0 || !area_fill(first, pages, nullptr)) return nullptr;
    __builtin_memset((void *)first, 0, pages * EXO_PAGE_SIZE);
    return (void *)first;
}

void *machine_memory(uint64_t bytes) {
    return memory_in(&area_next, MAP_PAGER_END, bytes);
}

char *machine_frames(uint64_t count, uint32_t *number) {
    const uint64_t first = area_take(&heap_end, UNIX_HEAP_END, count);
    return first != 0 && area_fill(first, count, number) ? (char *)first : nullptr;
}

uint64_t machine_frames_left(void) {
    return frames_left();
}

// ---- tables

bool machine_table(unsigned level, struct table *table) {
    static_assert(EXO_FRAME_TABLE3 == EXO_FRAME_TABLE1 + 2);
    const uint64_t view = area_take(&area_next, MAP_PAGER_END, 1);
    if (view == 0) return false;
    const exo_frame frame = frames_take_as(EXO_FRAME_TABLE1 + level - 1);
    if (frame.raw == 0 || space_map((exo_vaddr){view}, frame, EXO_READ) != EXO_OK) {
        area_next = view;
        return false;
    }
    *table = (struct table){frame, (const volatile uint64_t *)view};
    if (level < 3) return true;
    machine_put(table, MAP_BASE >> 30, exo_entry_for(start->table2, EXO_READ | EXO_WRITE | EXO_EXECUTE));
    machine_commit(0);
    return true;
}

static unsigned queued;

static struct exo_tlb_update *queue(void) {
    return (struct exo_tlb_update *)pe_page()->args;
}

void machine_put(const struct table *table, unsigned index, exo_entry entry) {
    if (queued == EXO_BATCH_MAX) machine_commit(0);
    queue()[queued++] = (struct exo_tlb_update){{table->frame.raw << EXO_PAGE_SHIFT | index * sizeof(uint64_t)}, entry};
}

// The kernel refuses nothing here: all frames and tables are this PE's, and of the right type.
static void check(enum exo_error error) {
    if (error != EXO_OK) machine_fail("the kernel refused a table entry: error %lu", (uint64_t)error);
}

void machine_commit(uint64_t flush) {
    const unsigned count = queued;
    queued = 0;
    memory.count.table_writes += count;
    if (count > 1) {
        check(exo_tlb_set_batch(space_tables, frames_binding, count, (exo_vaddr){flush}).error);
    } else if (count == 1) {
        const exo_vaddr page = {flush == MACHINE_FLUSH_ALL ? 0 : flush & ~(EXO_PAGE_SIZE - 1)};
        check(exo_tlb_set(space_tables, queue()->slot, frames_binding, queue()->entry, page).error);
        if (flush == MACHINE_FLUSH_ALL) (void)exo_tlb_flush((exo_vaddr){0}, 0);
    }
}

void machine_enter(const struct table *table) {
    const exo_frame frame = table == nullptr ? start->table3 : table->frame;
    *queue() = (struct exo_tlb_update){{start->table4.raw << EXO_PAGE_SHIFT},
                                       exo_entry_for(frame, EXO_READ | EXO_WRITE | EXO_EXECUTE)};
    check(exo_tlb_set_batch(space_tables, frames_binding, 1, (exo_vaddr){MACHINE_FLUSH_ALL}).error);
}

// ---- disk

bool machine_disk_put(enum exo_ring_operation operation, exo_frame frame, uint64_t block, uint32_t tag) {
    return disk_put(DISK_AHEAD, operation, frame, block, tag);
}

void machine_disk_kick(void) {
    disk_kick();
}

bool machine_disk_take(uint32_t *tag, enum exo_error *error) {
    while (!disk_completion(DISK_AHEAD, tag, error))
        if (!disk_wait(DISK_AHEAD)) return false;
    return true;
}

// ---- reports

void machine_report(const char *format, ...) {
    char line[1024];
    va_list list;
    va_start(list, format);
    format_list(line, sizeof line, format, list);
    va_end(list);
    report("%s", line);
}

void machine_fail(const char *format, ...) {
    char line[256];
    va_list list;
    va_start(list, format);
    format_list(line, sizeof line, format, list);
    va_end(list);
    pe_fail("%s", line);
}

// ---- the division

constexpr uint64_t SWAP_FACTOR = 8;  // times the memory
constexpr uint64_t HEAP_LEAST = 384; // pages: the file system's own cache, and some processes

static void swap_given(struct memory_plan *plan, uint64_t most) {
    enum files_error error;
    const struct disk_directory *directory = files_directory(&error);
    plan->swap_first = start_number("swap", directory == nullptr ? 0 : directory->swap_block);
    const uint64_t there = directory == nullptr ? 0 : directory->swap_blocks;
    plan->swap_blocks = start_number("swap_blocks", there < most ? there : most);
}

void memory_start(void) {
    const char *name = start_argument("policy");
    struct memory_plan plan = {
        .policy = memory_policy(name == nullptr ? "clock1" : name),
        .seed = start_number("seed", 1),
    };
    const uint64_t left = frames_left();
    const uint64_t heap = start_number("heap", HEAP_LEAST + left / 8);
    void *first = memory_in(&heap_end, UNIX_HEAP_END, heap * EXO_PAGE_SIZE);
    if (first == nullptr) pe_fail("a heap of %lu pages in %lu frames: there is too little memory", heap, left);
    heap_init(first, heap * EXO_PAGE_SIZE, true);

    const uint64_t kept = 128 + left / 16; // page tables and stacks
    plan.leaves = (uint32_t)left;
    swap_given(&plan, SWAP_FACTOR * left);
    const uint64_t rest = frames_left() > kept ? frames_left() - kept : 0;
    const uint64_t price = memory_price(plan.policy, rest, plan.swap_blocks) / EXO_PAGE_SIZE;
    const uint64_t windows = 2 * (rest / EXO_TABLE_ENTRIES + 2);
    plan.budget = start_number("frames", rest > price + windows ? rest - price - windows : 0);
    memory_divide(&plan);
}
