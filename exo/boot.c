// SPDX-License-Identifier: MIT
// The first PE: image 0 of the boot package, given every resource of the machine. Who else runs, and with what, is its
// decision (libos/init).
//
// Frames of the free run, in order: the PE's parts, tables 4 3 2, EXO_FIRST_TABLES1 level-1 tables for the image,
// level-1 tables for the package, the image. What is left stays free.
#include "exo/boot.h"
#include "exo/arch/arch.h"
#include "exo/dev/disk.h"
#include "exo/frame.h"
#include "exo/pe.h"
#include "exo/ring.h"
#include "pe/package.h"
#include "pe/tlb.h"

constexpr uint64_t GIB = 1ull << 30; // what a level-2 table spans

void slice_describe(struct exo_machine *machine);

// The frames handed out so far while the first PE is built.
struct builder {
    exo_frame next, end;
    uint64_t base;    // address of the GiB that everything lies in
    exo_frame table1; // its level-1 tables
};

static void require(bool condition, const char *sentence) {
    if (!condition) arch_panic(sentence);
}

static exo_frame take(struct builder *builder, enum exo_frame_type type) {
    require(builder->next.raw < builder->end.raw, "There is too little memory for the first library OS.");
    const exo_frame frame = builder->next;
    builder->next.raw++;
    frame_make(frame, type);
    return frame;
}

static void enter(exo_frame table, unsigned index, exo_frame frame, uint64_t rights) {
    ((uint64_t *)arch_frame(table))[index] = exo_entry_for(frame, rights).raw | EXO_ENTRY_USER;
    frame_mapped(frame);
}

// Maps a page of the first EXO_FIRST_TABLES1 × 2 MiB; `address` counts from the base.
static void map_low(const struct builder *builder, uint64_t address, exo_frame frame, uint64_t rights) {
    const uint64_t page = address >> EXO_PAGE_SHIFT;
    enter((exo_frame){builder->table1.raw + page / EXO_TABLE_ENTRIES}, page % EXO_TABLE_ENTRIES, frame, rights);
}

