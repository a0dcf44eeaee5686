// SPDX-License-Identifier: MIT
// Instructions that need several pages at once: for every policy a run on the machine of arrays, recorded or not, has
// the faults, write-backs and victims of the simulator, fed with what another policy's run of the program has recorded.
#include "libos/pager/policy/lcg.h"
#include "libos/pager/recording.h"
#include "libos/pager/sim/simulate.h"
#include "tests/unit/pager_fake.h"
#include <criterion/criterion.h>
#include <string.h>

constexpr unsigned PAGES = 40, WIDEST = 4, LENGTH = 6000;

static struct pager_region *attach(unsigned place, const char *policy, unsigned frames, bool record) {
    const struct pager_options options = {.name = "it",
                                          .first = fake_address(place * PAGES),
                                          .pages = PAGES,
                                          .policy = policy_find(policy),
                                          .frames = frames,
                                          .block = place * PAGES,
                                          .seed = 1,
                                          .record = record};
    struct pager_region *region = pager_attach(&options);
    cr_assert_not_null(region, "%s", pager_problem());
    return region;
}

// ---- the program ----

static uint64_t page_drawn(uint64_t *x, unsigned time) {
    const uint64_t kind = lcg_draw(x, 8);
    if (kind < 4) return (time / 40 + lcg_draw(x, 4)) % PAGES; // a few pages, and others as time goes on
    if (kind < 6) return time % PAGES;                         // a loop
    return lcg_draw(x, PAGES);
}

// An instruction as a processor has them: its accesses, in order; returns their number.
static unsigned instruction(uint64_t *x, unsigned time, struct fake_access accesses[8]) {
    const uint64_t one = page_drawn(x, time), next = (one + 1) % PAGES, other = page_drawn(x, time);
    const bool write = lcg_draw(x, 3) == 0;
    const struct fake_access both_read[] = {{one, false}, {next, false}};
    const struct fake_access both_written[] = {{one, true}, {next, true}};
    const struct fake_access added[] = {{one, false}, {next, false}, {one, true}, {next, true}};
    const struct fake_access copied[] = {{one, false}, {other, true}};
    const struct fake_access copied_across[] = {
        {one, false}, {next, false}, {other, true}, {(other + 1) % PAGES, true}};
    switch (lcg_draw(x, 10)) {
    case 0: memcpy(accesses, both_read, sizeof both_read); return 2;
    case 1: memcpy(accesses, both_written, sizeof both_written); return 2;
    case 2: memcpy(accesses, added, sizeof added); return 4;
    case 3: memcpy(accesses, copied, sizeof copied); return 2;
    case 4: memcpy(accesses, copied_across, sizeof copied_across); return 4;
    default: accesses[0] = (struct fake_access){one, write}; return 1;
    }
}

// Begins with all pages in their order, so that the simulator numbers them as the pager does.
static void program(unsigned place) {
    uint64_t x = 5;
    for (unsigned i = 0; i < PAGES + LENGTH; i++) {
        struct fake_access accesses[8] = {{i, i % 3 == 0}};
        const unsigned count = i < PAGES ? 1 : instruction(&x, i, accesses);
        for (unsigned j = 0; j < count; j++) accesses[j].page += place * PAGES;
        const unsigned times = lcg_draw(&x, 5) == 0 ? 3 : 1;
        for (unsigned j = 0; j < times; j++) fake_execute(0x1000 + i % 50, accesses, count);
    }
}

// What region 0 recorded, with all frames that it can use.
static struct trace *recorded(void) {
    struct trace *trace = trace_new("recorded");
    attach(0, "fifo", PAGES, true);
    program(0);
    pager_report();
    for (size_t i = 0; i < fake.recorded; i++) {
        const uint32_t word = fake.recording[i], page = word >> RECORDED_SHIFT, kind = word & RECORDED_KIND;
        if (word & RECORDED_JOINED)
            cr_assert(trace_join(trace, page, kind != RECORDED_READ), "word %zu", i);
        else
            trace_add(trace, page, kind != RECORDED_READ);
        cr_assert_leq(kind, RECORDED_LATE);
        if (kind == RECORDED_LATE) trace_late(trace);
    }
    cr_assert_gt(trace->groups, 500);
    cr_assert_eq(trace->widest, WIDEST);
    return trace;
}

static struct simulation_counts simulated(const char *policy, const struct trace *trace, unsigned frames) {
    const struct simulation options = {
        .policy = policy_find(policy), .trace = trace, .frames = frames, .seed = 1, .zero_filled = true};
    struct simulation_counts counts;
    cr_assert(simulate(&options, &counts));
    return counts;
}

static void compare(const char *policy, unsigned frames, const struct pager_region *region,
                    const struct simulation_counts *wanted) {
    const struct pager_statistics found = pager_statistics(region);
    cr_expect_eq(found.faults, wanted->faults, "%s in %u frames: %lu faults, simulated %lu", policy, frames,
                 found.faults, wanted->faults);
    cr_expect_eq(found.writebacks, wanted->writebacks, "%s in %u frames: %lu write-backs, simulated %lu", policy,
                 frames, found.writebacks, wanted->writebacks);
    cr_expect_eq(found.reads, wanted->reads);
    cr_expect_eq(found.sequence, wanted->sequence, "%s in %u frames: other victims, or another order", policy, frames);
}

