// SPDX-License-Identifier: MIT
// Building a job's PE from its run of frames:
//
//   private · PE page · binding tables · level 4 · level 3 · level 2 · level-1 tables · start_info · image · pool
//   `---- the PE's own, not granted to it ----'   `--------------- granted with all rights ---------------'
//
// The address space is the one of libos/core/map.h. Image pages are copied, those that can't be written too: a PE is
// given nothing that another one sees.
#include "libos/core/frames.h"
#include "libos/core/map.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include "libos/init/init.h"
#include "pe/layout.h"
#include "pe/tlb.h"
#include <string.h>

// What is known of a PE while it is built.
struct build {
    struct child *child;
    const struct exo_image *image;
    exo_frame table4, table3, table2, table1; // level-1 tables in a row
    uint64_t tables1;
    exo_frame next; // not used yet
};

#define REFUSE(build, ...) (format_text((build)->child->detail, sizeof((build)->child->detail), __VA_ARGS__), false)

static uint64_t image_end(const struct exo_image *image) {
    uint64_t end = MAP_IMAGE;
    for (uint64_t i = 0; i < image->segments; i++) {
        const uint64_t segment_end = image->segment[i].address + image->segment[i].pages * EXO_PAGE_SIZE;
        if (segment_end > end) end = segment_end;
    }
    return end;
}

static uint64_t tables_for(const struct exo_image *image) {
    return (image_end(image) - MAP_BASE + MAP_TABLE_SPAN - 1) / MAP_TABLE_SPAN;
}

uint64_t child_least_frames(const struct child *child, const struct exo_image *image) {
    uint64_t frames =
        child->parts + 3 + tables_for(image) + 1 + 2; // and what core takes to start: free list, its table
    for (uint64_t i = 0; i < image->segments; i++) frames += image->segment[i].pages;
    return frames;
}

static bool segment_fits(const struct exo_segment *segment) {
    const uint64_t bytes = package()->bytes, file_bytes = segment->file_pages * EXO_PAGE_SIZE;
    return segment->address % EXO_PAGE_SIZE == 0 && segment->address >= MAP_IMAGE && segment->address < MAP_IMAGE_END
           && segment->pages <= (MAP_IMAGE_END - segment->address) / EXO_PAGE_SIZE
           && segment->file_pages <= segment->pages && segment->offset % EXO_PAGE_SIZE == 0 && segment->offset <= bytes
           && file_bytes <= bytes - segment->offset
           && (segment->rights & ~(uint64_t)(EXO_READ | EXO_WRITE | EXO_EXECUTE)) == 0 && (segment->rights & EXO_READ);
}

const struct exo_image *image_find(uint64_t index) {
    const struct exo_package *from = package();
    const uint64_t at = from->images_offset + index * sizeof(struct exo_image);
    if (index >= from->images || at > from->bytes || sizeof(struct exo_image) > from->bytes - at) return nullptr;
    const struct exo_image *image = (const struct exo_image *)((const char *)from + at);
    if (image->segments > EXO_PACKAGE_SEGMENTS) return nullptr;
    for (uint64_t i = 0; i < image->segments; i++)
        if (!segment_fits(&image->segment[i])) return nullptr;
    return image;
}

// The job's argument string, or null if it doesn't lie in the package or is too long.
static const char *arguments_of(const struct exo_job *job) {
    const struct exo_package *from = package();
    if (job->arguments >= from->bytes) return nullptr;
    const char *text = (const char *)from + job->arguments;
    const uint64_t rest = from->bytes - job->arguments;
    const uint64_t most = rest < START_ARGUMENTS ? rest : START_ARGUMENTS;
    return memchr(text, '\0', most) == nullptr ? nullptr : text;
}

// ---- steps; each says in child->detail why it failed ----

static bool retype(struct build *build, exo_frame from, uint64_t count, enum exo_frame_type type) {
    while (count > 0) {
        const struct exo_result result = exo_frame_retype(frames_binding, from, count, type);
        if (result.error != EXO_OK && result.error != EXO_AGAIN)
            return REFUSE(build, "frame %#lx cannot be typed: error %lu", from.raw + result.value,
                          (uint64_t)result.error);
        from.raw += result.value;
        count -= result.value;
    }
    return true;
}

