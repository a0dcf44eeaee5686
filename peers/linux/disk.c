// SPDX-License-Identifier: MIT
// Paging on Linux: single major faults and 64 MiB from a mapped file, in order and at random, then the same from swap
// space. What is touched and how it is measured is in peers/paging.h, the same as for Bindery.
//
// The disk has two partitions: the file's contents, and swap space. A file is mapped from the partition itself, which
// was found as cheap as a file on ext4. The page cache is emptied before each pass.
//
// For swapping there is memory for PAGING_MEMORY of the PAGING_PAGES pages: the rest of the machine's memory is taken
// and locked until no more of them are resident. That costs Linux less than a limit of a control group does, which
// needs its pages charged. Pages are written in order, then read in order; then the same again, read at random.
//
// Linux gets what was found best for it:
//
//   files in order       MADV_SEQUENTIAL, read-ahead of 1 MiB (a third faster than the default of 128 KiB; with more it
//                        is slower again)
//   files at random      MADV_RANDOM: only what is asked for is read
//   swap                 in order, clusters of 32 pages (a quarter faster than the default of 8); at random, single
//                        pages. Reclaim by generations (lru_gen), which takes a tenth fewer instructions
//   block layer          no scheduler and no statistics, which halves the instructions of a fault
//
// Huge pages are off, as in all measurements; with them swapping is no faster.
#include "peers/linux/linux.h"
#include "peers/paging.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint32_t in_order[PAGING_PAGES], at_random[PAGING_PAGES], spread[PAGING_PAGES];

// In the order in which they need one another.
static const char *const modules[] = {
    "virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk",
};

static const struct {
    const char *path, *value;
} settings[] = {
    {"/sys/block/vda/queue/scheduler", "none"},
    {"/sys/block/vda/queue/iostats", "0"},
    {"/sys/block/vda/queue/read_ahead_kb", "512"},
    {"/sys/kernel/mm/lru_gen/enabled", "y"},
};

void disk_set(const char *path, const char *value) {
    const int file = (int)must(open(path, O_WRONLY), path);
    (void)must(write(file, value, strlen(value)), path);
    close(file);
}

static void insert_modules(void) {
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/%s.ko", modules[i]);
        const int file = (int)must(open(path, O_RDONLY), path);
        (void)must(syscall(SYS_finit_module, file, "", 0), path);
        close(file);
    }
}

// The device files appear when the disk's partitions have been read.
static void await_disk(void) {
    for (int i = 0; access("/dev/vda2", F_OK) != 0; i++) {
        if (i == 1000) give_up("the disk did not appear");
        usleep(10000);
    }
}

void disk_prepare(void) {
    (void)mkdir("/sys", 0755);
    (void)mkdir("/dev", 0755);
    (void)must(mount("sysfs", "/sys", "sysfs", 0, nullptr), "mounting /sys");
    (void)must(mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr), "mounting /dev");
    insert_modules();
    await_disk();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) disk_set(settings[i].path, settings[i].value);
}

// ---- what Linux says ----

// Pages written to swap space so far.
static uint64_t swapped_out(void) {
    static char text[16384];
    const int file = (int)must(open("/proc/vmstat", O_RDONLY), "/proc/vmstat");
    text[must(read(file, text, sizeof text - 1), "/proc/vmstat")] = 0;
    close(file);
    const char *at = strstr(text, "\npswpout ");
    return at ? strtoul(at + strlen("\npswpout "), nullptr, 10) : 0;
}

static uint64_t major_faults(void) {
    struct rusage usage;
    (void)must(getrusage(RUSAGE_SELF, &usage), "getrusage");
    return (uint64_t)usage.ru_majflt;
}

// How many of the pages are mapped: bit 63 of an entry of the page map.
static uint64_t resident(const uint64_t *memory) {
    static uint64_t entries[PAGING_PAGES];
    const int file = (int)must(open("/proc/self/pagemap", O_RDONLY), "/proc/self/pagemap");
    if (pread(file, entries, sizeof entries, (off_t)((uintptr_t)memory / PAGE * sizeof *entries)) != sizeof entries)
        give_up("/proc/self/pagemap could not be read");
    close(file);
    uint64_t count = 0;
    for (unsigned i = 0; i < PAGING_PAGES; i++) count += entries[i] >> 63;
    return count;
}

