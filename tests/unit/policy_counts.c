// SPDX-License-Identifier: MIT
// Every policy's faults and write-backs on generated traces, cell by cell. The expected numbers come from simulators
// written by others or apart from this one: those of `pager_rules` from a program written from the prose definitions
// alone, OPT and the published bit convention from libCacheSim (commit aa0fc40), CLOCK-Pro from its author's program.
#include "libos/pager/sim/simulate.h"
#include <criterion/criterion.h>
#include <string.h>

struct cell {
    const char *trace, *policy;
    uint32_t frames;
    uint64_t faults, writebacks;
};

// clang-format off
// As on hardware: the restarted access sets A of the new page.
static const struct cell pager_rules[] = {
    {"anomaly", "fifo", 3, 9, 0}, {"anomaly", "lifo", 3, 8, 0}, {"anomaly", "random_lcg", 3, 10, 0},
    {"anomaly", "lru", 3, 10, 0}, {"anomaly", "clock1", 3, 9, 0}, {"anomaly", "clock1_d1", 3, 10, 0},
    {"anomaly", "esc", 3, 9, 0}, {"anomaly", "nru_f64", 3, 9, 0}, {"anomaly", "aging8_f64", 3, 9, 0},
    {"anomaly", "sieve1", 3, 9, 0}, {"anomaly", "sieve1_d1", 3, 10, 0}, {"anomaly", "fifo", 4, 10, 0},
    {"anomaly", "lifo", 4, 7, 0}, {"anomaly", "random_lcg", 4, 8, 0}, {"anomaly", "lru", 4, 8, 0},
    {"anomaly", "clock1", 4, 10, 0}, {"anomaly", "clock1_d1", 4, 8, 0}, {"anomaly", "esc", 4, 10, 0},
    {"anomaly", "nru_f64", 4, 10, 0}, {"anomaly", "aging8_f64", 4, 10, 0}, {"anomaly", "sieve1", 4, 10, 0},
    {"anomaly", "sieve1_d1", 4, 8, 0}, {"anomaly", "twoq_clock", 4, 9, 0}, {"textbook", "fifo", 3, 15, 0},
    {"textbook", "lifo", 3, 12, 0}, {"textbook", "random_lcg", 3, 11, 0}, {"textbook", "lru", 3, 12, 0},
    {"textbook", "clock1", 3, 14, 0}, {"textbook", "clock1_d1", 3, 11, 0}, {"textbook", "esc", 3, 14, 0},
    {"textbook", "nru_f64", 3, 15, 0}, {"textbook", "aging8_f64", 3, 15, 0}, {"textbook", "sieve1", 3, 14, 0},
    {"textbook", "sieve1_d1", 3, 11, 0}, {"textbook", "fifo", 4, 10, 0}, {"textbook", "lifo", 4, 9, 0},
    {"textbook", "random_lcg", 4, 9, 0}, {"textbook", "lru", 4, 8, 0}, {"textbook", "clock1", 4, 9, 0},
    {"textbook", "clock1_d1", 4, 8, 0}, {"textbook", "esc", 4, 9, 0}, {"textbook", "nru_f64", 4, 10, 0},
    {"textbook", "aging8_f64", 4, 10, 0}, {"textbook", "sieve1", 4, 9, 0}, {"textbook", "sieve1_d1", 4, 8, 0},
    {"textbook", "twoq_clock", 4, 12, 0}, {"dirtymix", "fifo", 100, 108325, 42230},
    {"dirtymix", "lifo", 100, 102062, 30864}, {"dirtymix", "random_lcg", 100, 108130, 40915},
    {"dirtymix", "lru", 100, 97538, 34673}, {"dirtymix", "clock1", 100, 100310, 36357},
    {"dirtymix", "clock1_d1", 100, 94768, 33142}, {"dirtymix", "esc", 100, 100850, 34895},
    {"dirtymix", "nru_f64", 100, 96449, 32068}, {"dirtymix", "aging8_f64", 100, 95751, 33460},
    {"dirtymix", "sieve1", 100, 97990, 34442}, {"dirtymix", "sieve1_d1", 100, 77071, 23474},
    {"dirtymix", "twoq_clock", 100, 84008, 27776}, {"dirtymix", "fifo", 800, 39438, 20524},
    {"dirtymix", "lifo", 800, 31957, 9461}, {"dirtymix", "random_lcg", 800, 39316, 19153},
    {"dirtymix", "lru", 800, 32011, 13939}, {"dirtymix", "clock1", 800, 33375, 15073},
    {"dirtymix", "clock1_d1", 800, 30864, 12951}, {"dirtymix", "esc", 800, 34955, 14596},
    {"dirtymix", "nru_f64", 800, 35586, 10823}, {"dirtymix", "aging8_f64", 800, 31901, 13871},
    {"dirtymix", "sieve1", 800, 31911, 13668}, {"dirtymix", "sieve1_d1", 800, 26617, 7921},
    {"dirtymix", "twoq_clock", 800, 31805, 13682}, {"phases", "fifo", 620, 48159, 0},
    {"phases", "lifo", 620, 180609, 0}, {"phases", "random_lcg", 620, 52341, 0}, {"phases", "lru", 620, 48202, 0},
    {"phases", "clock1", 620, 48152, 0}, {"phases", "clock1_d1", 620, 48193, 0}, {"phases", "esc", 620, 48247, 0},
    {"phases", "nru_f64", 620, 48214, 0}, {"phases", "aging8_f64", 620, 48212, 0},
    {"phases", "sieve1", 620, 48161, 0}, {"phases", "sieve1_d1", 620, 73070, 0},
    {"phases", "twoq_clock", 620, 50072, 0}, {"twopool", "fifo", 1003, 50079, 0}, {"twopool", "lifo", 1003, 45629, 0},
    {"twopool", "random_lcg", 1003, 50056, 0}, {"twopool", "lru", 1003, 45677, 0},
    {"twopool", "clock1", 1003, 45829, 0}, {"twopool", "clock1_d1", 1003, 45683, 0},
    {"twopool", "esc", 1003, 45922, 0}, {"twopool", "nru_f64", 1003, 49003, 0},
    {"twopool", "aging8_f64", 1003, 45687, 0}, {"twopool", "sieve1", 1003, 45705, 0},
    {"twopool", "sieve1_d1", 1003, 45609, 0}, {"twopool", "twoq_clock", 1003, 45731, 0},
    {"loop1100", "fifo", 500, 110000, 0}, {"loop1100", "lifo", 500, 60599, 0},
    {"loop1100", "random_lcg", 500, 93115, 0}, {"loop1100", "lru", 500, 110000, 0},
    {"loop1100", "clock1", 500, 110000, 0}, {"loop1100", "clock1_d1", 500, 110000, 0},
    {"loop1100", "esc", 500, 110000, 0}, {"loop1100", "nru_f64", 500, 110000, 0},
    {"loop1100", "aging8_f64", 500, 110000, 0}, {"loop1100", "sieve1", 500, 110000, 0},
    {"loop1100", "sieve1_d1", 500, 110000, 0}, {"loop1100", "twoq_clock", 500, 110000, 0},
};

