// SPDX-License-Identifier: MIT
// region_open: a region of pages of the application's own, whose contents are on disk before the first touch. It takes
// the PE's arguments for regions, as the heap does (memory.c). For programs that measure paging itself (apps/region.h).
//
// region_open_file: the same over a file of the disk, whose blocks are the pages' own. What is written to the pages is
// in the file at the latest when the program ends; read and write do not see it before, nor the pages what they write.
//
// Policies that see the future learn it from the trace that the application is going to carry out: its argument
// trace=FILE, and its counter replay_position.
#include "libos/core/disk.h"
#include "libos/core/files.h"
#include "libos/core/frames.h"
#include "libos/core/print.h"
#include "libos/core/space.h"
#include "libos/core/start.h"
#include "libos/pager/pager.h"
#include "libos/unix/linked/lease.h"
#include "libos/unix/linked/unix.h"
#include <string.h>

typedef void region_initial(uint64_t page, uint64_t words[EXO_PAGE_SIZE / sizeof(uint64_t)]);
void *region_open(uint64_t pages, region_initial *initial);
void *region_open_file(const char *name, uint64_t *pages);

// The application's, if it carries out a trace: number of the reference being made.
[[gnu::weak]] extern volatile uint64_t replay_position;

static struct pager_region *opened; // the latest
static struct pager_region *files[4];
static unsigned file_count;

// ---- first contents ----

constexpr unsigned WRITERS = 8; // pages on their way to the disk at the same time
constexpr exo_vaddr WRITER_PAGES = {MAP_FILES_END - WRITERS * EXO_PAGE_SIZE};

static void await_one(void) {
    uint32_t tag;
    enum exo_error error;
    disk_wait(DISK_APPLICATION);
    if (disk_completion(DISK_APPLICATION, &tag, &error) && error != EXO_OK)
        pe_fail("the first contents of a region could not be written: disk error %lu", (uint64_t)error);
}

// Writes every page's first contents to its block.
static bool write_contents(uint64_t pages, uint64_t block, region_initial *initial) {
    static exo_frame frame[WRITERS];
    if (frame[0].raw == 0) {
        if (!space_reserve(WRITER_PAGES, WRITERS)) return false;
        for (unsigned i = 0; i < WRITERS; i++) {
            frame[i] = frames_take();
            const exo_vaddr page = {WRITER_PAGES.raw + i * EXO_PAGE_SIZE};
            if (frame[i].raw == 0 || space_map(page, frame[i], EXO_READ | EXO_WRITE) != EXO_OK) return false;
        }
    }
    for (uint64_t page = 0; page < pages; page++) {
        const unsigned writer = page % WRITERS;
        uint64_t *words = (uint64_t *)(WRITER_PAGES.raw + writer * EXO_PAGE_SIZE);
        if (writer == 0) {
            disk_kick();
            while (disk_in_flight(DISK_APPLICATION) != 0) await_one();
        }
        memset(words, 0, EXO_PAGE_SIZE);
        initial(page, words);
        while (!disk_put(DISK_APPLICATION, EXO_RING_WRITE, frame[writer], block + page, writer)) {
            disk_kick();
            if (disk_in_flight(DISK_APPLICATION) == 0) return false;
            await_one();
        }
    }
    disk_kick();
    while (disk_in_flight(DISK_APPLICATION) != 0) await_one();
    return true;
}

// ---- the future ----

// A trace file's page numbers, one after the other. Lines are checked by the application.
struct trace {
    const struct disk_file *file;
    uint64_t offset;
    size_t at, end;
    char bytes[4096];
};

static bool next_page(struct trace *trace, uint32_t *page) {
    bool digits = false, rest = false;
    *page = 0;
    while (true) {
        if (trace->at == trace->end) {
            enum files_error error;
            trace->end = files_read(trace->file, trace->offset, trace->bytes, sizeof(trace->bytes), &error);
            trace->offset += trace->end;
            trace->at = 0;
            if (trace->end == 0) return digits;
        }
        const char byte = trace->bytes[trace->at++];
        if (byte == '\n') return digits;
        if (byte < '0' || byte > '9') rest = true;
        if (rest) continue;
        *page = *page * 10 + (uint32_t)(byte - '0');
        digits = true;
    }
}

