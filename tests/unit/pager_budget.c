// SPDX-License-Identifier: MIT
// Frames that come and go: limits of a region, regions with one budget, and policies that give pages up. Whatever
// moves, no page loses what was written to it, and every frame is in one place.
#include "libos/pager/policy/lcg.h"
#include "libos/pager/region.h"
#include "libos/pager/sim/simulate.h"
#include "tests/unit/pager_fake.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

constexpr unsigned PAGES = 60, FRAMES = 24;

static uint64_t versions[2 * PAGES];

static struct pager_region *attach(const char *policy, unsigned first, struct pager_budget *budget) {
    const struct pager_options options = {.name = first == 0 ? "one" : "two",
                                          .first = fake_address(first),
                                          .pages = PAGES,
                                          .policy = policy_find(policy),
                                          .frames = FRAMES,
                                          .budget = budget,
                                          .block = first,
                                          .seed = 1};
    struct pager_region *region = pager_attach(&options);
    cr_assert_not_null(region, "%s", pager_problem());
    return region;
}

static void touch(uint32_t page, bool write) {
    uint64_t *words = fake_touch(page, write);
    cr_assert_eq(words[0], versions[page], "page %u lost or mixed up", page);
    if (write) words[0] = ++versions[page];
}

static void touch_some(uint64_t *x, unsigned first, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        const uint64_t page = lcg_draw(x, 3) == 0 ? lcg_draw(x, PAGES) : lcg_draw(x, 10);
        touch((uint32_t)(first + page), lcg_draw(x, 4) == 0);
    }
}

// Every frame is in one slot or free, and the lists know it.
static void check(const struct pager_budget *budget, uint64_t regions) {
    uint8_t seen[FAKE_FRAMES] = {};
    for (uint32_t i = 0; i < budget->free_count; i++) seen[budget->free[i]]++;
    for (unsigned i = 0; i < regions; i++) {
        const struct pager_region *region = &pager_regions[i];
        uint32_t resident = 0;
        for (uint32_t slot = 0; slot < region->used; slot++) {
            if (region->page_in[slot] == POLICY_NONE) continue;
            cr_assert_eq(region->slot_of[region->page_in[slot]], slot);
            seen[region->frame_of[slot]]++;
            resident++;
        }
        cr_assert_eq(resident, region->resident);
        cr_assert_eq(region->resident + region->empty_count, region->used);
    }
    for (uint32_t number = 0; number < budget->count; number++) cr_assert_eq(seen[number], 1, "frame %u", number);
}

// The same of a budget whose frames come and go.
static void check_open(const struct pager_budget *budget, const struct pager_region *region) {
    uint8_t seen[FAKE_FRAMES] = {};
    uint32_t frames = 0;
    for (uint32_t i = 0; i < budget->free_count; i++) seen[budget->free[i]]++;
    for (uint32_t slot = 0; slot < region->used; slot++)
        if (region->page_in[slot] != POLICY_NONE) seen[region->frame_of[slot]]++;
    for (uint32_t number = 0; number < budget->most; number++) {
        const bool is_there = budget->frames[number].raw != 0;
        cr_assert_eq(seen[number], is_there, "number %u", number);
        frames += is_there;
    }
    cr_assert_eq(frames, budget->count);
}

static void limits_move(const char *policy) {
    struct pager_region *region = attach(policy, 0, nullptr);
    const uint32_t least = region->options.policy->minimum;
    volatile uint64_t position = 0;
    if (region->options.policy->sees == POLICY_SEES_FUTURE) return; // asks for what nobody announces here
    region->options.position = &position;
    uint64_t x = 5;
    for (unsigned round = 0; round < 80; round++) {
        const uint64_t limit = least + lcg_draw(&x, FRAMES - least + 1);
        pager_limit(region, limit);
        if (round % 2 == 0) {
            const uint64_t before = pager_resident(region), gone = pager_trim(region);
            cr_assert_eq(before - gone, pager_resident(region));
            cr_assert_leq(pager_resident(region), limit);
        }
        for (unsigned i = 0; i < 50; i++, position++) {
            touch_some(&x, 0, 1);
            cr_assert(pager_resident(region) <= limit || i == 0 || round % 2 != 0);
        }
        const uint64_t faults = pager_statistics(region).faults;
        for (uint32_t page = 0; pager_statistics(region).faults == faults; page++, position++) touch(page, false);
        cr_assert_leq(pager_resident(region), limit, "%s: after a fault", policy);
        check(region->budget, 1);
    }
    cr_expect_gt(fake.disk_writes, 0);
}

