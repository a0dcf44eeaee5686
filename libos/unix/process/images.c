// SPDX-License-Identifier: MIT
// See images.h.
#include "libos/unix/process/images.h"
#include "libos/core/heap.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/object.h"

constexpr unsigned IMAGES_MOST = 8;
constexpr uint64_t MEMORY_SHARE = 8; // of memory and swap space that is free: what code may take

static struct image *images; // the one last asked for first

static bool is_code(const struct elf_segment *segment) {
    return (segment->rights & VM_EXECUTE) && !(segment->rights & VM_WRITE) && segment->file_end > segment->first;
}
static uint64_t first_page(const struct elf_segment *segment) {
    return segment->first & ~(EXO_PAGE_SIZE - 1);
}
static uint64_t bytes_of(const struct elf_segment *segment) {
    return (segment->file_end - first_page(segment) + EXO_PAGE_SIZE - 1) & ~(EXO_PAGE_SIZE - 1);
}

uint64_t image_veneers(const struct elf_image *program) {
    return (program->end + EXO_PAGE_SIZE - 1) & ~(EXO_PAGE_SIZE - 1);
}

uint64_t image_place(const struct elf_image *program, uint64_t window, uint64_t at, uint64_t bytes) {
    uint64_t place = window + VENEERS_BYTES;
    for (unsigned i = 0; i < program->segment_count; i++) {
        const struct elf_segment *segment = &program->segments[i];
        if (!is_code(segment)) continue;
        if (at >= segment->first && at < segment->file_end && bytes <= segment->file_end - at)
            return place + (at - first_page(segment));
        place += bytes_of(segment);
    }
    return 0;
}

struct image *image_find(uint64_t version) {
    for (struct image **link = &images; *link != nullptr; link = &(*link)->next) {
        struct image *found = *link;
        if (found->version != version) continue;
        *link = found->next;
        found->next = images;
        return images = found;
    }
    return nullptr;
}

static void release(struct image *image) {
    if (image->memory != nullptr) object_release(image->memory);
    heap_release(image);
}

// Those past the last that may be kept.
static void trim(void) {
    struct image **link = &images;
    for (unsigned i = 0; i < IMAGES_MOST && *link != nullptr; i++) link = &(*link)->next;
    while (*link != nullptr) {
        struct image *last = *link;
        *link = last->next;
        release(last);
    }
}

static bool copy_code(const struct program *program, uint64_t window) {
    uint64_t place = window + VENEERS_BYTES;
    for (unsigned i = 0; i < program->image.segment_count; i++) {
        const struct elf_segment *segment = &program->image.segments[i];
        if (!is_code(segment)) continue;
        const uint64_t from = segment->offset & ~(EXO_PAGE_SIZE - 1), bytes = bytes_of(segment);
        if (cache_read(program->file, from, (void *)place, bytes) < (int64_t)(segment->file_end - first_page(segment)))
            return false;
        place += bytes;
    }
    return true;
}

static bool has_room(uint64_t bytes) {
    const struct memory_sizes sizes = memory_sizes();
    uint64_t kept = bytes;
    for (const struct image *image = images; image != nullptr; image = image->next) kept += image->bytes;
    return kept / EXO_PAGE_SIZE <= (sizes.frames_free + sizes.swap_free) / MEMORY_SHARE;
}

struct image *image_make(const struct program *program, uint64_t version, uint64_t *window) {
    uint64_t bytes = VENEERS_BYTES;
    for (unsigned i = 0; i < program->image.segment_count; i++)
        if (is_code(&program->image.segments[i])) bytes += bytes_of(&program->image.segments[i]);
    struct image *image = has_room(bytes) ? heap_allocate_zeroed(sizeof(*image)) : nullptr;
    if (image == nullptr) return nullptr;
    *image = (struct image){.version = version, .memory = object_new(), .bytes = bytes};
    const struct vm_map map = {
        .bytes = bytes, .rights = VM_READ | VM_WRITE, .shared = true, .memory = image->memory, .offset = 0};
    const int64_t at = image->memory == nullptr ? -1 : vm_map(program->memory, &map);
    if (at >= 0) {
        *window = (uint64_t)at;
        if (copy_code(program, *window)) return image;
        (void)vm_unmap(program->memory, *window, bytes);
    }
    release(image);
    return nullptr;
}

void image_keep(const struct program *program, struct image *image, uint64_t window, uint64_t veneers_bytes) {
    (void)vm_unmap(program->memory, window, image->bytes);
    image->veneers_bytes = (veneers_bytes + EXO_PAGE_SIZE - 1) & ~(EXO_PAGE_SIZE - 1);
    if (veneers_bytes == 0) {
        object_release(image->memory);
        image->memory = nullptr;
        image->bytes = 0;
    }
    image->next = images;
    images = image;
    trim();
}

// One part of the image.
static bool map(const struct program *program, const struct image *image, uint64_t first, uint64_t bytes,
                uint64_t offset, uint32_t rights) {
    const struct vm_map what = {.first = first,
                                .bytes = bytes,
                                .rights = rights,
                                .fixed = true,
                                .keep = offset == 0, // nothing is there
                                .never_writes = true,
                                .memory = image->memory,
                                .offset = offset};
    return vm_map(program->memory, &what) >= 0;
}

void image_map(const struct program *program, const struct image *image) {
    const uint64_t veneers = image_veneers(&program->image);
    uint64_t offset = VENEERS_BYTES;
    if (image->memory == nullptr) return;
    if (!map(program, image, veneers, image->veneers_bytes, 0, VM_READ | VM_EXECUTE)) return;
    vm_break_at(program->memory, veneers + image->veneers_bytes);
    for (unsigned i = 0; i < program->image.segment_count; i++) {
        const struct elf_segment *segment = &program->image.segments[i];
        if (!is_code(segment)) continue;
        if (!map(program, image, first_page(segment), bytes_of(segment), offset, segment->rights)) return;
        offset += bytes_of(segment);
    }
}