static const char *trace_name(void) {
    for (int i = 1; i < start_argc(); i++) {
        const char *word = start_argv()[i];
        if (strncmp(word, "trace=", 6) == 0) return word + 6;
        if (strchr(word, '=') == nullptr) return word;
    }
    return nullptr;
}

static void announce(struct pager_region *region, const struct policy *policy) {
    static struct trace trace;
    const char *name = trace_name();
    enum files_error error;
    const struct disk_file *file = name == nullptr ? nullptr : files_find(name, &error);
    if (file == nullptr || &replay_position == nullptr)
        pe_fail("policy=%s needs the references to come: only a replayed trace has them", policy->name);
    uint64_t references = 0;
    uint32_t page;
    for (trace = (struct trace){.file = file}; next_page(&trace, &page);) references++;
    if (!pager_future(region, references, &replay_position))
        pe_fail("no memory for %lu references to come", references);
    for (trace = (struct trace){.file = file}; next_page(&trace, &page);) pager_future_add(region, page);
}

// ---- the region ----

static void refuse(uint64_t pages, const char *why) {
    print("job %lu: a region of %lu pages: %s\n", start->job, pages, why);
}

static char *place_for(uint64_t pages) {
    char *first = memory_place(pages);
    if (first == nullptr) refuse(pages, "no room in the address space");
    return first;
}

// Attaches a region whose contents are on the disk. `counts`: the application counts the references to it, if it counts
// any. Null: refused, and said why.
static struct pager_region *attach(const char *name, char *first, uint64_t pages, uint64_t block, bool counts) {
    struct pager_options options = {
        .name = name, .first = {(uint64_t)first}, .pages = pages, .block = block, .backed = true};
    if (counts) options.position = &replay_position;
    memory_options(&options, memory_assigned(name));
    struct pager_region *region = pager_attach(&options);
    if (region == nullptr)
        refuse(pages, pager_problem());
    else if (lease_given())
        lease_begin(region);
    return region;
}

void *region_open(uint64_t pages, region_initial *initial) {
    char *first = place_for(pages);
    if (first == nullptr) return nullptr;
    const struct swap_space swap = swap_take(pages);
    if (swap.blocks < pages) {
        refuse(pages, "no swap space for it on the disk");
        return nullptr;
    }
    if (!write_contents(pages, swap.block, initial)) {
        refuse(pages, "its first contents could not be written");
        return nullptr;
    }
    struct pager_region *region = attach("region", first, pages, swap.block, true);
    if (region == nullptr) return nullptr;
    opened = region;
    const struct policy *policy = memory_assigned("region")->policy;
    if (policy->sees == POLICY_SEES_FUTURE) announce(region, policy);
    return first;
}

// Opens all pages of a file, the last one with whatever its block holds past the file's end. Null: no such file, an
// empty one, or no room; the console says which.
void *region_open_file(const char *name, uint64_t *pages) {
    enum files_error error;
    const struct disk_file *file = files_find(name, &error);
    *pages = file == nullptr ? 0 : (file->bytes + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE;
    if (*pages == 0 || file_count == sizeof files / sizeof *files) {
        refuse(*pages, file == nullptr ? "there is no such file"
                       : *pages == 0   ? "the file is empty"
                                       : "too many files");
        return nullptr;
    }
    char *first = place_for(*pages);
    if (first == nullptr) return nullptr;
    files[file_count] = attach("file", first, *pages, file->block, false);
    return files[file_count] == nullptr ? nullptr : (file_count++, first);
}

void region_leave(void) {
    bool whole = true;
    for (unsigned i = 0; i < file_count; i++) whole = pager_sync(files[i]) && whole;
    if (file_count != 0) whole = disk_transfer(EXO_RING_FLUSH, (exo_frame){0}, 0) == EXO_OK && whole;
    if (!whole) print("job %lu: not everything written could be brought to the disk\n", start->job);
    if (opened != nullptr && &replay_position != nullptr) pager_references(opened, replay_position + 1);
}