static void map_package(struct builder *builder, exo_frame table2, const struct boot *boot) {
    const uint64_t pages = (boot->package_bytes + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE;
    exo_frame table1 = {0};
    for (uint64_t i = 0; i < pages; i++) {
        const exo_vaddr address = {builder->base + EXO_FIRST_PACKAGE_VA + i * EXO_PAGE_SIZE};
        if (i % EXO_TABLE_ENTRIES == 0) {
            table1 = take(builder, EXO_FRAME_TABLE1);
            enter(table2, exo_table_index(address, 2), table1, EXO_READ);
        }
        enter(table1, exo_table_index(address, 1), (exo_frame){boot->package_first.raw + i}, EXO_READ);
    }
}

static void load_segment(struct builder *builder, const struct boot *boot, const struct exo_segment *segment) {
    constexpr uint64_t low = EXO_FIRST_TABLES1 * EXO_TABLE_ENTRIES;
    const uint64_t first = (segment->address - builder->base) >> EXO_PAGE_SHIFT; // large if it begins below
    require(first < low && segment->pages <= low - first && segment->file_pages <= segment->pages
                && segment->offset % EXO_PAGE_SIZE == 0
                && segment->offset / EXO_PAGE_SIZE + segment->file_pages <= boot->package_bytes / EXO_PAGE_SIZE,
            "The first image of the boot package does not fit its place in the address space.");
    for (uint64_t i = 0; i < segment->pages; i++) {
        const exo_frame frame = take(builder, EXO_FRAME_DATA);
        if (i < segment->file_pages) {
            const uint64_t *from =
                arch_frame((exo_frame){boot->package_first.raw + segment->offset / EXO_PAGE_SIZE + i});
            uint64_t *to = arch_frame(frame);
            for (unsigned word = 0; word < EXO_PAGE_SIZE / 8; word++) to[word] = from[word];
        }
        map_low(builder, (first + i) << EXO_PAGE_SHIFT, frame, segment->rights & 7);
    }
}

// Every resource of the machine, in the order of enum exo_first_binding.
static void grant_all(struct pe *pe, const struct boot *boot, uint64_t package_pages) {
    const struct {
        enum exo_kind kind;
        uint64_t first, count, rights;
    } grants[] = {
        {EXO_KIND_FRAMES, boot->free_first.raw, boot->free_count, EXO_ALL},
        {EXO_KIND_FRAMES, boot->package_first.raw, package_pages, EXO_READ | EXO_EXECUTE | EXO_GRANT},
        {EXO_KIND_EXTENT, 0, disk_blocks(), EXO_ALL},
        {EXO_KIND_SLICES, 0, EXO_SLICE_POSITIONS, EXO_ALL},
        {EXO_KIND_DEVICE, EXO_CONSOLE, 1, EXO_ALL},
        {EXO_KIND_DEVICE, EXO_REPORT, 1, EXO_ALL},
        {EXO_KIND_DEVICE, EXO_POWER, 1, EXO_ALL},
    };
    for (unsigned i = 0; i < sizeof grants / sizeof *grants; i++) {
        const struct sb_made made =
            sb_root(&derivations, &pe->bindings, grants[i].kind, grants[i].first, grants[i].count, grants[i].rights, 0);
        require(made.error == EXO_OK && (made.handle.raw & 0xffff) == i + 1, "The first bindings cannot be made.");
    }
}

static const struct exo_package *package_check(const struct boot *boot) {
    const struct exo_package *package = arch_frame(boot->package_first);
    require(boot->package_bytes >= EXO_PAGE_SIZE, "There is no boot package: give one to QEMU with -initrd.");
    require(package->magic == EXO_PACKAGE_MAGIC, "The boot module is no Bindery package.");
    require(package->abi_version == EXO_ABI_VERSION, "The boot package was made for another version of the ABI.");
    require(package->images >= 1 && package->images_offset <= EXO_PAGE_SIZE - sizeof(struct exo_image),
            "The boot package holds no image.");
    return package;
}

void boot_first_pe(const struct boot *boot) {
    const struct exo_package *package = package_check(boot);
    const struct exo_image *image = (const void *)((const uint8_t *)package + package->images_offset);
    constexpr uint64_t parts = 2 + PE_BINDING_FRAMES_MAX;
    require(boot->free_count > parts, "There is too little memory for the first library OS.");
    require(image->segments <= EXO_PACKAGE_SEGMENTS, "The first image of the boot package has too many segments.");
    const exo_vaddr base = {image->entry & -GIB};
    require(base.raw < EXO_USER_END, "The first image of the boot package lies above the user's addresses.");

    sb_list_init(&derivations);
    ring_init();
    struct sb_made none = {.error = EXO_OK};
    require(pe_make(nullptr, boot->free_first, parts, &none) == EXO_OK, "The first PE cannot be made.");
    struct pe *pe = arch_frame(boot->free_first);
    const uint64_t package_pages = (boot->package_bytes + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE;
    grant_all(pe, boot, package_pages);

    struct builder builder = {{boot->free_first.raw + parts}, {boot->free_first.raw + boot->free_count}, base.raw, {0}};
    const exo_frame table4 = take(&builder, EXO_FRAME_TABLE4);
    const exo_frame table3 = take(&builder, EXO_FRAME_TABLE3);
    const exo_frame table2 = take(&builder, EXO_FRAME_TABLE2);
    builder.table1 = builder.next;
    enter(table4, exo_table_index(base, 4), table3, EXO_READ | EXO_WRITE | EXO_EXECUTE);
    enter(table3, exo_table_index(base, 3), table2, EXO_READ | EXO_WRITE | EXO_EXECUTE);
    for (unsigned i = 0; i < EXO_FIRST_TABLES1; i++)
        enter(table2, i, take(&builder, EXO_FRAME_TABLE1), EXO_READ | EXO_WRITE | EXO_EXECUTE);
    map_package(&builder, table2, boot);
    map_low(&builder, EXO_FIRST_PE_PAGE, (exo_frame){boot->free_first.raw + 1}, EXO_READ | EXO_WRITE);
    for (uint64_t i = 0; i < image->segments; i++) load_segment(&builder, boot, &image->segment[i]);

    for (uint64_t i = table4.raw; i < builder.next.raw; i++) frame_table[i].writers = pe->writer;
    frame_mapped(table4);
    pe->root = table4.raw << EXO_PAGE_SHIFT;
    pe->context = (struct exo_context){.rip = image->entry, .rflags = 0x202};
    pe->state = EXO_PE_READY;
    *(struct exo_first *)pe_page(pe)->args = (struct exo_first){
        .frames_first = boot->free_first,
        .frames_count = boot->free_count,
        .free_first = builder.next,
        .table4 = table4,
        .table3 = table3,
        .table2 = table2,
        .table1 = builder.table1,
        .package_bytes = boot->package_bytes,
    };
    boot->machine->abi_version = EXO_ABI_VERSION;
    boot->machine->cpus = 1;
    boot->machine->frames = frame_count;
    boot->machine->disk_blocks = disk_blocks();
    boot->machine->tracing = package->flags & EXO_PACKAGE_TRACE ? 1 : 0;
    slice_describe(boot->machine);
    slice_assign(0, pe);
}
