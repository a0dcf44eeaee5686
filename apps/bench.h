// SPDX-License-Identifier: MIT
// What the benchmarks of this folder share: time stamps, samples, and the event that reports a row.
//
//   static int32_t once(void) {                   // prepares, then measures one event
//       const uint32_t before = stamp();
//       (void)exo_null().error;
//       return elapsed(before, stamp());
//   }
//   bench_row("call.null", once, bench_empty());
//
// Under QEMU's -icount shift=0 the time-stamp counter counts executed instructions, on hardware cycles.
#pragma once
#include <stdint.h>

constexpr unsigned BENCH_SAMPLES = 256;
constexpr unsigned BENCH_WARM_UP = 16;

[[gnu::always_inline]] static inline uint32_t stamp(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return low;
}

// The difference of two stamps; right as long as less than 2^31 lies between them.
static inline int32_t elapsed(uint32_t before, uint32_t after) {
    return (int32_t)(after - before);
}

// What two stamps with nothing between them differ by.
int32_t bench_empty(void);

// The least of BENCH_SAMPLES of what `once` measures: for what is to be taken off a row. (Instructions are the same
// each time; cycles are not, and the first time costs most.)
int32_t bench_least(int32_t (*once)(void));

// Takes BENCH_SAMPLES of what `once` measures, after BENCH_WARM_UP unreported ones, and reports the least, the median
// and the largest, each less `empty`, as the event "bench".
void bench_row(const char *op, int32_t (*once)(void), int32_t empty);

// Reports with what the program was compiled: counts are comparable only between programs of one compiler.
void bench_compiler(void);