static const struct cell optimum[] = {
    {"anomaly", "opt", 3, 7, 0}, {"anomaly", "opt", 4, 6, 0}, {"textbook", "opt", 3, 9, 0},
    {"textbook", "opt", 4, 8, 0}, {"dirtymix", "opt", 100, 60443, 0}, {"dirtymix", "opt", 800, 14265, 0},
    {"phases", "opt", 620, 16809, 0}, {"phases", "opt", 4960, 6200, 0}, {"twopool", "opt", 1003, 31436, 0},
    {"loop1100", "opt", 500, 60500, 0}, {"loop1100", "opt", 1099, 1199, 0},
};

// A of a new page starts clear, as simulators of caches have it. Their sources know no writes.
static const struct cell published_clock_and_sieve[] = {
    {"dirtymix", "clock1", 100, 94746, 0}, {"dirtymix", "sieve1", 100, 76350, 0},
    {"dirtymix", "clock1", 800, 30865, 0}, {"dirtymix", "sieve1", 800, 26400, 0}, {"phases", "clock1", 620, 48205, 0},
    {"phases", "sieve1", 620, 67864, 0}, {"twopool", "clock1", 1003, 45683, 0}, {"twopool", "sieve1", 1003, 45608, 0},
};

// Likewise, and immediate repeats are dropped, as the author's program does.
static const struct cell published_clockpro[] = {
    {"phases", "clockpro", 310, 123946, 0}, {"phases", "clockpro", 620, 51492, 0},
    {"phases", "clockpro", 1240, 11001, 0}, {"uniform", "clockpro", 250, 190127, 0},
    {"uniform", "clockpro", 1000, 160024, 0}, {"twopool", "clockpro", 501, 48100, 0},
    {"twopool", "clockpro", 1003, 45547, 0}, {"loop1100", "clockpro", 500, 62975, 0},
    {"loop1100", "clockpro", 1000, 15950, 0}, {"loop1100", "clockpro", 1050, 11198, 0},
    {"loop1100", "clockpro", 1099, 6545, 0}, {"loop1100", "clockpro", 1100, 1100, 0},
};
// clang-format on

