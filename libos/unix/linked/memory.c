// SPDX-License-Identifier: MIT
// malloc's memory: a paged region, attached when it is first asked for, and the PE's page-fault handler.
//
// Arguments: policy=NAME or a map (clock1; assign.h), frames=N (the budget; what is left), seed=N (1), heap=PAGES (what
// the swap space has, at most 16384), declared=PAGES (8192, declare.c), swap=BLOCK and swap_blocks=N (what the disk's
// directory says), record=FILE; readahead=NAME (none), window=N (pages read ahead at a time, 28), cluster=N (dirty
// pages written at a time, 1).
//
//   MAP_HEAP       malloc's blocks, seven eighths of the heap's pages
//   above          what sbrk hands out
//   above          regions that the program declares, and that the map of policies leaves to the heap's policy
//   REGIONS_FIRST  other regions, see declare.c and region.c
#include "libos/core/files.h"
#include "libos/core/frames.h"
#include "libos/core/heap.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include "libos/pager/pager.h"
#include "pe/tlb.h"
#include "libos/unix/linked/lease.h"
#include "libos/unix/linked/unix.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

constexpr uint64_t HEAP_PAGES = 16384;
constexpr uint64_t TRANSFER_MOST = 1024; // pages at a time
constexpr uint64_t KEPT = 48;            // frames that stay in the pool for the ring, file buffers and their tables

static bool attached;
static char *break_first, *break_now, *break_end;
static struct memory_range beyond; // the heap, in its region: for declared regions

void pager_on_fault(struct exo_exception *fault) {
    if (lease_region != nullptr) lease_serve();
    if (!pager_fault(fault)) pager_refuse(fault);
}

struct swap_space swap_take(uint64_t pages) {
    static struct swap_space left;
    static bool known;
    if (!known) {
        enum files_error error;
        const struct disk_directory *directory = files_directory(&error);
        left.block = start_number("swap", directory == nullptr ? 0 : directory->swap_block);
        left.blocks = start_number("swap_blocks", directory == nullptr ? 0 : directory->swap_blocks);
        known = true;
    }
    const struct swap_space taken = {left.block, pages < left.blocks ? pages : left.blocks};
    left.block += taken.blocks;
    left.blocks -= taken.blocks;
    return taken;
}

static struct assignment *assignment(void) {
    static struct assignment all;
    if (all.count != 0) return &all;
    const char *text = start_argument("policy");
    if (text == nullptr) text = "clock1";
    if (!assign_read(&all, text, start_number("frames", 0))) pe_fail("argument policy=%s: %s", text, all.problem);
    return &all;
}

const struct assignment *memory_assignment(void) {
    return assignment();
}

struct assigned *memory_assigned(const char *region) {
    return assign_find(assignment(), region);
}

void *memory_place(uint64_t pages) {
    static uint64_t next = REGIONS_FIRST;
    if (pages == 0 || pages > (MAP_END - next) / EXO_PAGE_SIZE) return nullptr;
    void *place = (void *)next;
    next += pages * EXO_PAGE_SIZE;
    return place;
}

static const struct readahead *readahead_argument(void) {
    const char *name = start_argument("readahead");
    if (name == nullptr || strcmp(name, "none") == 0) return nullptr;
    const struct readahead *found = readahead_find(name);
    if (found != nullptr) return found;
    char names[128] = "none";
    for (const struct readahead *const *each = readaheads; *each != nullptr; each++) {
        const size_t length = strlen(names);
        format_text(names + length, sizeof names - length, ", %s", (*each)->name);
    }
    pe_fail("argument readahead=%s: there is no such way of reading ahead; known are %s", name, names);
}

// An argument that is a number of pages to transfer at a time.
static uint32_t pages_argument(const char *name, uint64_t otherwise) {
    const uint64_t pages = start_number(name, otherwise);
    if (pages == 0 || pages > TRANSFER_MOST)
        pe_fail("argument %s=%lu: from 1 to %lu pages", name, pages, TRANSFER_MOST);
    return (uint32_t)pages;
}

// The frames a region can have if none are said: what is left when the pager has its tables and some are kept.
static uint64_t budget(const struct pager_options *options) {
    const uint64_t left = frames_left(), pages = options->pages;
    const bool transit = options->readahead != nullptr || options->cluster > 1;
    const uint64_t more = transit ? (5 * pages + 20 * left) / EXO_PAGE_SIZE + 4 : 0;
    const uint64_t tables =
        2 * (pages / EXO_TABLE_ENTRIES + 2)
        + (5 * pages + options->policy->state_size((uint32_t)left, (uint32_t)pages) + 28 * left) / EXO_PAGE_SIZE + 12
        + more;
    return left > tables + KEPT ? left - tables - KEPT : 0;
}

// A region's own frames, or what the others leave of the total, or what is left in memory.
static uint64_t frames_of(const struct assigned *assigned, const struct pager_options *options) {
    if (assigned->frames != 0) return assigned->frames;
    const uint64_t rest = assignment()->rest;
    return rest != 0 ? rest : budget(options);
}

