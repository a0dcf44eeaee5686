// SPDX-License-Identifier: MIT
// The kernel's own address space: root-table slots 256 to 258, the same in every address space.
//
//   slot 256  direct map of all physical memory: writable but for the kernel's text and constants, never executable
//   slot 257  the kernel image (text: execute; constants: read; data: write), and device registers above it
//   slot 258  what every PE may read: machine information and the frame table
//
// The tables are made once, at boot, from frames right behind the kernel image, and never change afterwards, but for
// device mappings during boot. No page is both writable and executable.
#include "exo/arch/arch.h"
#include "exo/arch/x86_64/machine.h"
#include "exo/arch/x86_64/memory.h"
#include "exo/frame.h"

extern char kernel_text[], kernel_rodata[], kernel_data[], kernel_end[];

enum {
    P = 1 << 0,
    W = 1 << 1,
    U = 1 << 2,
    UNCACHED = 1 << 4,
    LARGE = 1 << 7,
    GLOBAL = 1 << 8,
};
constexpr uint64_t NX = 1ull << 63;
constexpr uint64_t LARGE_SIZE = 2ull << 20;
constexpr uint64_t DEVICE_WINDOW = KERNEL_BASE + (1ull << 38); // slot 257, second half

static uint64_t kernel_root[512] __attribute__((aligned(4096)));
static uint64_t next_table; // physical address of the next frame for a table
static uint64_t next_device = DEVICE_WINDOW;

exo_paddr arch_kernel_paddr(const void *object) {
    return (exo_paddr){(uint64_t)object - KERNEL_BASE};
}

uint64_t memory_take_frame(void) {
    const uint64_t table = next_table;
    next_table += EXO_PAGE_SIZE;
    uint64_t *entries = arch_frame((exo_frame){table >> EXO_PAGE_SHIFT});
    for (unsigned i = 0; i < 512; i++) entries[i] = 0;
    return table;
}

// The entry for an address in the table of a level, making the tables above it.
static uint64_t *entry_at(uint64_t address, unsigned level) {
    uint64_t *table = kernel_root;
    for (unsigned at = 4; at > level; at--) {
        uint64_t *entry = &table[address >> (12 + 9 * (at - 1)) & 511];
        if (!(*entry & P)) *entry = memory_take_frame() | P | W | U;
        table = arch_frame((exo_frame){(*entry & 0x000f'ffff'ffff'f000) >> EXO_PAGE_SHIFT});
    }
    return &table[address >> (12 + 9 * (level - 1)) & 511];
}

static void map(uint64_t address, uint64_t physical, uint64_t bytes, uint64_t flags) {
    for (uint64_t at = 0; at < bytes; at += EXO_PAGE_SIZE) *entry_at(address + at, 1) = (physical + at) | flags | P;
}

// The direct map: large pages, but small ones around the kernel image, so that its text can't be written there either.
static void map_directly(uint64_t physical_end) {
    const uint64_t text = arch_kernel_paddr(kernel_text).raw, data = arch_kernel_paddr(kernel_data).raw;
    for (uint64_t at = 0; at < physical_end; at += LARGE_SIZE) {
        if (at + LARGE_SIZE <= text || at >= data) {
            *entry_at(ARCH_DIRECT_MAP + at, 2) = at | LARGE | W | GLOBAL | NX | P;
            continue;
        }
        for (uint64_t page = at; page < at + LARGE_SIZE; page += EXO_PAGE_SIZE)
            map(ARCH_DIRECT_MAP + page, page, EXO_PAGE_SIZE, GLOBAL | NX | (page >= text && page < data ? 0 : W));
    }
}

static void map_image(void) {
    const struct {
        char *first, *end;
        uint64_t flags;
    } parts[] = {
        {kernel_text, kernel_rodata, 0},
        {kernel_rodata, kernel_data, NX},
        {kernel_data, kernel_end, NX | W},
    };
    for (unsigned i = 0; i < 3; i++)
        map((uint64_t)parts[i].first, arch_kernel_paddr(parts[i].first).raw, (uint64_t)(parts[i].end - parts[i].first),
            parts[i].flags | GLOBAL);
}

void memory_load(uint64_t physical_end, uint64_t tables) {
    next_table = tables;
    map_directly(physical_end);
    map_image();
    *entry_at(EXO_MACHINE_INFO, 3) = memory_take_frame() | P | W | U; // slots 257 and 258 must have their tables now:
    *entry_at(DEVICE_WINDOW, 3) = memory_take_frame() | P | W;        // roots of PEs copy the slots, not their contents
    __asm__ volatile("movq %0, %%cr3" ::"r"(arch_kernel_paddr(kernel_root).raw) : "memory");
}

void memory_share(uint64_t address, uint64_t physical, uint64_t bytes) {
    map(address, physical, bytes, U | NX | GLOBAL);
}

uint64_t memory_tables_end(void) {
    return next_table;
}

volatile void *arch_device_map(exo_paddr base, uint64_t bytes) {
    const uint64_t offset = base.raw % EXO_PAGE_SIZE;
    const uint64_t length = (offset + bytes + EXO_PAGE_SIZE - 1) & ~(EXO_PAGE_SIZE - 1);
    if (length > LARGE_SIZE || next_device + length > DEVICE_WINDOW + (1ull << 30)) return nullptr;
    const uint64_t address = next_device;
    next_device += length;
    map(address, base.raw - offset, length, W | NX | UNCACHED | GLOBAL);
    return (volatile void *)(address + offset);
}

void arch_root_init(exo_frame root) {
    uint64_t *entries = arch_frame(root);
    for (unsigned slot = 256; slot <= 258; slot++) entries[slot] = kernel_root[slot];
}

void arch_zero(exo_frame frame) {
    uint64_t *at = arch_frame(frame);
    uint64_t count = EXO_PAGE_SIZE / 8;
    __asm__ volatile("rep stosq" : "+D"(at), "+c"(count) : "a"(0ull) : "memory");
}

void arch_flush_all(void) {
    uint64_t root;
    __asm__ volatile("movq %%cr3, %0; movq %0, %%cr3" : "=r"(root)::"memory");
    frame_tlb_flushed();
}