static bool set(struct build *build, exo_frame table, uint64_t index, exo_frame frame, uint64_t rights) {
    const exo_paddr slot = {table.raw << EXO_PAGE_SHIFT | index * sizeof(uint64_t)};
    const struct exo_result result =
        exo_tlb_set(frames_binding, slot, frames_binding, exo_entry_for(frame, rights), (exo_vaddr){0});
    return result.error == EXO_OK || REFUSE(build, "a table entry is refused: error %lu", (uint64_t)result.error);
}

static bool map(struct build *build, uint64_t address, exo_frame frame, uint64_t rights) {
    const exo_frame table = {build->table1.raw + (address - MAP_BASE) / MAP_TABLE_SPAN};
    return set(build, table, exo_table_index((exo_vaddr){address}, 1), frame, rights);
}

// The same for frames in a row, many in a call.
static bool map_run(struct build *build, uint64_t address, exo_frame frame, uint64_t pages, uint64_t rights) {
    struct exo_tlb_update *updates = (struct exo_tlb_update *)pe_page()->args;
    enum exo_error error = EXO_OK;
    for (uint64_t done = 0; done < pages && error == EXO_OK;) {
        const uint64_t count = pages - done < EXO_BATCH_MAX ? pages - done : EXO_BATCH_MAX;
        const uint64_t held = events_hold();
        for (uint64_t i = 0; i < count; i++, done++) {
            const uint64_t page = ((address - MAP_BASE) >> EXO_PAGE_SHIFT) + done;
            updates[i] = (struct exo_tlb_update){
                {(build->table1.raw << EXO_PAGE_SHIFT) + page * sizeof(uint64_t)}, // the tables lie in a row
                exo_entry_for((exo_frame){frame.raw + done}, rights),
            };
        }
        error = exo_tlb_set_batch(frames_binding, frames_binding, count, (exo_vaddr){0}).error;
        events_release(held);
    }
    return error == EXO_OK || REFUSE(build, "a table entry is refused: error %lu", (uint64_t)error);
}

static bool make_tables(struct build *build) {
    exo_frame next = {build->child->first.raw + build->child->parts};
    build->table4 = (exo_frame){next.raw++};
    build->table3 = (exo_frame){next.raw++};
    build->table2 = (exo_frame){next.raw++};
    build->table1 = next;
    build->tables1 = tables_for(build->image);
    build->next = (exo_frame){next.raw + build->tables1};
    const uint64_t all = EXO_READ | EXO_WRITE | EXO_EXECUTE;
    constexpr exo_vaddr base = {MAP_BASE};
    if (!retype(build, build->table4, 1, EXO_FRAME_TABLE4) || !retype(build, build->table3, 1, EXO_FRAME_TABLE3)
        || !retype(build, build->table2, 1, EXO_FRAME_TABLE2)
        || !retype(build, build->table1, build->tables1, EXO_FRAME_TABLE1)
        || !set(build, build->table4, exo_table_index(base, 4), build->table3, all)
        || !set(build, build->table3, exo_table_index(base, 3), build->table2, all))
        return false;
    for (uint64_t i = 0; i < build->tables1; i++)
        if (!set(build, build->table2, i, (exo_frame){build->table1.raw + i}, all)) return false;
    return map_run(build, MAP_WINDOW, build->table1, build->tables1, EXO_READ);
}

static bool copy_pages(struct build *build, exo_frame to, const void *from, uint64_t pages) {
    for (uint64_t done = 0; done < pages;) {
        const uint64_t count = pages - done < SCRATCH_PAGES ? pages - done : SCRATCH_PAGES;
        void *window = scratch_map((exo_frame){to.raw + done}, count, EXO_READ | EXO_WRITE);
        if (window == nullptr) return REFUSE(build, "its frames cannot be seen");
        memcpy(window, (const char *)from + done * EXO_PAGE_SIZE, count * EXO_PAGE_SIZE);
        scratch_unmap(count);
        done += count;
    }
    return true;
}

static bool load_image(struct build *build) {
    for (uint64_t i = 0; i < build->image->segments; i++) {
        const struct exo_segment *segment = &build->image->segment[i];
        const exo_frame frames = build->next;
        build->next.raw += segment->pages;
        if (!retype(build, frames, segment->pages, EXO_FRAME_DATA)
            || !copy_pages(build, frames, (const char *)package() + segment->offset, segment->file_pages)
            || !map_run(build, segment->address, frames, segment->pages, segment->rights))
            return false;
    }
    return true;
}