// ---- passes ----

static uint64_t faults_before, writes_before;

static void begin(void) {
    faults_before = major_faults();
    writes_before = swapped_out();
}

// Reports a pass that was begun by begin().
static void row(const char *op, uint64_t pages, struct paging_pass pass) {
    char line[BENCH_LINE];
    const uint64_t faults = major_faults() - faults_before, writes = swapped_out() - writes_before;
    if (pass.wrong != 0) give_up("%s: %lu pages do not hold what was put there", op, pass.wrong);
    (void)snprintf(line, sizeof line,
                   "{\"event\":\"paging\",\"op\":\"%s\",\"pages\":%lu,\"ticks\":%lu,\"faults\":%lu,\"writes\":%lu}\n",
                   op, pages, pass.ticks, faults, writes);
    peer_put(line);
}

// Maps pages of the first partition, of which none is in memory then.
static const uint64_t *map_cold(uint64_t first, uint64_t pages, int advice) {
    const int file = (int)must(open("/dev/vda1", O_RDONLY), "/dev/vda1");
    void *memory = mmap(nullptr, pages * PAGE, PROT_READ, MAP_SHARED, file, (off_t)(first * PAGE));
    if (memory == MAP_FAILED) give_up("the disk could not be mapped");
    close(file);
    (void)must(madvise(memory, pages * PAGE, advice), "madvise");
    disk_set("/proc/sys/vm/drop_caches", "3");
    begin();
    return memory;
}

static void measure_file(void) {
    const uint64_t *memory = map_cold(0, PAGING_PAGES, MADV_RANDOM);
    row("disk.major_fault", PAGING_FAULTS, paging_faults(memory, at_random));
    (void)munmap((void *)memory, PAGING_PAGES * PAGE);
    memory = map_cold(0, PAGING_PAGES, MADV_SEQUENTIAL);
    row("paging.file.sequential", PAGING_PAGES, paging_sweep(memory, in_order, PAGING_FILE_SEQUENTIAL));
    (void)munmap((void *)memory, PAGING_PAGES * PAGE);
    memory = map_cold(PAGING_PAGES, PAGING_PAGES * PAGING_SPREAD, MADV_RANDOM);
    row("paging.file.random", PAGING_PAGES, paging_sweep(memory, spread, PAGING_FILE_RANDOM));
    (void)munmap((void *)memory, PAGING_PAGES * PAGING_SPREAD * PAGE);
}

static void fill(uint64_t *memory) {
    for (uint32_t page = 0; page < PAGING_PAGES; page++) paging_fill(memory, page);
    begin();
}

static uint64_t *map_memory(size_t bytes) {
    void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) give_up("there is no room for %zu bytes", bytes);
    return memory;
}

// Takes memory away until no more than PAGING_MEMORY pages are resident.
static void limit(const uint64_t *memory) {
    constexpr size_t MOST = 1ul << 30, STEP = 256ul << 10;
    char *taken = (char *)map_memory(MOST);
    for (size_t at = 0; resident(memory) > PAGING_MEMORY; at += STEP) {
        if (at == MOST) give_up("the machine has too much memory");
        (void)must(mlock(taken + at, STEP), "mlock");
    }
}

static void measure_swap(void) {
    (void)must(swapon("/dev/vda2", 0), "swapon");
    uint64_t *memory = map_memory(PAGING_PAGES * PAGE);
    disk_set("/proc/sys/vm/page-cluster", "5"); // a power of two
    fill(memory);
    limit(memory);
    fill(memory);
    row("paging.swap.sequential", PAGING_PAGES, paging_sweep(memory, in_order, PAGING_SWAP_SEQUENTIAL));
    fill(memory);
    disk_set("/proc/sys/vm/page-cluster", "0");
    begin();
    row("paging.swap.random", PAGING_PAGES, paging_sweep(memory, at_random, PAGING_SWAP_RANDOM));
}

void bench_disk(void) {
    disk_prepare();
    paging_in_order(in_order);
    paging_shuffle(at_random);
    paging_shuffle(spread);
    paging_spread(spread);
    paging_nothing();
    measure_file();
    measure_swap();
}
