// SPDX-License-Identifier: MIT
// What must hold of policies whatever the trace: closed forms, bounds, known anomalies, and the order of victims.
#include "libos/pager/policy/lcg.h"
#include "libos/pager/sim/simulate.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct simulation_counts run(const char *policy, const struct trace *trace, uint32_t frames) {
    const struct simulation options = {.policy = policy_find(policy), .trace = trace, .frames = frames, .seed = 1};
    struct simulation_counts counts = {};
    cr_assert_not_null(options.policy, "%s", policy);
    cr_assert(simulate(&options, &counts), "%s, %u frames", policy, frames);
    return counts;
}

static struct trace *loop(unsigned pages, unsigned laps) {
    struct trace *trace = trace_new("loop");
    for (unsigned i = 0; i < pages * laps; i++) trace_add(trace, i % pages, false);
    return trace;
}

// "12 13W": references to the pages, W for a write.
static struct trace *string(const char *text) {
    struct trace *trace = trace_new("string");
    unsigned page;
    for (int used; sscanf(text, "%u%n", &page, &used) == 1;) {
        text += used;
        const bool write = *text == 'W';
        text += write;
        trace_add(trace, page, write);
    }
    return trace;
}

struct victims {
    const struct trace *trace;
    char text[256];
};

static void note(void *context, uint32_t page) {
    struct victims *victims = context;
    const size_t used = strlen(victims->text);
    snprintf(victims->text + used, sizeof victims->text - used, "%s%lu", used == 0 ? "" : " ",
             victims->trace->number[page]);
}

static void expect_victims(const char *policy, const char *references, uint32_t frames, const char *wanted) {
    struct trace *trace = string(references);
    struct victims victims = {.trace = trace};
    const struct simulation options = {.policy = policy_find(policy),
                                       .trace = trace,
                                       .frames = frames,
                                       .seed = 1,
                                       .evicted = note,
                                       .context = &victims};
    struct simulation_counts counts;
    cr_assert(simulate(&options, &counts));
    cr_expect_str_eq(victims.text, wanted, "%s: victims %s, not %s", policy, victims.text, wanted);
    trace_free(trace);
}

Test(policy, every_name_is_found_and_others_are_not) {
    for (const struct policy *const *each = policies; *each != nullptr; each++) {
        cr_expect_eq(policy_find((*each)->name), *each, "%s", (*each)->name);
    }
    cr_expect_null(policy_find("clock"));
    cr_expect_null(policy_find("clock1_"));
    cr_expect_null(policy_find(""));
}

Test(policy, fewer_frames_than_the_minimum_are_refused) {
    struct trace *trace = loop(5, 2);
    for (const struct policy *const *each = policies; *each != nullptr; each++) {
        struct simulation_counts counts;
        const struct simulation options = {.policy = *each, .trace = trace, .frames = (*each)->minimum - 1};
        cr_expect_not(simulate(&options, &counts), "%s", (*each)->name);
    }
    trace_free(trace);
}

Test(policy, fifo_and_clock_show_beladys_anomaly_and_the_stack_policies_do_not) {
    struct trace *trace = string("1 2 3 4 1 2 5 1 2 3 4 5");
    cr_expect_eq(run("fifo", trace, 3).faults, 9);
    cr_expect_eq(run("fifo", trace, 4).faults, 10);
    cr_expect_gt(run("clock1", trace, 4).faults, run("clock1", trace, 3).faults);
    cr_expect_lt(run("lru", trace, 4).faults, run("lru", trace, 3).faults);
    cr_expect_lt(run("opt", trace, 4).faults, run("opt", trace, 3).faults);
    trace_free(trace);
}

// The optimum cannot fault less than N - C times a lap after the first, and has room to reach that if there are as many
// frames as laps.
Test(policy, a_loop_that_does_not_fit_follows_the_closed_forms) {
    constexpr unsigned pages = 60, laps = 11;
    struct trace *trace = loop(pages, laps);
    for (uint32_t frames = 4; frames < pages; frames += 5) {
        const uint64_t least = pages + (laps - 1) * (pages - frames), optimum = run("opt", trace, frames).faults;
        cr_expect(optimum == least || (frames < laps && optimum > least), "%u frames: %lu, %lu", frames, optimum,
                  least);
        const char *always[] = {"fifo", "lru", "clock1", "clock1_d1", "sieve1", "sieve1_d1", "esc"};
        for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
            cr_expect_eq(run(always[i], trace, frames).faults, pages * laps, "%s, %u frames", always[i], frames);
        }
    }
    trace_free(trace);
}

