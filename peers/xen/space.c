// SPDX-License-Identifier: MIT
// The guest's memory, as space.h describes it. Frames are static arrays of the image.
#include "peers/xen/space.h"
#include "peers/xen/guest.h"

constexpr uint64_t BASE = 0xffffffff80000000; // where Xen maps frame 0, as start.S asks
constexpr uint64_t TABLE = ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER | ENTRY_ACCESSED;
constexpr unsigned KERNEL_SLOT = 511; // of the top-level table, for the guest kernel's image; Xen's own are 256 to 271

typedef uint64_t table[512];
alignas(4096) volatile uint64_t space_entries[512];
alignas(4096) static table level2, level3, kernel_second, user_first, user_second;
alignas(4096) static uint8_t data[PAGES][4096];
alignas(4096) volatile uint8_t shared_page[4096];
alignas(4096) uint64_t space_order[512];
extern const uint8_t user_code[]; // guest.ld

uint64_t space_writable[PAGES], space_readable[PAGES];
struct space spaces[2];
static const uint64_t *machine_frames;
static uint64_t table_frame; // of space_entries

static uint64_t frame_of(const volatile void *address) {
    return machine_frames[((uint64_t)address - BASE) / PAGE];
}

static uint64_t entry_of(const volatile void *address, uint64_t flags) {
    return frame_of(address) * PAGE | flags;
}

static unsigned index_of(uint64_t address, unsigned level) {
    return address >> (12 + 9 * (level - 1)) & 511;
}

uint64_t space_slot(unsigned page) {
    return table_frame * PAGE + index_of(space_page(page), 1) * sizeof(uint64_t);
}

// Xen takes no table that the guest could still write to.
static void make_readable(const volatile void *page) {
    must(xen_update_va_mapping((uint64_t)page, entry_of(page, ENTRY_PRESENT | ENTRY_ACCESSED), XEN_FLUSH_PAGE),
         "making a page table read-only");
}

static void fill_region(void) {
    constexpr uint64_t rights = ENTRY_PRESENT | ENTRY_USER | ENTRY_ACCESSED | ENTRY_DIRTY;
    for (unsigned i = 0; i < PAGES; i++) {
        space_readable[i] = entry_of(data[i], rights);
        space_writable[i] = space_readable[i] | ENTRY_WRITE;
        space_entries[index_of(space_page(i), 1)] = space_writable[i];
    }
    space_entries[index_of(USER_ORDER, 1)] = entry_of(space_order, rights);
    space_entries[index_of(USER_CODE, 1)] = entry_of(user_code, rights);
    level2[index_of(REGION, 2)] = entry_of(space_entries, TABLE);
    level3[index_of(REGION, 3)] = entry_of(level2, TABLE);
}

void space_make(const struct xen_start *start) {
    machine_frames = (const uint64_t *)start->machine_frames;
    must(xen_update_va_mapping((uint64_t)shared_page,
                               start->shared_info | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_ACCESSED | ENTRY_DIRTY,
                               XEN_FLUSH_PAGE),
         "mapping the shared page");
    table_frame = frame_of(space_entries);
    fill_region();
    const uint64_t top = entry_of(level3, TABLE);
    const uint64_t *const first = (const uint64_t *)start->level4;
    kernel_second[KERNEL_SLOT] = first[KERNEL_SLOT];
    kernel_second[index_of(REGION, 4)] = user_first[index_of(REGION, 4)] = user_second[index_of(REGION, 4)] = top;
    kernel_second[index_of(REGION + SECOND, 4)] = user_second[index_of(REGION + SECOND, 4)] = top;
    const volatile void *const tables[] = {space_entries, level2, level3, kernel_second, user_first, user_second};
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) make_readable(tables[i]);

    spaces[0] = (struct space){frame_of(first), frame_of(user_first)};
    spaces[1] = (struct space){frame_of(kernel_second), frame_of(user_second)};
    const struct xen_update enter = {spaces[0].kernel * PAGE + index_of(REGION, 4) * sizeof(uint64_t), top};
    must(xen_mmu_update(&enter, 1), "entering the region into the first address space");
    const struct xen_operation operations[] = {
        {XEN_PIN_L4, spaces[0].user, 0},
        {XEN_PIN_L4, spaces[1].user, 0},
        {XEN_PIN_L4, spaces[1].kernel, 0},
        {XEN_NEW_USER_BASE, spaces[0].user, 0},
    };
    must(xen_mmuext(operations, sizeof operations / sizeof *operations), "making the address spaces");
}

int64_t space_rewrite(const uint64_t *entries) {
    const uint64_t above = frame_of(level2) * PAGE + index_of(REGION, 2) * sizeof(uint64_t), table = table_frame * PAGE;
    const struct xen_update out = {above, 0}, back = {above, table | TABLE};
    int64_t result = xen_mmu_update(&out, 1);
    result |= xen_update_va_mapping((uint64_t)space_entries, table | TABLE | ENTRY_DIRTY, XEN_FLUSH_NONE);
    if (result != 0) return result;
    for (unsigned i = 0; i < PAGES; i++) space_entries[index_of(REGION, 1) + i] = entries[i];
    result = xen_update_va_mapping((uint64_t)space_entries, table | ENTRY_PRESENT | ENTRY_ACCESSED, XEN_FLUSH_PAGE);
    return result | xen_mmu_update(&back, 1);
}
