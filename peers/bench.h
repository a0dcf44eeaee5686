// SPDX-License-Identifier: MIT
// Taking samples and reporting rows, for programs of ours that run on other systems.
//
//   static uint32_t null_call(void) {                    // takes one sample
//       const uint32_t before = bench_stamp();
//       …
//       return bench_stamp() - before;
//   }
//   bench_row("xen", "call.null", "xen_version", null_call, bench_empty(), 0);
//
// Freestanding and without a library: the system that includes it supplies peer_put. One tick of the time-stamp counter
// is one instruction under QEMU's -icount shift=0. Everything is measured as apps/bench_fault.c does it for Bindery:
// the difference of two stamps less that of the same code with nothing between, after a warm-up. All state is static:
// one thread reports, and a program includes this file in as many of its files as it likes.
//
// Where a system offers several ways to do the same, each is a candidate: all are reported, and the cheapest is the
// row.
#ifndef PEERS_BENCH_H
#define PEERS_BENCH_H
#include <stdint.h>

enum {
    BENCH_SAMPLES = 256, // of a row, unless it says less
    BENCH_WARM_UP = 16,
    BENCH_LINE = 512,
};

// What one row measures.
struct bench {
    const char *system, *op;
    const char *how;                   // in a few words, without quotes: shown beside the figure
    uint32_t (*once)(void);            // one sample, the empty measurement included
    uint32_t empty;                    // the empty measurement
    uint32_t moved;                    // how much of each sample is iterations of REP that zero or copy a page
    uint32_t samples;                  // 0: BENCH_SAMPLES, which is also the most
    uint32_t events;                   // in one sample; the row is for one of them. 0: 1
    void (*prepare)(const void *with); // if not null, is called before the first sample, with `with`
    const void *with;
    const char *also; // if not null, another op of which this is the measurement, reported as well
};

struct bench_figures {
    uint32_t minimum, median, maximum, samples, moved;
    const char *trouble; // why there are none, or a null pointer
};

// Supplied by the system: takes one line, with its newline, to the report channel.
void peer_put(const char *line);

__attribute__((always_inline)) static inline uint32_t bench_stamp(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return low;
}

// The difference of two stamps in a row.
static inline uint32_t bench_empty(void) {
    const uint32_t before = bench_stamp();
    return bench_stamp() - before;
}

// A store to `page` between two stamps, which may fault. Each stamp is one instruction away from the store, which is
// three bytes long, so that a handler can skip it. The same as in apps/bench_fault.c.
enum { BENCH_STORE_BYTES = 3 };
struct bench_touch {
    uint32_t before, after;
};
__attribute__((always_inline)) static inline struct bench_touch bench_touch(uintptr_t page) {
    struct bench_touch stamps;
    __asm__ volatile("rdtsc; movl %%eax, %0; movb $1, (%2); rdtsc; movl %%eax, %1"
                     : "=&r"(stamps.before), "=r"(stamps.after)
                     : "D"(page)
                     : "rax", "rcx", "rdx", "r11", "memory");
    return stamps;
}

// A sample can't be taken: the row is reported as skipped for this reason, a string that stays.
const char **bench_reason(void); // where it is kept; in bench.c
static inline uint32_t bench_trouble(const char *reason) {
    *bench_reason() = reason;
    return 0;
}

struct bench_figures bench_take(const struct bench *);                 // takes the samples
void bench_report(const struct bench *, const struct bench_figures *); // event "bench" or "skipped"
void bench_skip(const char *system, const char *op, const char *reason);

// Takes the samples of one row and reports it. The arguments are the fields of struct bench.
void bench_row(const char *system, const char *op, const char *how, uint32_t (*once)(void), uint32_t empty,
               uint32_t moved);

// Measures `count` ways to do one operation and reports each as event "candidate". The one with the fewest instructions
// less those that move pages is reported as the row. Returns its index, or `count` if none could be measured.
unsigned bench_best(const struct bench *ways, unsigned count);

#endif