Test(policy, what_fits_faults_once_a_page) {
    struct trace *trace = loop(60, 5);
    for (const struct policy *const *each = policies; *each != nullptr; each++) {
        cr_expect_eq(run((*each)->name, trace, 60).faults, 60, "%s", (*each)->name);
        cr_expect_eq(run((*each)->name, trace, 61).faults, 60, "%s", (*each)->name);
    }
    trace_free(trace);
}

Test(policy, the_optimum_is_never_beaten_and_nobody_faults_more_than_once_a_reference) {
    uint64_t x = 1;
    for (unsigned round = 0; round < 150; round++) {
        struct trace *trace = trace_new("random");
        const uint64_t length = 20 + lcg_draw(&x, 300), pages = 2 + lcg_draw(&x, 40), kind = lcg_draw(&x, 3);
        for (uint64_t i = 0; i < length; i++) {
            const uint64_t page = kind == 0 || (kind == 1 && lcg_draw(&x, 2) == 0) ? lcg_draw(&x, pages) : i % pages;
            trace_add(trace, page, lcg_draw(&x, 4) == 0);
        }
        for (uint32_t frames = 1; frames < 20; frames += 3) {
            const uint64_t least = run("opt", trace, frames).faults;
            cr_expect_geq(least, trace->pages);
            for (const struct policy *const *each = policies; *each != nullptr; each++) {
                if (frames < (*each)->minimum) continue;
                const struct simulation_counts counts = run((*each)->name, trace, frames);
                cr_expect_geq(counts.faults, least, "%s, %u frames", (*each)->name, frames);
                cr_expect_leq(counts.faults, length, "%s, %u frames", (*each)->name, frames);
                cr_expect_leq(counts.writebacks, counts.faults, "%s, %u frames", (*each)->name, frames);
            }
        }
        trace_free(trace);
    }
}

Test(policy, victims_come_in_the_stated_order) {
    const char *textbook = "7 0 1 2 0 3 0 4 2 3 0 3 2 1 2 0 1 7 0 1";
    expect_victims("fifo", textbook, 3, "7 0 1 2 3 0 4 2 3 0 1 2");
    expect_victims("lru", textbook, 3, "7 1 2 3 0 4 0 3 2");
    expect_victims("opt", textbook, 3, "7 1 0 4 3 2");
    expect_victims("lifo", "1 2 3 4 5 1 4", 3, "3 4 5");
    expect_victims("clock1", "1 2 3 4 2 5 6", 3, "1 3 2"); // the sweep for 4 cleared A of 2 and 3, 2 was used again
    expect_victims("clock1_d1", "1 2 1 3 4 5", 3, "2 3");  // 1 was used after its load, 2 was not
    expect_victims("sieve1_d1", "1 2 3 1 4 5", 3, "2 3");  // 1 keeps its place but not its bit
    expect_victims("esc", "1W 2 3W 4 5", 3, "2 3");        // the clean page; then all are dirty or accessed
    expect_victims("twoq_clock", "1 2 3 4 5 1 6 7 1 8", 4, "1 2 3 4 5");
}

Test(policy, enhanced_second_chance_spares_dirty_pages) {
    struct trace *trace = trace_new("mix");
    uint64_t x = 3;
    for (unsigned i = 0; i < 20000; i++) trace_add(trace, lcg_draw(&x, 100), lcg_draw(&x, 10) == 0);
    cr_expect_lt(run("esc", trace, 50).writebacks, run("clock1", trace, 50).writebacks);
    trace_free(trace);
}

Test(policy, random_depends_on_its_seed_and_on_nothing_else) {
    struct trace *trace = loop(40, 20);
    struct simulation options = {.policy = policy_find("random_lcg"), .trace = trace, .frames = 20, .seed = 1};
    struct simulation_counts first, again, other;
    cr_assert(simulate(&options, &first));
    cr_assert(simulate(&options, &again));
    options.seed = 2;
    cr_assert(simulate(&options, &other));
    cr_expect_eq(first.sequence, again.sequence);
    cr_expect_neq(first.sequence, other.sequence);
    trace_free(trace);
}

Test(policy, only_pages_that_were_written_back_are_read_when_zero_filled) {
    struct trace *trace = string("1 2W 3 1 2 3 1 2"); // fifo, 2 frames: all eight fault
    struct simulation options = {
        .policy = policy_find("fifo"), .trace = trace, .frames = 2, .seed = 1, .zero_filled = true};
    struct simulation_counts counts;
    cr_assert(simulate(&options, &counts));
    cr_expect_eq(counts.faults, 8);
    cr_expect_eq(counts.writebacks, 1);
    cr_expect_eq(counts.reads, 2); // page 2, twice
    trace_free(trace);
}
