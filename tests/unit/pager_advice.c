// SPDX-License-Identifier: MIT
// Pages that a program doesn't need: they leave memory at once, their frames are free, contents stay or are zero as was
// said, and nothing is written that need not be.
#include "libos/pager/policy/lcg.h"
#include "libos/pager/region.h"
#include "tests/unit/pager_fake.h"
#include <criterion/criterion.h>

constexpr unsigned PAGES = 60, FRAMES = 32, BLOCK = 100;

static uint64_t wanted[PAGES]; // first word of each page

static struct pager_region *attach(const char *policy, bool backed, uint32_t cluster, const char *readahead) {
    const struct pager_options options = {.name = "it",
                                          .first = fake_address(10),
                                          .pages = PAGES,
                                          .policy = policy_find(policy),
                                          .frames = FRAMES,
                                          .block = BLOCK,
                                          .seed = 1,
                                          .backed = backed,
                                          .cluster = cluster,
                                          .readahead = readahead == nullptr ? nullptr : readahead_find(readahead)};
    struct pager_region *region = pager_attach(&options);
    cr_assert_not_null(region, "%s", pager_problem());
    return region;
}

static void touch(uint32_t page, bool write) {
    uint64_t *words = fake_touch(10 + page, write);
    cr_assert_eq(words[0], wanted[page], "page %u is lost, mixed up, or not zero", page);
    if (write) words[0] = wanted[page] += page + 1;
}

static void touch_range(uint32_t first, uint32_t end, bool write) {
    for (uint32_t page = first; page < end; page++) touch(page, write);
}

Test(pager_advice, dirty_pages_are_written_and_clean_ones_are_dropped) {
    struct pager_region *region = attach("clock1", false, 1, nullptr);
    touch_range(0, 10, true);
    touch_range(10, 20, false);
    pager_advise(region, 5, 10, PAGER_WONT_NEED); // five dirty, five never written to
    cr_expect_eq(fake.disk_writes, 5);
    cr_expect_eq(pager_resident(region), 10);
    cr_expect_eq(pager_budget_left(region->budget), FRAMES - 10);
    cr_expect_eq(pager_statistics(region).dismissed, 10);
    for (unsigned page = 5; page < 15; page++) cr_expect_not(fake.entries[10 + page] & EXO_ENTRY_PRESENT);
    touch_range(0, 20, false);
    cr_expect_eq(fake.disk_reads, 5);
}

Test(pager_advice, discarded_pages_are_zero_and_nothing_is_written) {
    struct pager_region *region = attach("clock1", false, 1, nullptr);
    touch_range(0, PAGES, true); // those that have gone are on disk
    const uint64_t writes = fake.disk_writes;
    pager_advise(region, 0, UINT64_MAX, PAGER_DISCARD);
    cr_expect_eq(fake.disk_writes, writes);
    cr_expect_eq(pager_resident(region), 0);
    for (uint32_t page = 0; page < PAGES; page++) wanted[page] = 0;
    touch_range(0, PAGES, false);
    cr_expect_eq(fake.disk_reads, 0);
}

Test(pager_advice, a_file_s_pages_are_never_discarded) {
    struct pager_region *region = attach("clock1", true, 1, nullptr);
    touch_range(0, 4, true);
    pager_advise(region, 0, PAGES, PAGER_DISCARD);
    cr_expect_eq(fake.disk_writes, 4);
    touch_range(0, 4, false);
}

Test(pager_advice, frames_of_a_shared_budget_are_free_for_others) {
    struct pager_budget *budget = pager_budget(FRAMES);
    const struct policy *fifo = policy_find("fifo");
    struct pager_region *regions[2];
    for (unsigned i = 0; i < 2; i++) {
        const struct pager_options options = {.name = "it",
                                              .first = fake_address(10 + i * PAGES),
                                              .pages = PAGES,
                                              .policy = fifo,
                                              .frames = FRAMES,
                                              .budget = budget,
                                              .block = BLOCK + i * PAGES};
        regions[i] = pager_attach(&options);
    }
    touch_range(0, FRAMES, true);
    pager_advise(regions[0], 0, 12, PAGER_WONT_NEED);
    for (unsigned page = 0; page < 12; page++) (void)fake_touch(10 + PAGES + page, true);
    cr_expect_eq(pager_resident(regions[0]), FRAMES - 12);
    cr_expect_eq(pager_resident(regions[1]), 12);
}

Test(pager_advice, what_was_read_ahead_is_dropped_too) {
    struct pager_region *region = attach("clock1", true, 4, "sequential");
    pager_advise(region, 0, PAGES, PAGER_SEQUENTIAL);
    touch_range(0, 2, false);
    while (fake_under_way() != 0) pager_advise(region, PAGES - 1, 1, PAGER_NORMAL); // takes completions
    const uint64_t reads = fake.disk_reads;
    cr_assert_gt(reads, 2);
    pager_advise(region, 0, PAGES, PAGER_WONT_NEED);
    cr_expect_eq(pager_statistics(region).ahead_wasted, reads - 2);
    touch(2, false);
    cr_expect_gt(fake.disk_reads, reads);
}

// Random touches and advice: no contents are lost, whatever the policy and however pages are transferred.
static void any_order(const char *policy, bool transit) {
    if (policy_find(policy)->sees >= POLICY_SEES_REFERENCES || policy_find(policy)->timed) return;
    fake.late = 3;
    struct pager_region *region = attach(policy, false, transit ? 4 : 1, transit ? "around" : nullptr);
    uint64_t x = 11;
    for (unsigned i = 0; i < 4000; i++) {
        touch((uint32_t)lcg_draw(&x, PAGES), lcg_draw(&x, 3) == 0);
        if (lcg_draw(&x, 20) != 0) continue;
        const uint32_t first = (uint32_t)lcg_draw(&x, PAGES), count = 1 + (uint32_t)lcg_draw(&x, 15);
        const bool discard = lcg_draw(&x, 2) == 0;
        pager_advise(region, first, count, discard ? PAGER_DISCARD : PAGER_WONT_NEED);
        for (uint32_t page = first; page < first + count && page < PAGES; page++) {
            cr_assert_eq(region->slot_of[page], POLICY_NONE);
            if (discard) wanted[page] = 0;
        }
    }
    touch_range(0, PAGES, false);
    cr_expect_gt(pager_statistics(region).dismissed, 500);
    cr_expect_gt(fake.disk_writes, 0);
}

#define POLICY(name)                                                                                                   \
    Test(pager_advice, name##_is_told_of_pages_that_leave) {                                                           \
        any_order(#name, false);                                                                                       \
    }                                                                                                                  \
    Test(pager_advice, name##_is_told_of_pages_that_leave_in_clusters) {                                               \
        any_order(#name, true);                                                                                        \
    }
#include "libos/pager/policy/policies.def"
#undef POLICY