static struct simulation_counts count(const struct cell *cell, bool starts_clear, bool drop_repeats) {
    static struct trace *trace; // cells of the same trace stand together
    if (trace == nullptr || strcmp(trace->name, cell->trace) != 0) {
        trace_free(trace);
        trace = trace_new(cell->trace);
        cr_assert(trace_generate(trace, cell->trace));
    }
    const struct simulation options = {
        .policy = policy_find(cell->policy),
        .trace = trace,
        .frames = cell->frames,
        .seed = 1,
        .starts_clear = starts_clear,
        .drop_repeats = drop_repeats,
    };
    struct simulation_counts counts;
    cr_assert_not_null(options.policy, "%s", cell->policy);
    cr_assert(simulate(&options, &counts), "%s with %u frames", cell->policy, cell->frames);
    cr_expect_eq(counts.references, trace->length);
    return counts;
}

static void expect_faults(const struct cell *cell, uint64_t faults) {
    cr_expect_eq(faults, cell->faults, "%s, %s, %u frames: %lu faults, not %lu", cell->trace, cell->policy,
                 cell->frames, faults, cell->faults);
}

Test(policy, faults_and_writebacks_on_accessed_bits_are_those_of_the_definitions) {
    for (size_t i = 0; i < sizeof pager_rules / sizeof *pager_rules; i++) {
        const struct cell *cell = &pager_rules[i];
        const struct simulation_counts counts = count(cell, false, false);
        expect_faults(cell, counts.faults);
        cr_expect_eq(counts.writebacks, cell->writebacks, "%s, %s, %u frames: %lu write-backs, not %lu", cell->trace,
                     cell->policy, cell->frames, counts.writebacks, cell->writebacks);
        cr_expect_eq(counts.reads, counts.faults, "every page of a backed region is read");
    }
}

Test(policy, optimum_is_that_of_an_independent_simulator) {
    for (size_t i = 0; i < sizeof optimum / sizeof *optimum; i++) {
        expect_faults(&optimum[i], count(&optimum[i], false, false).faults);
    }
}

Test(policy, clock_and_sieve_are_the_published_ones_when_the_bit_starts_clear) {
    for (size_t i = 0; i < sizeof published_clock_and_sieve / sizeof *published_clock_and_sieve; i++) {
        const struct cell *cell = &published_clock_and_sieve[i];
        expect_faults(cell, count(cell, true, false).faults);
    }
}

Test(policy, clockpro_is_its_authors_when_the_bit_starts_clear) {
    for (size_t i = 0; i < sizeof published_clockpro / sizeof *published_clockpro; i++) {
        expect_faults(&published_clockpro[i], count(&published_clockpro[i], true, true).faults);
    }
}