#define POLICY(name)                                                                                                   \
    Test(pager_budget, name##_gives_frames_back_and_takes_them) {                                                      \
        limits_move(#name);                                                                                            \
    }
#include "libos/pager/policy/policies.def"
#undef POLICY

Test(pager_budget, a_limit_keeps_to_the_policys_minimum_and_the_regions_frames) {
    struct pager_region *region = attach("clockpro", 0, nullptr);
    pager_limit(region, 1);
    for (uint32_t page = 0; page < PAGES; page++) touch(page, true);
    cr_expect_eq(pager_resident(region), 4);
    pager_limit(region, 1000);
    for (uint32_t page = 0; page < PAGES; page++) touch(page, true);
    cr_expect_eq(pager_resident(region), FRAMES);
}

// With a limit from the first touch on, FIFO has the faults of as many frames.
Test(pager_budget, fifo_below_a_limit_is_fifo_with_fewer_frames) {
    struct pager_region *region = attach("fifo", 0, nullptr);
    struct trace *trace = trace_new("string");
    uint64_t x = 3;
    pager_limit(region, 9);
    for (unsigned i = 0; i < 3000; i++) {
        const uint32_t page = (uint32_t)(lcg_draw(&x, 2) == 0 ? lcg_draw(&x, 8) : lcg_draw(&x, PAGES));
        trace_add(trace, page, false);
        touch(page, false);
    }
    struct simulation_counts counts;
    const struct simulation options = {.policy = policy_find("fifo"), .trace = trace, .frames = 9};
    cr_assert(simulate(&options, &counts));
    cr_expect_eq(pager_statistics(region).faults, counts.faults);
    trace_free(trace);
}

Test(pager_budget, regions_share_frames_and_move_them_by_their_limits) {
    struct pager_budget *budget = pager_budget(FRAMES);
    struct pager_region *one = attach("clock1", 0, budget), *two = attach("lru", PAGES, budget);
    uint64_t x = 9;
    for (uint32_t page = 0; page < PAGES; page++) touch(page, true);
    cr_expect_eq(pager_resident(one), FRAMES);
    cr_expect_eq(pager_budget_left(budget), 0);
    touch(PAGES, true); // without a page of its own it gets one of the other's
    cr_expect_eq(pager_resident(one), FRAMES - 1);
    for (unsigned round = 0; round < 30; round++) {
        const uint64_t part = 1 + lcg_draw(&x, FRAMES - 1);
        pager_limit(one, part);
        pager_limit(two, FRAMES - part);
        (void)pager_trim(one);
        (void)pager_trim(two);
        touch_some(&x, 0, 200);
        touch_some(&x, PAGES, 200);
        check(budget, 2);
        cr_assert_leq(pager_resident(one), part);
        cr_assert_leq(pager_resident(two), FRAMES - part);
        cr_assert_leq(fake.frames_taken, FRAMES);
    }
    cr_expect_eq(pager_resident(one) + pager_resident(two), FRAMES);
}

// The fake shows a frame where its memory is: the one with the lowest number that is away comes.
static void come(struct pager_budget *budget, bool *here) {
    uint32_t number = 0;
    while (here[number]) number++;
    cr_assert(pager_budget_add(budget, (exo_frame){7000 + number}));
    here[number] = true;
}

static void go(struct pager_budget *budget, bool *here) {
    const exo_frame frame = pager_budget_remove(budget);
    cr_assert_neq(frame.raw, 0);
    cr_assert_not(fake_is_mapped(frame), "a frame that is given away is mapped");
    memset(fake_memory(frame), 0xcc, EXO_PAGE_SIZE); // somebody else's now
    here[frame.raw - 7000] = false;
}

Test(pager_budget, frames_come_and_go) {
    bool here[FRAMES] = {};
    struct pager_budget *budget = pager_budget_open(FRAMES);
    struct pager_region *region = attach("sieve1_d1", 0, budget);
    uint64_t x = 17;
    come(budget, here);
    for (unsigned round = 0; round < 60; round++) {
        touch_some(&x, 0, 60);
        check_open(budget, region);
        const uint64_t wanted = 1 + lcg_draw(&x, FRAMES);
        pager_limit(region, wanted);
        (void)pager_trim(region);
        while (pager_budget_frames(budget) < wanted) come(budget, here);
        while (pager_budget_frames(budget) > wanted) go(budget, here);
        check_open(budget, region);
    }
    pager_limit(region, 1);
    (void)pager_trim(region);
    while (pager_budget_frames(budget) > 1) go(budget, here);
    cr_expect_eq(pager_budget_remove(budget).raw, 0, "the last frame holds a page");
}

Test(pager_budget, a_shared_budget_is_refused_where_it_cannot_be) {
    fake.frames_limit = 10;
    cr_expect_null(pager_budget(0));
    cr_expect_null(pager_budget(11));
    cr_expect_str_eq(pager_problem(), "fewer frames are left than the budget");
    struct pager_budget *budget = pager_budget(10);
    const struct pager_options options = {.name = "one",
                                          .first = fake_address(0),
                                          .pages = PAGES,
                                          .policy = policy_find("fifo"),
                                          .frames = 10,
                                          .budget = budget,
                                          .cluster = 4};
    cr_expect_null(pager_attach(&options));
    cr_expect_str_eq(pager_problem(), "read-ahead and clustered write-back need a budget of the region's own");
}
