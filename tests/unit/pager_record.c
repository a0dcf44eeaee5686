// SPDX-License-Identifier: MIT
// Recording: the recorded string, simulated, gives the run's own counts, and instructions that need several pages get
// through. That they do as the simulator says: pager_groups.c.
#include "libos/pager/policy/lcg.h"
#include "libos/pager/recording.h"
#include "libos/pager/sim/simulate.h"
#include "tests/unit/pager_fake.h"
#include <criterion/criterion.h>
#include <string.h>

constexpr unsigned PAGES = 60, FRAMES = 14;

static struct pager_region *attach(const char *policy, bool record) {
    const struct pager_options options = {.name = "test",
                                          .job = 5,
                                          .first = fake_address(0),
                                          .pages = PAGES,
                                          .policy = policy_find(policy),
                                          .frames = FRAMES,
                                          .block = 0,
                                          .seed = 1,
                                          .record = record};
    struct pager_region *region = pager_attach(&options);
    cr_assert_not_null(region, "%s", pager_problem());
    return region;
}

static struct trace *recorded(void) {
    struct trace *trace = trace_new("recorded");
    for (size_t i = 0; i < fake.recorded; i++) {
        const uint32_t word = fake.recording[i];
        cr_assert_eq(word & RECORDED_JOINED, 0, "the program's instructions have one page each");
        trace_add(trace, word >> RECORDED_SHIFT, (word & RECORDED_KIND) == RECORDED_WRITE);
    }
    return trace;
}

static uint64_t versions[PAGES];

static void execute(uint64_t rip, const struct fake_access *accesses, unsigned count) {
    uint64_t *words = fake_execute(rip, accesses, count);
    const struct fake_access *last = &accesses[count - 1];
    cr_assert_eq(words[0], versions[last->page], "page %lu", last->page);
    if (last->write) words[0] = ++versions[last->page];
}

// A program: instructions with one to `most` accesses, some of them repeated many times, some in loops over pages.
static void program(unsigned most) {
    uint64_t x = 21;
    for (unsigned i = 0; i < 6000; i++) {
        struct fake_access accesses[4];
        const uint64_t kind = lcg_draw(&x, 8);
        const unsigned count = kind == 0 ? most : kind < 3 && most > 1 ? 2 : 1;
        const unsigned repeats = lcg_draw(&x, 6) == 0 ? 12 : 1;
        for (unsigned j = 0; j < count; j++) {
            accesses[j] = (struct fake_access){lcg_draw(&x, 2) == 0 ? lcg_draw(&x, 8) : lcg_draw(&x, PAGES),
                                               lcg_draw(&x, 5) == 0};
        }
        for (unsigned k = 0; k < repeats; k++) {
            execute(0x1000 + kind, accesses, count);
            accesses[0].page = (accesses[0].page + 1) % PAGES;
        }
    }
}

// The counts of the recorded string, simulated.
static struct simulation_counts simulated(const char *policy) {
    struct trace *trace = recorded();
    const struct simulation options = {
        .policy = policy_find(policy), .trace = trace, .frames = FRAMES, .seed = 1, .zero_filled = true};
    struct simulation_counts counts;
    cr_assert(simulate(&options, &counts));
    trace_free(trace);
    return counts;
}

static void record_and_simulate(const char *policy) {
    struct pager_region *region = attach(policy, true);
    program(1);
    const struct pager_statistics found = pager_statistics(region);
    pager_report();
    const struct simulation_counts wanted = simulated(policy);
    cr_expect_eq(found.faults, wanted.faults, "%s: %lu faults, simulated %lu", policy, found.faults, wanted.faults);
    cr_expect_eq(found.writebacks, wanted.writebacks);
    cr_expect_eq(found.reads, wanted.reads);
    cr_expect_gt(found.faults, 1000);
}