// The frames that regions without their own share, if there are several such regions.
static struct pager_budget *shared_budget(void) {
    static struct pager_budget *budget;
    if (budget != nullptr) return budget;
    budget = pager_budget(assignment()->rest);
    if (budget == nullptr) pe_fail("%lu frames for regions to share: %s", assignment()->rest, pager_problem());
    pager_budget_level(budget);
    return budget;
}

void memory_options(struct pager_options *options, const struct assigned *assigned) {
    options->job = start->job;
    options->policy = assigned->policy;
    options->seed = start_number("seed", 1);
    options->measure = start_number("measure", 0) != 0;
    options->trace = (start->flags & EXO_PACKAGE_TRACE) != 0;
    options->readahead = readahead_argument();
    options->window = pages_argument("window", PAGER_WINDOW);
    options->cluster = pages_argument("cluster", 1);
    options->frames = frames_of(assigned, options);
    if (lease_given()) {
        options->budget = lease_budget(&options->frames);
        return;
    }
    if (assigned->frames == 0 && assignment()->sharers > 1) {
        options->budget = shared_budget();
        options->rank = (uint8_t)(assigned - assignment()->of);
    }
}

// Whether the heap's reference string is asked for; then it goes to a file of the disk.
static bool recorded(void) {
    const char *name = start_argument("record");
    if (name == nullptr) return false;
    enum files_error error;
    const struct disk_file *file = files_find(name, &error);
    if (file == nullptr) pe_fail("argument record=%s: there is no such file on the disk", name);
    if (!pager_record_to(file->block, file->blocks)) pe_fail("no frame is left for the recording");
    return true;
}

// The heap's region has room for declared regions too, unless the map gives the heap a policy of its own. It is called
// as its policy is in the map.
static void attach(void) {
    const uint64_t wanted = start_number("heap", HEAP_PAGES);
    if (wanted > HEAP_MOST_PAGES) pe_fail("argument heap=%lu: at most %lu pages", wanted, HEAP_MOST_PAGES);
    const struct assigned *assigned = memory_assigned("heap");
    const uint64_t declared = assigned->used ? 0 : declare_room();
    if (wanted + declared > HEAP_MOST_PAGES)
        pe_fail("arguments heap=%lu and declared=%lu: at most %lu pages together", wanted, declared, HEAP_MOST_PAGES);
    const struct swap_space swap = swap_take(wanted + declared);
    const uint64_t heap_pages = swap.blocks < wanted ? swap.blocks : wanted;
    if (heap_pages < 8) pe_fail("there is no swap space on the disk for a heap");
    const bool default_of_map = memory_assignment()->is_map && !assigned->used;
    struct pager_options options = {.name = default_of_map ? "default" : "heap",
                                    .first = {MAP_HEAP},
                                    .pages = swap.blocks,
                                    .block = swap.block,
                                    .record = recorded()};
    memory_options(&options, assigned);
    struct pager_region *region = pager_attach(&options);
    if (region == nullptr)
        pe_fail("a heap of %lu pages in %lu frames: %s", options.pages, options.frames, pager_problem());
    if (lease_given()) lease_begin(region);
    const uint64_t bytes = heap_pages * EXO_PAGE_SIZE;
    const uint64_t blocks = bytes / 8 * 7 & ~(EXO_PAGE_SIZE - 1);
    heap_init((void *)MAP_HEAP, blocks, true);
    break_first = break_now = (char *)MAP_HEAP + blocks;
    break_end = (char *)MAP_HEAP + bytes;
    beyond = (struct memory_range){break_end, swap.blocks - heap_pages};
    attached = true;
}

static inline void need_heap(void) {
    if (!attached) attach();
}

struct memory_range memory_beyond_heap(void) {
    need_heap();
    return beyond;
}

void memory_leave(void) {
    lease_end();
    declare_leave();
    region_leave();
    pager_report();
}

static void *or_error(void *block) {
    if (block == nullptr) errno = ENOMEM;
    return block;
}

void *malloc(size_t bytes) {
    need_heap();
    return or_error(heap_allocate(bytes));
}

void *calloc(size_t count, size_t size) {
    size_t bytes;
    need_heap();
    return or_error(__builtin_mul_overflow(count, size, &bytes) ? nullptr : heap_allocate_zeroed(bytes));
}

void *realloc(void *block, size_t bytes) {
    need_heap();
    return or_error(heap_reallocate(block, bytes));
}

void free(void *block) {
    heap_release(block);
}

// The name by which musl's atexit asks for memory.
[[gnu::alias("calloc")]] void *__libc_calloc(size_t count, size_t size);

// EINVAL (in the result): the alignment is no power of 2 that pointers fit.
int posix_memalign(void **block, size_t alignment, size_t bytes) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
    need_heap();
    void *found = heap_allocate_aligned(alignment, bytes);
    if (found == nullptr) return ENOMEM;
    *block = found;
    return 0;
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    void *block = nullptr;
    const int error = posix_memalign(&block, alignment < sizeof(void *) ? sizeof(void *) : alignment, bytes);
    if (error != 0) errno = error;
    return block;
}

// ENOMEM: past the end of what sbrk has, or before its beginning.
void *sbrk(intptr_t bytes) {
    need_heap();
    if (bytes > break_end - break_now || bytes < break_first - break_now) {
        errno = ENOMEM;
        return (void *)-1;
    }
    char *before = break_now;
    break_now += bytes;
    return before;
}
