// SPDX-License-Identifier: MIT
// A budget that levels: which region gives a frame up, and that the simulator of pools has the pager's faults, region
// by region and victim by victim, whichever policies meet.
#include "libos/pager/policy/lcg.h"
#include "libos/pager/region.h"
#include "libos/pager/sim/pool.h"
#include "tests/unit/pager_fake.h"
#include <criterion/criterion.h>
#include <stdio.h>

constexpr unsigned PAGES = 50, FRAMES = 40, SMALL = 20;

static struct pager_region *attach(const char *policy, unsigned first, unsigned pages, struct pager_budget *budget,
                                   uint8_t rank) {
    const struct pager_options options = {.name = "it",
                                          .first = fake_address(first),
                                          .pages = pages,
                                          .policy = policy_find(policy),
                                          .frames = FRAMES,
                                          .budget = budget,
                                          .rank = rank,
                                          .block = first,
                                          .seed = 1};
    struct pager_region *region = pager_attach(&options);
    cr_assert_not_null(region, "%s", pager_problem());
    return region;
}

static struct pager_budget *levelling(uint64_t frames) {
    struct pager_budget *budget = pager_budget(frames);
    cr_assert_not_null(budget, "%s", pager_problem());
    pager_budget_level(budget);
    return budget;
}

static void touch_all(unsigned first, unsigned count) {
    for (unsigned page = first; page < first + count; page++) (void)fake_touch(page, false);
}

Test(pager_pool, what_one_region_leaves_others_have_and_equal_shares_stay) {
    struct pager_budget *budget = levelling(30);
    struct pager_region *one = attach("fifo", 0, PAGES, budget, 0), *two = attach("lifo", PAGES, PAGES, budget, 1);
    touch_all(0, PAGES);
    cr_expect_eq(one->resident, 30);
    touch_all(PAGES, 5); // wants no more than five
    cr_expect_eq(one->resident, 25);
    cr_expect_eq(two->resident, 5);
    touch_all(PAGES, PAGES);
    cr_expect_eq(one->resident, 15);
    cr_expect_eq(two->resident, 15);
    touch_all(0, PAGES); // each replaces its own now
    cr_expect_eq(one->resident, 15);
    cr_expect_eq(two->resident, 15);
}

Test(pager_pool, of_equals_the_lowest_rank_gives) {
    struct pager_budget *budget = levelling(30);
    struct pager_region *one = attach("fifo", 0, PAGES, budget, 2), *two = attach("fifo", PAGES, PAGES, budget, 1);
    touch_all(0, 15);
    touch_all(PAGES, 15);
    (void)attach("fifo", 2 * PAGES, SMALL, budget, 0);
    touch_all(2 * PAGES, 1);
    cr_expect_eq(one->resident, 15);
    cr_expect_eq(two->resident, 14);
    touch_all(2 * PAGES + 1, 1); // now the other one has more
    cr_expect_eq(one->resident, 14);
}

Test(pager_pool, one_that_has_but_one_page_more_keeps_it) {
    struct pager_budget *budget = levelling(9);
    struct pager_region *one = attach("fifo", 0, PAGES, budget, 0), *two = attach("fifo", PAGES, PAGES, budget, 1);
    touch_all(0, 9);
    touch_all(PAGES, 9);
    cr_expect_eq(one->resident, 5);
    cr_expect_eq(two->resident, 4);
}

// Three regions: the policy in question, one that has all its frames soon, and CLOCK-Pro.
static void as_simulated(const char *policy) {
    const struct policy *tried = policy_find(policy);
    if (tried->sees >= POLICY_SEES_REFERENCES || tried->timed) return; // the fake application counts no references
    struct pager_budget *budget = levelling(FRAMES);
    const unsigned pages[] = {PAGES, SMALL, PAGES};
    struct simulation_pool pool = {
        .common = {.trace = trace_new("mixed"), .frames = FRAMES, .seed = 1, .zero_filled = true},
        .count = 3,
        .region = {{tried, 0, PAGES},
                   {policy_find("clock1"), PAGES, SMALL},
                   {policy_find("clockpro"), PAGES + SMALL, PAGES}},
    };
    struct pager_region *regions[3];
    for (unsigned i = 3; i-- > 0;) // attached in another order than that of the ranks
        regions[i] = attach(pool.region[i].policy->name, (unsigned)pool.region[i].first, pages[i], budget, (uint8_t)i);
    struct trace *trace = (struct trace *)pool.common.trace;
    uint64_t x = 17;
    for (unsigned i = 0; i < 20000; i++) {
        const unsigned region = (unsigned)(i / 3000 % 2 == 0 ? lcg_draw(&x, 3) : 2 * lcg_draw(&x, 2));
        const uint64_t most = lcg_draw(&x, 3) == 0 ? pages[region] : pages[region] / 3 + i / 2000;
        const uint64_t page = pool.region[region].first + lcg_draw(&x, most < pages[region] ? most : pages[region]);
        const bool write = lcg_draw(&x, 4) == 0;
        trace_add(trace, page, write);
        (void)fake_touch(page, write);
    }
    struct simulation_counts counts[POOL_MOST];
    cr_assert(simulate_pool(&pool, counts));
    for (unsigned i = 0; i < 3; i++) {
        const struct pager_statistics found = pager_statistics(regions[i]);
        cr_expect_eq(found.faults, counts[i].faults, "%s, region %u: %lu faults, simulated %lu", policy, i,
                     found.faults, counts[i].faults);
        cr_expect_eq(found.writebacks, counts[i].writebacks);
        cr_expect_eq(found.reads, counts[i].reads);
        cr_expect_gt(found.faults, i == 1 ? SMALL : PAGES);
    }
    cr_expect_leq(fake.frames_taken, FRAMES);
    trace_free(trace);
}

#define POLICY(name)                                                                                                   \
    Test(pager_pool, name##_shares_frames_as_simulated) {                                                              \
        as_simulated(#name);                                                                                           \
    }
#include "libos/pager/policy/policies.def"
#undef POLICY

Test(pager_pool, regions_on_the_command_line) {
    struct pool_region region;
    char right[] = "lifo:100+20";
    cr_assert_null(pool_region_read(&region, right));
    cr_expect_str_eq(region.policy->name, "lifo");
    cr_expect_eq(region.first, 100);
    cr_expect_eq(region.pages, 20);
    for (const char *const *each = (const char *const[]){"lifo", "lifo:5", "lifo:x+5", "lifo:5+", "lifo:5+0",
                                                         "lifo:5+5x", "lifo:5x+5", "lofi:5+5", "lifo:-5+5", nullptr};
         *each != nullptr; each++) {
        char text[32];
        snprintf(text, sizeof text, "%s", *each);
        cr_expect_not_null(pool_region_read(&region, text), "%s", *each);
    }
}