#define RECORDED_AS_SIMULATED(policy)                                                                                  \
    Test(pager, policy##_recorded_and_simulated_agree) {                                                               \
        record_and_simulate(#policy);                                                                                  \
    }
RECORDED_AS_SIMULATED(fifo)
RECORDED_AS_SIMULATED(lifo)
RECORDED_AS_SIMULATED(clock1)
RECORDED_AS_SIMULATED(clock1_d1)
RECORDED_AS_SIMULATED(sieve1_d1)
RECORDED_AS_SIMULATED(esc)
RECORDED_AS_SIMULATED(nru_f64)
RECORDED_AS_SIMULATED(aging8_f64)
RECORDED_AS_SIMULATED(twoq_clock)
RECORDED_AS_SIMULATED(clockpro)

Test(pager, page_changes_are_recorded_and_repeats_are_not) {
    attach("fifo", true);
    const struct fake_access accesses[] = {{1, false}, {1, false}, {2, false}, {1, true},
                                           {1, false}, {2, true},  {2, true}};
    for (unsigned i = 0; i < 7; i++) fake_execute(0x1000 + i, &accesses[i], 1);
    pager_report();
    cr_expect_str_eq(fake_recording(), "1R 2R 1W 2W ");
    cr_expect_not_null(strstr(fake.report, "{\"event\":\"references\",\"job\":5,\"region\":\"test\",\"count\":4}"),
                       "%s", fake.report);
    cr_expect_not_null(strstr(fake.report, "\"references\":4,\"faults\":2,"), "%s", fake.report);
}

static void needs_eight(const char *policy, bool record) {
    attach(policy, record);
    for (unsigned page = 0; page < PAGES; page++) fake_touch(page, page % 3 == 0); // all frames are taken
    for (unsigned round = 0; round < 3; round++) {
        struct fake_access accesses[8];
        for (unsigned i = 0; i < 8; i++) accesses[i] = (struct fake_access){(7 * i + round) % PAGES, i % 2 == 0};
        fake_execute(0x1000, accesses, 8); // fails the test if it doesn't get through
        fake_touch(59 - round, false);
    }
}

#define GETS_THROUGH(policy)                                                                                           \
    Test(pager, policy##_lets_an_instruction_with_eight_pages_through) {                                               \
        needs_eight(#policy, false);                                                                                   \
    }                                                                                                                  \
    Test(pager, policy##_lets_it_through_when_recording) {                                                             \
        needs_eight(#policy, true);                                                                                    \
    }
GETS_THROUGH(fifo)
GETS_THROUGH(lifo)
GETS_THROUGH(random_lcg)
GETS_THROUGH(clock1)
GETS_THROUGH(clock1_d1)
GETS_THROUGH(esc)
GETS_THROUGH(nru_f64)
GETS_THROUGH(aging8_f64)
GETS_THROUGH(sieve1)
GETS_THROUGH(sieve1_d1)
GETS_THROUGH(twoq_clock)
GETS_THROUGH(clockpro)

Test(pager, an_instruction_that_needs_more_pages_than_frames_ends_the_pe) {
    const struct pager_options options = {
        .name = "tiny", .first = fake_address(0), .pages = 4, .policy = policy_find("fifo"), .frames = 1, .seed = 1};
    cr_assert_not_null(pager_attach(&options));
    jmp_buf back;
    fake.on_failure = &back;
    if (setjmp(back) == 0) {
        fake_execute(0x1000, (struct fake_access[]){{0, false}, {1, true}}, 2);
        cr_assert(false, "one frame cannot hold two pages");
    }
    cr_expect_str_eq(fake.failure, "region tiny: an instruction needs more pages at once than the 1 frames hold");
}

Test(pager, a_recorded_run_has_the_counts_and_victims_of_one_that_is_not) {
    struct pager_region *plain = attach("clock1_d1", false);
    const struct pager_options options = {.name = "recorded",
                                          .first = fake_address(PAGES),
                                          .pages = PAGES,
                                          .block = PAGES,
                                          .policy = policy_find("clock1_d1"),
                                          .frames = FRAMES,
                                          .seed = 1,
                                          .record = true};
    struct pager_region *watched = pager_attach(&options);
    cr_assert_not_null(watched);
    uint64_t x = 4;
    for (unsigned i = 0; i < 3000; i++) {
        const uint64_t page = lcg_draw(&x, lcg_draw(&x, 2) == 0 ? FRAMES : PAGES);
        const bool write = lcg_draw(&x, 4) == 0;
        fake_execute(0x2000 + i, &(struct fake_access){page, write}, 1);
        fake_execute(0x2000 + i, &(struct fake_access){PAGES + page, write}, 1);
    }
    const struct pager_statistics one = pager_statistics(plain), other = pager_statistics(watched);
    cr_expect_gt(one.faults, 1000);
    cr_expect_eq(one.faults, other.faults);
    cr_expect_eq(one.reads, other.reads);
    cr_expect_eq(one.writebacks, other.writebacks);
    cr_expect_eq(one.sequence, other.sequence);
}