static void runs_as_simulated(const char *policy) {
    const struct policy *tried = policy_find(policy);
    if (tried->sees == POLICY_SEES_FUTURE) return; // no pager runs it on a program that does not announce references
    struct trace *trace = recorded();
    const unsigned frames[] = {WIDEST, 6, 15};
    for (unsigned i = 0; i < 3; i++) {
        if (frames[i] < tried->minimum) continue;
        const struct simulation_counts wanted = simulated(policy, trace, frames[i]);
        struct pager_region *plain = attach(1 + 2 * i, policy, frames[i], false),
                            *watched = attach(2 + 2 * i, policy, frames[i], true);
        program(1 + 2 * i);
        program(2 + 2 * i);
        compare(policy, frames[i], plain, &wanted);
        compare(policy, frames[i], watched, &wanted);
        cr_expect_gt(wanted.faults, 1000);
    }
    trace_free(trace);
}

#define POLICY(name)                                                                                                   \
    Test(pager_groups, name##_runs_instructions_with_several_pages_as_simulated) {                                     \
        runs_as_simulated(#name);                                                                                      \
    }
#include "libos/pager/policy/policies.def"
#undef POLICY

Test(pager_groups, what_a_recording_says_depends_on_neither_policy_nor_frames) {
    trace_free(recorded());
    const size_t count = fake.recorded;
    attach(1, "lifo", WIDEST, true);
    program(1);
    pager_report();
    cr_assert_eq(fake.recorded, 2 * count);
    cr_expect_arr_eq(fake.recording, fake.recording + count, count * sizeof *fake.recording);
}

Test(pager_groups, nobody_has_fewer_faults_than_opt) {
    struct trace *trace = recorded();
    for (unsigned frames = WIDEST; frames < PAGES; frames += 5) {
        const uint64_t least = simulated("opt", trace, frames).faults;
        for (const struct policy *const *each = policies; *each != nullptr; each++) {
            if (frames < (*each)->minimum) continue;
            const uint64_t faults = simulated((*each)->name, trace, frames).faults;
            cr_expect_geq(faults, least, "%s in %u frames", (*each)->name, frames);
        }
    }
    trace_free(trace);
}

Test(pager_groups, the_order_in_which_an_instruction_touches_pages_is_recorded) {
    attach(0, "fifo", PAGES, true);
    fake_touch(3, false);
    const struct fake_access across[] = {{3, false}, {4, false}, {3, true}, {4, true}}; // page 3 is open, 4 faults
    fake_execute(0x2000, across, 4);
    fake_touch(7, true);
    const struct fake_access copy[] = {{1, false}, {2, true}, {9, true}};
    fake_execute(0x2001, copy, 3);
    fake_touch(2, true); // open: not seen
    fake_touch(5, false);
    pager_report();
    cr_expect_str_eq(fake_recording(), "3R 3M +4W 7W 1R +2W +9W 5R ");
    cr_expect_not_null(strstr(fake.report, "\"references\":8,"), "%s", fake.report);
}

Test(pager_groups, a_page_that_another_region_takes_is_recorded_as_it_was) {
    struct pager_budget *budget = pager_budget(4);
    struct pager_options options = {.name = "it",
                                    .first = fake_address(0),
                                    .pages = PAGES,
                                    .policy = policy_find("lifo"),
                                    .frames = 4,
                                    .budget = budget,
                                    .seed = 1,
                                    .record = true};
    cr_assert_not_null(budget);
    pager_budget_level(budget);
    cr_assert_not_null(pager_attach(&options));
    options.name = "other";
    options.first = fake_address(PAGES);
    options.block = PAGES;
    options.rank = 1;
    options.record = false;
    cr_assert_not_null(pager_attach(&options));
    for (unsigned page = 0; page < 4; page++) fake_touch(page, page == 3);
    fake_touch(PAGES, false); // takes page 3, which is open
    fake_touch(0, false);
    pager_report();
    cr_expect_str_eq(fake_recording(), "0R 1R 2R 3W 0R ");
}

Test(pager_groups, an_instruction_that_makes_the_same_faults_once_more_is_another_one) {
    struct pager_region *region = attach(0, "lifo", 3, false);
    const struct fake_access copy[] = {{10, false}, {11, true}};
    for (unsigned i = 0; i < 2; i++) {
        fake.instructions = 0; // the same registers
        fake_execute(0x2000, copy, 2);
        pager_advise(region, 10, 2, PAGER_WONT_NEED);
    }
    cr_expect_eq(pager_statistics(region).faults, 4);
}

Test(pager_groups, an_instruction_takes_no_page_that_it_has_brought_in) {
    struct pager_region *region = attach(0, "lifo", 4, false);
    for (unsigned page = 0; page < 4; page++) fake_touch(page, false);
    fake_execute(0x2000, (struct fake_access[]){{10, false}, {11, true}}, 2);
    cr_expect_eq(pager_statistics(region).faults, 6, "a fault for each of its pages");
    fake_execute(0x2001, (struct fake_access[]){{12, false}}, 1); // LIFO's choice is page 11, as always
    fake_execute(0x2002, (struct fake_access[]){{10, false}}, 1);
    cr_expect_eq(pager_statistics(region).faults, 7);
}
