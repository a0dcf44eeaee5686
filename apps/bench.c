// SPDX-License-Identifier: MIT
// Samples of a row, and the event that reports it.
#include "apps/bench.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include <stdlib.h>

static int by_size(const void *a, const void *b) {
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static int32_t nothing(void) {
    const uint32_t before = stamp();
    return elapsed(before, stamp());
}

int32_t bench_least(int32_t (*once)(void)) {
    int32_t least = INT32_MAX;
    for (unsigned i = 0; i < BENCH_SAMPLES; i++) {
        const int32_t sample = once();
        if (sample < least) least = sample;
    }
    return least;
}

int32_t bench_empty(void) {
    return bench_least(nothing);
}

void bench_row(const char *op, int32_t (*once)(void), int32_t empty) {
    static int32_t samples[BENCH_SAMPLES];
    for (unsigned i = 0; i < BENCH_WARM_UP; i++) (void)once();
    for (unsigned i = 0; i < BENCH_SAMPLES; i++) samples[i] = once() - empty;
    qsort(samples, BENCH_SAMPLES, sizeof *samples, by_size);
    report("{\"event\":\"bench\",\"job\":%lu,\"op\":\"%s\",\"minimum\":%d,\"median\":%d,\"maximum\":%d,\"samples\":%u}",
           start->job, op, samples[0], samples[BENCH_SAMPLES / 2], samples[BENCH_SAMPLES - 1], BENCH_SAMPLES);
}

void bench_compiler(void) {
    report("{\"event\":\"compiler\",\"job\":%lu,\"version\":\"%s\"}", start->job, __clang_version__);
}
