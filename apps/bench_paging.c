// SPDX-License-Identifier: MIT
// Paging from and to the disk on libos/unix: single major faults, and 64 MiB from a file and from swap space, in order
// and at random. Measured beside Linux by tools/peers/disk.py; what is touched and how it is measured is in
// peers/paging.h, the same for both.
//
//   bench_paging file=NAME          the file on the disk that holds both parts
//
// Each operation has a region of its own, attached here and not by malloc. The replacement policy is the library OS's
// default, and the program says in which order it is going to touch the pages, as it does on Linux:
//
//   disk.major_fault          memory for what is touched; nothing is read ahead
//   paging.file.sequential    memory for all of it; windows of 16 pages are read ahead
//   paging.file.random        memory for what is touched, in 512 MiB; nothing is read ahead
//   paging.swap.sequential    32 MiB for 64: the pages are written in order, then read in order. The half that is still
//                             in memory, and dirty, has to go first. Windows of 16 are read ahead, clusters of 16
//                             written
//   paging.swap.random        the same pages, written in order again, then read at random: nothing is read ahead
//
// Windows and clusters of 8, 32 and 64 pages are no faster.
#include "apps/app.h"
#include "libos/core/files.h"
#include "libos/core/start.h"
#include "libos/pager/pager.h"
#include "peers/paging.h"

enum {
    TOGETHER = 16,        // pages read ahead or written at a time
    SPARE = 4 * TOGETHER, // frames that the pager keeps for reads under way, at most
};

static uint32_t in_order[PAGING_PAGES], at_random[PAGING_PAGES], spread[PAGING_PAGES];
static exo_vaddr next_region = {MAP_HEAP};

struct region {
    struct pager_region *pager;
    uint64_t *memory;
    struct pager_statistics before; // the pass
};

// The region has the name, pages, frames and block of its options, and what they say else.
static struct region attach(struct pager_options options, enum pager_advice advice) {
    options.job = start->job;
    options.first = next_region;
    options.policy = policy_find("clock1");
    options.readahead = readahead_find("sequential");
    options.window = TOGETHER;
    struct pager_region *pager = pager_attach(&options);
    if (pager == nullptr) app_refuse("region %s: %s", options.name, pager_problem());
    pager_advise(pager, 0, options.pages, advice);
    next_region.raw += options.pages * EXO_PAGE_SIZE;
    return (struct region){.pager = pager, .memory = (uint64_t *)options.first.raw};
}

// Pages of the file, with frames for those that are touched.
static struct region attach_file(const char *name, uint64_t block, uint64_t pages, uint64_t touched,
                                 enum pager_advice advice) {
    return attach(
        (struct pager_options){.name = name, .pages = pages, .frames = touched + SPARE, .block = block, .backed = true},
        advice);
}

// Faults that waited for a read of their own.
static uint64_t major_faults(struct pager_statistics counts) {
    return counts.faults - counts.ahead_hits - counts.rescues;
}

// Reports a pass over a region.
static void row(const char *op, const struct region *region, uint64_t pages, struct paging_pass pass) {
    const struct pager_statistics before = region->before, after = pager_statistics(region->pager);
    if (pass.wrong != 0) app_fail("%s: %" PRIu64 " pages do not hold what was put there", op, pass.wrong);
    report("{\"event\":\"paging\",\"job\":%" PRIu64 ",\"op\":\"%s\",\"pages\":%" PRIu64 ",\"ticks\":%" PRIu64
           ",\"faults\":%" PRIu64 ",\"writes\":%" PRIu64 "}",
           start->job, op, pages, pass.ticks, major_faults(after) - major_faults(before),
           after.writebacks - before.writebacks);
}

static void measure_file(uint64_t block) {
    const struct region single = attach_file("single", block, PAGING_PAGES, PAGING_FAULTS, PAGER_RANDOM);
    row("disk.major_fault", &single, PAGING_FAULTS, paging_faults(single.memory, at_random));
    const struct region first = attach_file("sequential", block, PAGING_PAGES, PAGING_PAGES, PAGER_SEQUENTIAL);
    row("paging.file.sequential", &first, PAGING_PAGES, paging_sweep(first.memory, in_order, PAGING_FILE_SEQUENTIAL));
    const struct region second =
        attach_file("random", block + PAGING_PAGES, PAGING_PAGES * PAGING_SPREAD, PAGING_PAGES, PAGER_RANDOM);
    row("paging.file.random", &second, PAGING_PAGES, paging_sweep(second.memory, spread, PAGING_FILE_RANDOM));
}

static void fill(struct region *region, enum pager_advice advice) {
    for (uint32_t page = 0; page < PAGING_PAGES; page++) paging_fill(region->memory, page);
    pager_advise(region->pager, 0, PAGING_PAGES, advice);
    region->before = pager_statistics(region->pager);
}

static void measure_swap(uint64_t block) {
    struct region swap = attach(
        (struct pager_options){
            .name = "swap", .pages = PAGING_PAGES, .frames = PAGING_MEMORY, .block = block, .cluster = TOGETHER},
        PAGER_SEQUENTIAL);
    fill(&swap, PAGER_SEQUENTIAL);
    row("paging.swap.sequential", &swap, PAGING_PAGES, paging_sweep(swap.memory, in_order, PAGING_SWAP_SEQUENTIAL));
    fill(&swap, PAGER_RANDOM);
    row("paging.swap.random", &swap, PAGING_PAGES, paging_sweep(swap.memory, at_random, PAGING_SWAP_RANDOM));
}

int main(int argc, char **argv) {
    static struct app_argument arguments[] = {{.name = "file", .text = "paging"}};
    enum files_error error;
    APP_ARGUMENTS(argc, argv, arguments);
    const struct disk_file *file = files_find(arguments[0].text, &error);
    if (file == nullptr || file->blocks < PAGING_PAGES * (1 + PAGING_SPREAD))
        app_refuse("there is no file \"%s\" with both parts on the disk", arguments[0].text);
    const struct disk_directory *directory = files_directory(&error);
    if (directory->swap_blocks < PAGING_PAGES) app_refuse("there is too little swap space on the disk");
    paging_in_order(in_order);
    paging_shuffle(at_random);
    paging_shuffle(spread);
    paging_spread(spread);
    paging_nothing();
    measure_file(file->block);
    measure_swap(directory->swap_block);
    return EXIT_SUCCESS;
}
