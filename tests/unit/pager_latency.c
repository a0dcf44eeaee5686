// SPDX-License-Identifier: MIT
// Histogram and timeline of faults: no number is lost, and none is where it does not belong.
#include "libos/pager/latency.h"
#include "tests/unit/pager_fake.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(latency, buckets_follow_one_another_and_are_at_most_an_eighth_wide) {
    for (unsigned bucket = 0; bucket + 1 < LATENCY_BUCKETS; bucket++) {
        const uint64_t least = latency_least(bucket), next = latency_least(bucket + 1);
        cr_assert_lt(least, next, "bucket %u", bucket);
        cr_assert(next - least == 1 || (next - least) * 8 <= least, "bucket %u from %lu to %lu", bucket, least, next);
        cr_assert_eq(latency_bucket(least), bucket);
        cr_assert_eq(latency_bucket(next - 1), bucket);
    }
    cr_assert_eq(latency_least(0), 0);
    cr_assert_eq(latency_bucket(UINT32_MAX), LATENCY_BUCKETS - 1);
    cr_assert_eq(latency_bucket(UINT64_MAX), LATENCY_BUCKETS - 1);
}

static uint64_t sum(const struct timeline *timeline) {
    uint64_t faults = 0;
    for (unsigned i = 0; i < TIMELINE_INTERVALS; i++) faults += timeline->faults[i];
    return faults;
}

Test(timeline, a_full_one_joins_neighbours_and_goes_on) {
    struct timeline timeline = {};
    for (uint64_t at = 0; at < TIMELINE_INTERVALS; at++) timeline_add(&timeline, at);
    cr_assert_eq(timeline.shift, 0);
    timeline_add(&timeline, TIMELINE_INTERVALS);
    cr_assert_eq(timeline.shift, 1);
    for (unsigned i = 0; i < TIMELINE_INTERVALS; i++) {
        cr_assert_eq(timeline.faults[i], i < TIMELINE_INTERVALS / 2 ? 2 : i == TIMELINE_INTERVALS / 2, "interval %u",
                     i);
    }
}

Test(timeline, a_long_silence_loses_no_fault) {
    struct timeline timeline = {};
    timeline_add(&timeline, 5);
    timeline_add(&timeline, UINT64_MAX);
    cr_assert_eq(timeline.shift, 57);
    cr_assert_eq(timeline.faults[0], 1);
    cr_assert_eq(timeline.faults[TIMELINE_INTERVALS - 1], 1);
    cr_assert_eq(sum(&timeline), 2);
}

static struct pager_region *attach(bool measure) {
    const struct pager_options options = {.name = "test",
                                          .job = 5,
                                          .first = fake_address(0),
                                          .pages = 60,
                                          .policy = policy_find("fifo"),
                                          .frames = 7,
                                          .seed = 1,
                                          .measure = measure};
    struct pager_region *region = pager_attach(&options);
    cr_assert_not_null(region, "%s", pager_problem());
    return region;
}

// The sum of the numbers behind `before` in all events of a kind; with the character in front of each of them.
static uint64_t reported(const char *kind, char before) {
    uint64_t found = 0;
    for (const char *at = fake.report; at != nullptr && (at = strstr(at, kind)) != nullptr;) {
        at = strstr(at, "\"faults\":\"") + 10;
        for (char last = ' '; *at != '"';) {
            char *end;
            const uint64_t number = strtoull(at, &end, 10);
            cr_assert_gt(end, at, "%.60s", at);
            if (last == before) found += number;
            last = *end;
            at = end + (*end != '"');
        }
    }
    return found;
}

Test(latency, every_fault_is_in_both_reports_once) {
    struct pager_region *region = attach(true);
    for (unsigned i = 0; i < 400; i++) fake_touch(i * 7 % 60, i % 3 == 0);
    const uint64_t faults = pager_statistics(region).faults;
    cr_assert_eq(faults, 400);
    pager_report();
    cr_assert_eq(reported("\"event\":\"latency\"", ':'), faults);
    cr_assert_eq(reported("\"event\":\"timeline\"", ' '), faults);
}

Test(latency, as_many_buckets_as_there_are_fit_into_the_reports) {
    struct pager_region *region = attach(true);
    for (unsigned bucket = 0; bucket < LATENCY_BUCKETS; bucket++) region->latency->faults[bucket] = UINT32_MAX;
    for (unsigned i = 0; i < TIMELINE_INTERVALS; i++) region->latency->timeline.faults[i] = UINT32_MAX;
    pager_report();
    cr_assert_eq(reported("\"event\":\"latency\"", ':'), (uint64_t)LATENCY_BUCKETS * UINT32_MAX);
    cr_assert_eq(reported("\"event\":\"timeline\"", ' '), (uint64_t)TIMELINE_INTERVALS * UINT32_MAX);
}

Test(latency, nothing_is_reported_of_a_region_that_is_not_measured) {
    (void)attach(false);
    fake_touch(3, true);
    pager_report();
    cr_assert_null(strstr(fake.report, "latency"));
    cr_assert_null(strstr(fake.report, "timeline"));
}
