// SPDX-License-Identifier: MIT
// Simulated physical memory: one anonymous mapping, frame numbers from 0, frame 0 never anybody's.
//
//   frame 1          the kernel's root table, whose upper half every root table copies
//   then             tables, machine information and frame table of slot 258, mapped as on the real machine
//   then             the boot package (one page), and what is free
//
// One frame behind the end is not accessible, as is what lies before the start.
#include <string.h>
#include <sys/mman.h>
#include "exo/arch/host/machine.h"
#include "exo/boot.h"
#include "exo/dev/disk.h"
#include "pe/package.h"
#include "pe/tlb.h"

static uint8_t *arena;
static uint64_t arena_frames;
static uint32_t *uses; // of each frame
static exo_frame next, root, machine_frame, package_frame, free_first;

void *arch_frame(exo_frame frame) {
    HOST_REQUIRE(frame.raw < arena_frames);
    return arena + (frame.raw << EXO_PAGE_SHIFT);
}

void arch_zero(exo_frame frame) {
    memset(arch_frame(frame), 0, EXO_PAGE_SIZE);
    uses[frame.raw]++;
}

uint32_t memory_use(exo_frame frame) {
    return uses[frame.raw];
}
exo_frame memory_root(void) {
    return root;
}
exo_frame host_free_first(void) {
    return free_first;
}

void arch_root_init(exo_frame frame) {
    const uint64_t *from = arch_frame(root);
    uint64_t *to = arch_frame(frame);
    for (unsigned slot = 256; slot <= 258; slot++) to[slot] = from[slot];
}

static exo_frame take(uint64_t count) {
    const exo_frame first = next;
    next.raw += count;
    HOST_REQUIRE(next.raw < arena_frames);
    return first;
}

// A page of the kernel's half; the tables on the way are made.
static void map(exo_vaddr address, exo_frame frame, uint64_t bits) {
    uint64_t *table = arch_frame(root);
    for (unsigned level = 4; level > 1; level--) {
        uint64_t *entry = &table[exo_table_index(address, level)];
        if (*entry == 0) *entry = take(1).raw << EXO_PAGE_SHIFT | EXO_ENTRY_PRESENT | EXO_ENTRY_WRITE | EXO_ENTRY_USER;
        table = arch_frame(exo_entry_frame((exo_entry){*entry}));
    }
    table[exo_table_index(address, 1)] = frame.raw << EXO_PAGE_SHIFT | EXO_ENTRY_PRESENT | EXO_ENTRY_NO_EXECUTE | bits;
}

void memory_make(uint64_t frames) {
    const uint64_t bytes = (frames + 2) << EXO_PAGE_SHIFT;
    uint8_t *mapping = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    HOST_REQUIRE(mapping != MAP_FAILED);
    arena = mapping + EXO_PAGE_SIZE;
    arena_frames = frames;
    HOST_REQUIRE(mprotect(arena, frames << EXO_PAGE_SHIFT, PROT_READ | PROT_WRITE) == 0);
    uses = calloc(frames, sizeof *uses);

    next = (exo_frame){1};
    root = take(1);
    const uint64_t table_pages = (frames * sizeof *frame_table + EXO_PAGE_SIZE - 1) >> EXO_PAGE_SHIFT;
    machine_frame = take(1);
    const exo_frame table_first = take(table_pages);
    frame_table = arch_frame(table_first);
    frame_count = frames;
    map((exo_vaddr){EXO_MACHINE_INFO}, machine_frame, EXO_ENTRY_USER);
    for (uint64_t i = 0; i < table_pages; i++)
        map((exo_vaddr){EXO_FRAME_TABLE + i * EXO_PAGE_SIZE}, (exo_frame){table_first.raw + i}, EXO_ENTRY_USER);
    // The kernel's own memory, in slot 256, is there but not for users.
    map((exo_vaddr){0xffff'8000'0000'0000}, root, EXO_ENTRY_WRITE);

    package_frame = take(1);
    for (uint64_t i = 0; i < frames; i++)
        frame_table[i].type = i < next.raw - 1 ? EXO_FRAME_KERNEL : i < next.raw ? EXO_FRAME_DATA : EXO_FRAME_FREE;
}

void memory_take_down(void) {
    if (arena == nullptr) return;
    munmap(arena - EXO_PAGE_SIZE, (arena_frames + 2) << EXO_PAGE_SHIFT);
    free(uses);
    arena = nullptr;
}

static void package_make(void) {
    struct exo_package *package = arch_frame(package_frame);
    *package = (struct exo_package){
        .magic = EXO_PACKAGE_MAGIC,
        .abi_version = EXO_ABI_VERSION,
        .bytes = EXO_PAGE_SIZE,
        .images = 1,
        .images_offset = sizeof *package,
    };
    struct exo_image *image = (struct exo_image *)(package + 1);
    *image = (struct exo_image){.name = "host", .entry = 0x1000};
}

void host_boot(uint64_t frames, uint64_t disk_blocks) {
    HOST_REQUIRE(frames >= 100);
    disk_take_down(); // transfers under way use the old machine's memory
    memory_take_down();
    memory_make(frames);
    disk_make(disk_blocks);
    disk_init();
    console_reset();
    cpu_reset();
    package_make();
    const exo_frame first = next;
    boot_first_pe(&(struct boot){
        .machine = arch_frame(machine_frame),
        .free_first = first,
        .free_count = frames - first.raw,
        .package_first = package_frame,
        .package_bytes = EXO_PAGE_SIZE,
    });
    cpu_leave_kernel();
    free_first = ((struct exo_first *)pe_page(host_current())->args)->free_first;
}
