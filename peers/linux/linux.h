// SPDX-License-Identifier: MIT
// What the measuring program has in common: raw system calls, memory to measure on, and its parts.
//
// Measured code calls the kernel by the functions here, not through libc: a call is its registers and one instruction.
#ifndef PEERS_LINUX_LINUX_H
#define PEERS_LINUX_LINUX_H
#include "peers/bench.h"
#include <stddef.h>
#include <stdint.h>

enum {
    PAGE = 4096,
    PAGES = 100, // of prot100 and its like
    READ = 1,    // PROT_READ
    BOTH = 3,    // PROT_READ | PROT_WRITE
};

[[gnu::always_inline]] static inline long call0(long number) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number) : "rcx", "r11", "memory");
    return result;
}
[[gnu::always_inline]] static inline long call3(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}
[[gnu::always_inline]] static inline long call4(long number, long a, long b, long c, long d) {
    register long fourth __asm__("r10") = d;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}

// Ends the part with a sentence, which becomes the reason of every row that it has not reported: what the kernel
// answered is in it.
[[noreturn, gnu::format(printf, 1, 2)]] void give_up(const char *format, ...);
// The result of a call that must succeed; else the part is given up.
long must(long result, const char *what);

// How the pages of a region are backed. Shared ones are the kernel's page cache (tmpfs): they stay when unmapped.
enum region_kind { REGION_PRIVATE, REGION_SHARED };
// Maps `pages` pages for reading and writing, with unmapped pages around and every page touched. `apart`: neighbours
// differ in a flag (MADV_DONTDUMP), so each page is an area of its own in the kernel's books, and changing the
// protection of one neither splits nor merges areas. `align` bytes: the region's *end* is a multiple of it.
uintptr_t region_map(enum region_kind kind, size_t pages, bool apart, size_t align);
// Unmaps a region, or nothing if `start` is 0.
void region_free(uintptr_t start, size_t pages);

// Instructions that are iterations of REP when this kernel zeroes or copies one page.
uint32_t moved_per_page(void);

// What bench_touch costs on a page that is there.
uint32_t touch_empty(void);
// The sample of a store that must have faulted.
static inline uint32_t touch_faulted(struct bench_touch touch) {
    constexpr uint32_t least = 100; // no fault of Linux is as short
    const uint32_t took = touch.after - touch.before;
    return took >= least ? took : bench_trouble("the store did not fault");
}

// A part of the program, one of those that a word bench=NAME of the kernel's command line selects (init.c). It is run
// in a process of its own and returns when all is reported.
void part_calls(void);
void part_fault(void);
void part_uffd(void);
void part_uffd_thread(void);
void part_protect(void);
void part_appel_li(void);
void part_uffd_protect(void);
void part_yield(void);
void part_dirty(void);
void part_processes(void);
void part_files(void);
void part_counted(void);
void bench_disk(void);

// The virtio disk with its two partitions, /sys and /dev, and the settings of disk.c.
void disk_prepare(void);
// Writes a value to a file of /proc or /sys; gives up if that fails.
void disk_set(const char *path, const char *value);

#endif
