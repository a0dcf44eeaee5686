// SPDX-License-Identifier: MIT
// From the loader's description of the machine (PVH: struct hvm_start_info) to the first PE.
//
// Physical memory after this: kernel image, kernel tables, frame table, then the one free run up to the boot package,
// or from behind it to the end of memory, whichever is longer.
#include "exo/arch/arch.h"
#include "exo/arch/x86_64/machine.h"
#include "exo/arch/x86_64/memory.h"
#include "exo/boot.h"
#include "exo/dev/disk.h"
#include "exo/frame.h"
#include "exo/pe.h"
#include "pe/package.h"
#include "pe/tlb.h"

// Xen, "x86/HVM direct boot ABI"; all addresses are physical.
struct hvm_start_info {
    uint32_t magic, version, flags, modules;
    uint64_t module_list, command_line, rsdp, memory_map;
    uint32_t memory_map_entries, reserved;
};
struct hvm_module {
    uint64_t address, bytes, command_line, reserved;
};
struct hvm_memory {
    uint64_t address, bytes;
    uint32_t type, reserved;
};
constexpr uint32_t HVM_MAGIC = 0x336ec578;
constexpr uint32_t HVM_MEMORY_USABLE = 1;
// Half of root-table slot 256 would hold more; but then so many tables could name one frame that its `maps` overflow.
constexpr uint64_t MEMORY_LIMIT = 1ull << 35;
static_assert(MEMORY_LIMIT / EXO_PAGE_SIZE * EXO_TABLE_ENTRIES - 1 <= UINT32_MAX);

extern char kernel_end[], boot_stack_top[];
struct x86_cpu boot_cpu;

struct run {
    uint64_t first, end; // physical addresses, page-aligned
};

static const void *physical(uint64_t address) {
    return (const void *)(ARCH_DIRECT_MAP + address);
}

// The run of usable memory that the kernel stands in; others are left alone.
static struct run kernel_memory(const struct hvm_start_info *info) {
    const struct hvm_memory *map = physical(info->memory_map);
    const uint64_t kernel = arch_kernel_paddr(kernel_end).raw;
    for (uint32_t i = 0; i < info->memory_map_entries; i++) {
        const uint64_t end = map[i].address + map[i].bytes;
        if (map[i].type == HVM_MEMORY_USABLE && map[i].address < kernel && kernel < end && end <= MEMORY_LIMIT)
            return (struct run){map[i].address, end & ~(EXO_PAGE_SIZE - 1)};
    }
    arch_panic("The loader's memory map does not hold the kernel.");
}

static void set_type(uint64_t first, uint64_t end, enum exo_frame_type type) {
    for (uint64_t frame = first >> EXO_PAGE_SHIFT; frame < end >> EXO_PAGE_SHIFT; frame++)
        frame_table[frame].type = type;
}

// Lays the frame table out behind the kernel's tables, everything in it the kernel's.
static void frame_table_make(struct run memory, uint64_t machine_frame) {
    frame_count = memory.end >> EXO_PAGE_SHIFT;
    const uint64_t bytes = frame_count * sizeof *frame_table;
    const uint64_t pages = (bytes + EXO_PAGE_SIZE - 1) >> EXO_PAGE_SHIFT;
    const uint64_t first = memory_take_frame();
    for (uint64_t i = 1; i < pages; i++) memory_take_frame();
    frame_table = (struct exo_frame_info *)physical(first);
    set_type(0, memory.end, EXO_FRAME_KERNEL);
    memory_share(EXO_FRAME_TABLE, first, pages << EXO_PAGE_SHIFT);
    memory_share(EXO_MACHINE_INFO, machine_frame, EXO_PAGE_SIZE);
}

// The longer of the runs before and behind the package.
static struct run free_run(struct run memory, struct run package) {
    const uint64_t used = memory_tables_end();
    const struct run before = {used, package.first}, behind = {package.end, memory.end};
    const bool early = package.first >= used && package.first - used >= memory.end - package.end;
    return early ? before : behind;
}

[[noreturn]] void start(uint64_t info_address) {
    boot_cpu.cpu.kernel_stack = (uint64_t)boot_stack_top;
    boot_cpu.cpu.flushed = 1;
    console_init();
    const struct hvm_start_info *info = physical(info_address);
    if (info->magic != HVM_MAGIC || info->version < 1) arch_panic("The loader does not speak PVH version 1.");
    const struct run memory = kernel_memory(info);
    struct run package = {memory.end, memory.end};
    uint64_t package_bytes = 0;
    if (info->modules > 0) {
        const struct hvm_module *module = physical(info->module_list);
        package_bytes = module->bytes;
        package =
            (struct run){module->address, (module->address + package_bytes + EXO_PAGE_SIZE - 1) & ~(EXO_PAGE_SIZE - 1)};
        if (package.first % EXO_PAGE_SIZE != 0 || package.end > memory.end || package_bytes >= 512ull << 20)
            arch_panic("The boot package lies outside of the kernel's memory.");
    }
    memory_load(memory.end, arch_kernel_paddr(kernel_end).raw);
    const uint64_t machine_frame = memory_take_frame();
    struct exo_machine *machine = (struct exo_machine *)physical(machine_frame);
    frame_table_make(memory, machine_frame);

    const struct exo_package *header = physical(package.first);
    trap_init(package_bytes != 0 && header->magic == EXO_PACKAGE_MAGIC && (header->flags & EXO_PACKAGE_TRACE));
    apic_init();
    disk_init();
    const struct run free = free_run(memory, package);
    set_type(free.first, free.end, EXO_FRAME_FREE);
    set_type(package.first, package.end, EXO_FRAME_DATA);
    boot_first_pe(&(struct boot){
        .machine = machine,
        .free_first = {free.first >> EXO_PAGE_SHIFT},
        .free_count = (free.end - free.first) >> EXO_PAGE_SHIFT,
        .package_first = {package.first >> EXO_PAGE_SHIFT},
        .package_bytes = package_bytes,
    });
    leave_kernel();
}