static bool make_pe(struct build *build) {
    struct child *child = build->child;
    const struct exo_result made = exo_pe_create(frames_binding, child->first, child->parts);
    if (made.error != EXO_OK) return REFUSE(build, "its PE cannot be made: error %lu", (uint64_t)made.error);
    child->pe = (exo_handle){made.value};
    const exo_vaddr entry = {build->image->entry};
    enum exo_error error = exo_pe_set_root(child->pe, frames_binding, build->table4).error;
    if (error == EXO_OK) error = exo_pe_set_entry(child->pe, EXO_UPCALL_start, entry, (exo_vaddr){0}).error;
    if (error != EXO_OK) return REFUSE(build, "its PE cannot be set up: error %lu", (uint64_t)error);
    return map(build, MAP_PE_PAGE, (exo_frame){child->first.raw + 1}, EXO_READ | EXO_WRITE);
}

static bool grant(struct build *build, enum exo_first_binding source, uint64_t from, uint64_t count, uint64_t rights,
                  exo_handle *handle) {
    const struct exo_result result = exo_binding_grant(first_binding(source), build->child->pe, from, count, rights);
    *handle = (exo_handle){result.value};
    return result.error == EXO_OK
           || REFUSE(build, "binding %lu cannot be granted: error %lu", (uint64_t)source, (uint64_t)result.error);
}

static bool grant_all(struct build *build, struct start_info *info) {
    const struct exo_job *job = build->child->job;
    const uint64_t disk = ((const volatile struct exo_machine *)EXO_MACHINE_INFO)->disk_blocks;
    if (job->blocks > disk || job->block > disk - job->blocks)
        return REFUSE(build, "it wants disk blocks %lu to %lu, the disk has %lu", job->block,
                      job->block + job->blocks - 1, disk);
    return grant(build, EXO_FIRST_FRAMES, info->frames_first.raw, info->frames_count, EXO_ALL, &info->frames)
           && (job->blocks == 0
               || grant(build, EXO_FIRST_DISK, job->block, job->blocks, EXO_READ | EXO_WRITE, &info->extent))
           && grant(build, EXO_FIRST_CONSOLE, EXO_CONSOLE, 1, EXO_READ | EXO_WRITE, &info->console)
           && grant(build, EXO_FIRST_REPORT, EXO_REPORT, 1, EXO_WRITE, &info->report);
}

// Grants the bindings and tells the PE of them.
static bool make_start_info(struct build *build) {
    static struct start_info info;
    const struct child *child = build->child;
    const char *arguments = arguments_of(child->job);
    if (arguments == nullptr) return REFUSE(build, "its arguments are longer than %u bytes", START_ARGUMENTS - 1);
    const exo_frame frame = build->next;
    build->child->info = frame;
    build->next.raw++;
    memset(&info, 0, sizeof(info));
    info.magic = START_MAGIC;
    info.job = child->number;
    info.flags = package()->flags;
    info.frames_first = (exo_frame){child->first.raw + child->parts};
    info.frames_count = child->count - child->parts;
    lease_tell(child, &info.lease);
    info.pool_first = build->next;
    info.table4 = build->table4;
    info.table3 = build->table3;
    info.table2 = build->table2;
    info.block = child->job->block;
    info.blocks = child->job->blocks;
    strcpy(info.arguments, arguments);
    return grant_all(build, &info) && retype(build, frame, 1, EXO_FRAME_DATA) && copy_pages(build, frame, &info, 1)
           && map(build, MAP_START_INFO, frame, EXO_READ | EXO_WRITE);
}

// Makes everything free again after a step failed. Tables come before what they name, so one pass does.
static void abandon(struct child *child) {
    if (child->pe.raw != 0) child_remove(child);
    char refusal[sizeof(child->detail)];
    memcpy(refusal, child->detail, sizeof(refusal));
    struct build all = {.child = child};
    (void)retype(&all, child->first, child->count, EXO_FRAME_FREE);
    memcpy(child->detail, refusal, sizeof(refusal));
}

bool child_build(struct child *child) {
    struct build build = {.child = child, .image = image_find(child->job->image)};
    if (make_tables(&build) && load_image(&build) && make_pe(&build) && make_start_info(&build)) return true;
    abandon(child);
    return false;
}
