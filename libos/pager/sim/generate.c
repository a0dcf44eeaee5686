// SPDX-License-Identifier: MIT
// The generated traces. Integer arithmetic only, so that every build, on any machine, gives the same bytes. Numbers
// come from lcg.h; the seed is the generator's first state. tests/unit/simulator_traces.c holds digests of all of them.
#include "libos/pager/policy/lcg.h"
#include "libos/pager/sim/trace.h"
#include <stdlib.h>
#include <string.h>

// Zipf's distribution over ranks 0 … n-1, as cumulative weights; weight of rank i-1: 2^40 / i, or with the exponent
// one half, 2^48 / isqrt(i * 2^32).
struct zipf {
    unsigned ranks;
    uint64_t sum[10000];
};

static uint64_t square_root(uint64_t n) {
    uint64_t root = 0;
    for (uint64_t bit = 1ull << 31; bit != 0; bit >>= 1) {
        if ((root | bit) * (root | bit) <= n) root |= bit;
    }
    return root;
}

static struct zipf *zipf_new(unsigned ranks, bool half) {
    struct zipf *zipf = malloc(sizeof *zipf);
    if (zipf == nullptr) abort();
    zipf->ranks = ranks;
    uint64_t sum = 0;
    for (uint64_t i = 1; i <= ranks; i++) {
        sum += half ? (1ull << 48) / square_root(i << 32) : (1ull << 40) / i;
        zipf->sum[i - 1] = sum;
    }
    return zipf;
}

// The number of cumulative weights that are not above the number drawn.
static unsigned zipf_draw(const struct zipf *zipf, uint64_t *x) {
    uint64_t drawn = lcg_draw(x, zipf->sum[zipf->ranks - 1]);
    unsigned low = 0, high = zipf->ranks;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (zipf->sum[middle] <= drawn)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void zipf_pages(struct trace *trace, uint64_t seed, bool half) {
    struct zipf *zipf = zipf_new(10000, half);
    for (unsigned i = 0; i < 1000000; i++) trace_add(trace, (zipf_draw(zipf, &seed) * 6151ull + 17) % 10000, false);
    free(zipf);
}

static void zipf10(struct trace *trace) {
    zipf_pages(trace, 1, false);
}

static void zipf05(struct trace *trace) {
    zipf_pages(trace, 2, true);
}

static void loop1100(struct trace *trace) {
    for (unsigned i = 0; i < 110000; i++) trace_add(trace, i % 1100, false);
}

static void scanmix(struct trace *trace) {
    struct zipf *zipf = zipf_new(2000, false);
    uint64_t x = 4, fresh = 2000;
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 20000; i++) trace_add(trace, (zipf_draw(zipf, &x) * 1237ull + 5) % 2000, false);
        for (unsigned i = 0; i < 2000; i++) trace_add(trace, fresh++, false);
    }
    free(zipf);
}

static void phases(struct trace *trace) {
    uint64_t x = 5;
    for (unsigned phase = 0; phase < 10; phase++) {
        for (unsigned i = 0; i < 20000; i++) trace_add(trace, 600 * phase + lcg_draw(&x, 800), false);
    }
}

static void twopool(struct trace *trace) {
    uint64_t x = 6;
    for (unsigned i = 0; i < 100000; i++) {
        trace_add(trace, i % 2 == 0 ? lcg_draw(&x, 100) : 100 + lcg_draw(&x, 10000), false);
    }
}

static void uniform(struct trace *trace) {
    uint64_t x = 7;
    for (unsigned i = 0; i < 200000; i++) trace_add(trace, lcg_draw(&x, 5000), false);
}

static void loopzipf(struct trace *trace) {
    struct zipf *zipf = zipf_new(500, false);
    uint64_t x = 8;
    for (unsigned i = 0; i < 150000; i++) {
        trace_add(trace, (zipf_draw(zipf, &x) * 211ull + 3) % 500, false);
        trace_add(trace, 500 + i % 1500, false);
    }
    free(zipf);
}

// C = A * B, 128 x 128 doubles by rows, four rows a page; repeats of the same page are dropped.
static void matmul128(struct trace *trace) {
    constexpr unsigned n = 128, rows = 4, matrix = n / rows;
    uint64_t last = UINT64_MAX;
    for (unsigned i = 0; i < n; i++) {
        for (unsigned j = 0; j < n; j++) {
            for (unsigned step = 0; step <= 2 * n; step++) {
                uint64_t page = step == 2 * n   ? 2 * matrix + i / rows
                                : step % 2 == 0 ? i / rows
                                                : matrix + step / 2 / rows;
                if (page != last) trace_add(trace, page, false);
                last = page;
            }
        }
    }
}

static void dirtymix(struct trace *trace) {
    struct zipf *zipf = zipf_new(2000, false);
    uint64_t x = 9;
    trace->has_writes = true;
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t page = (zipf_draw(zipf, &x) * 1237ull + 5) % 2000;
        trace_add(trace, page, lcg_draw(&x, 100) < 30);
    }
    free(zipf);
}

static void literal(struct trace *trace, const char *pages) {
    for (; *pages != '\0'; pages++) trace_add(trace, (uint64_t)(*pages - '0'), false);
}

static void anomaly(struct trace *trace) {
    literal(trace, "123412512345");
}

static void textbook(struct trace *trace) {
    literal(trace, "70120304230321201701");
}

const struct trace_recipe trace_recipes[] = {
    {"zipf10", "1,000,000 references to 10,000 pages, Zipf with exponent 1", zipf10},
    {"zipf05", "1,000,000 references to 10,000 pages, Zipf with exponent 1/2", zipf05},
    {"loop1100", "1,100 pages in order, 100 times", loop1100},
    {"scanmix", "Zipf over 2,000 pages, broken by scans of pages never seen before", scanmix},
    {"phases", "ten working sets of 800 pages, one after the other, each overlapping the last", phases},
    {"twopool", "every other reference to 100 hot pages, the rest to 10,000 cold ones", twopool},
    {"uniform", "200,000 references to 5,000 pages, all alike", uniform},
    {"loopzipf", "Zipf over 500 pages in turn with a loop over 1,500", loopzipf},
    {"matmul128", "naive multiplication of 128 x 128 matrices", matmul128},
    {"dirtymix", "200,000 references to 2,000 pages, Zipf, three in ten write", dirtymix},
    {"anomaly", "Belady's anomaly: more faults with 4 frames than with 3 under FIFO", anomaly},
    {"textbook", "the string of the operating-system textbooks", textbook},
    {},
};

bool trace_generate(struct trace *trace, const char *name) {
    for (const struct trace_recipe *recipe = trace_recipes; recipe->name != nullptr; recipe++) {
        if (strcmp(recipe->name, name) == 0) {
            recipe->generate(trace);
            return true;
        }
    }
    return false;
}
