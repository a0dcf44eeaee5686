// SPDX-License-Identifier: MIT
// Appel and Li's dirty: was this page written to since it was last marked clean? Linux answers by the soft-dirty bit of
// /proc/self/pagemap, which writing 4 to /proc/self/clear_refs clears.
//
// A read of pagemap walks the page table from the page asked for to the end of its 2 MiB, however little is read: a
// page at the end of them is the cheapest. Answers are checked: each sample asks of a page that was just written to, or
// of one that was not, in turn. Not candidates, because they don't answer the question: mincore (is it in memory?),
// /proc/kpageflags (dirty as of the page cache's last look). A write-protection fault that sets a bit of the program's
// own is appel1's trap, not a query.
#include "peers/linux/linux.h"
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    TABLE = 2 << 20,
    TABLE_PAGES = 512,
    SOFT_DIRTY = 55, // bit of an entry of pagemap
};

static int pagemap, clear_refs;
static uintptr_t region, page;
static bool written; // what the last sample should have found

static uint32_t ask(void) {
    uint64_t entry = 0;
    must(call3(SYS_write, clear_refs, (long)"4", 1), "writing to /proc/self/clear_refs");
    written = !written;
    if (written) *(volatile char *)page = 2;
    const uint32_t before = bench_stamp();
    const long got = call4(SYS_pread64, pagemap, (long)&entry, sizeof entry, (long)(page / PAGE * sizeof entry));
    const bool dirty = (entry >> SOFT_DIRTY) & 1;
    const uint32_t after = bench_stamp();
    return got == sizeof entry && dirty == written ? after - before : bench_trouble("pagemap gave a wrong answer");
}

static void prepare(const void *with) {
    region_free(region, TABLE_PAGES);
    region = region_map(REGION_PRIVATE, TABLE_PAGES, false, TABLE);
    page = region + *(const unsigned *)with * (uintptr_t)PAGE;
}

void part_dirty(void) {
    static const unsigned places[] = {TABLE_PAGES - 1, 0};
    const uint32_t empty = bench_empty();
    const struct bench ways[] = {
        {"linux", "appel-li.dirty", "pread of pagemap, soft-dirty bit; the last page of its 2 MiB", ask, empty,
         .prepare = prepare, .with = &places[0]},
        {"linux", "appel-li.dirty", "pread of pagemap, soft-dirty bit; the first page of its 2 MiB", ask, empty,
         .samples = 64, .prepare = prepare, .with = &places[1]},
    };
    pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    clear_refs = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (pagemap < 0 || clear_refs < 0) give_up("/proc/self/pagemap cannot be used");
    (void)bench_best(ways, sizeof ways / sizeof *ways);
}
