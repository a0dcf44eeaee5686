// SPDX-License-Identifier: MIT
// Memory to measure on, the empty measurement of a touch, and how the kernel zeroes pages.
#define _GNU_SOURCE
#include "peers/linux/linux.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

uintptr_t region_map(enum region_kind kind, size_t pages, bool apart, size_t align) {
    const size_t bytes = pages * PAGE, room = bytes + align + 2 * (size_t)PAGE;
    char *hole = mmap(nullptr, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (hole == MAP_FAILED) give_up("mmap failed");
    uintptr_t start = (uintptr_t)hole + PAGE;
    if (align != 0) start = ((uintptr_t)hole + PAGE + bytes + align - 1) / align * align - bytes;
    const int flags = (kind == REGION_SHARED ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_FIXED;
    if (mmap((void *)start, bytes, BOTH, flags, -1, 0) == MAP_FAILED) give_up("mmap failed");
    munmap(hole, start - (uintptr_t)hole);
    munmap((void *)(start + bytes), (uintptr_t)hole + room - start - bytes);
    // Fails on a kernel without huge pages, which is as good.
    (void)madvise((void *)start, bytes, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < pages; i++) {
        char *page = (char *)start + i * PAGE;
        if (apart && i % 2 == 1) must(madvise(page, PAGE, MADV_DONTDUMP), "madvise");
        *(volatile char *)page = 1;
    }
    return start;
}

void region_free(uintptr_t start, size_t pages) {
    if (start != 0) must(munmap((void *)start, pages * PAGE), "munmap");
}

uint32_t touch_empty(void) {
    static char here[PAGE];
    (void)bench_touch((uintptr_t)here); // which may be the first one
    const struct bench_touch stamps = bench_touch((uintptr_t)here);
    return stamps.after - stamps.before;
}

// The kernel chooses how to zero and to copy by the processor's features: `rep stosb` where REP is fast for bytes, `rep
// stosq` where it is for words, else a loop without REP. Checked by measuring with and without erms: a first touch
// differs by 3,584 instructions, which is 4,096 - 512, and UFFDIO_COPY by twice that, for the reason in uffd.c.
uint32_t moved_per_page(void) {
    static char line[8192];
    uint32_t moved = 0;
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file) give_up("/proc/cpuinfo cannot be read");
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "flags", 5) != 0) continue;
        if (strstr(line, " erms"))
            moved = PAGE;
        else if (strstr(line, " rep_good"))
            moved = PAGE / 8;
        break;
    }
    (void)fclose(file);
    return moved;
}
