// SPDX-License-Identifier: MIT
// Single cases of read-ahead and clustered write-back: what is put when, touches at each moment of a transfer, advice,
// failures, refusals.
#include "libos/pager/transit.h"
#include "tests/unit/pager_fake.h"
#include <criterion/criterion.h>
#include <string.h>

constexpr unsigned PAGES = 100, FRAMES = 64, BLOCK = 300;

static struct pager_options options = {
    .name = "test", .job = 5, .pages = PAGES, .frames = FRAMES, .block = BLOCK, .seed = 1, .backed = true, .window = 4};

static struct {
    enum exo_ring_operation operation;
    uint64_t page;
} put[1000];
static unsigned put_count;

static void note(enum exo_ring_operation operation, uint64_t block) {
    put[put_count].operation = operation;
    put[put_count++].page = block - BLOCK;
}

static struct pager_region *attach(const char *readahead, uint32_t cluster) {
    options.first = fake_address(0);
    options.policy = policy_find("fifo");
    options.readahead = readahead_find(readahead);
    options.cluster = cluster;
    struct pager_region *region = pager_attach(&options);
    cr_assert_not_null(region, "%s", pager_problem());
    for (unsigned page = 0; page < PAGES; page++) fake.disk[BLOCK + page][0] = 1000 + page;
    fake.on_put = note;
    fake.late = 1'000'000'000; // nothing ends that is not waited for
    return region;
}

// The puts since the last look: `count` of an operation, pages in a row from `first` on.
static void expect_put(enum exo_ring_operation operation, uint64_t first, unsigned count) {
    cr_expect_eq(put_count, count, "%u requests, not %u", put_count, count);
    for (unsigned i = 0; i < put_count; i++) {
        cr_expect_eq(put[i].operation, operation);
        cr_expect_eq(put[i].page, first + i, "request %u: page %lu, not %lu", i, put[i].page, first + i);
    }
    put_count = 0;
}

static void expect_contents(uint32_t page, bool write) {
    uint64_t *words = fake_touch(page, write);
    cr_expect_eq(words[0], 1000 + page, "page %u", page);
}

Test(transit, one_kick_starts_the_page_faulted_on_and_the_window_in_rising_order) {
    struct pager_region *region = attach("sequential", 1);
    expect_contents(20, false);
    expect_put(EXO_RING_READ, 20, 1);
    const uint64_t kicks = fake.kicks;
    expect_contents(21, false);
    expect_put(EXO_RING_READ, 21, 5);
    cr_expect_eq(fake.kicks, kicks + 1);
    expect_contents(22, false);
    expect_put(EXO_RING_READ, 26, 4); // the next window, at this one's first page
    expect_contents(23, false);
    expect_put(EXO_RING_READ, 0, 0);
    const struct pager_statistics counts = pager_statistics(region);
    cr_expect_eq(counts.faults, 4);
    cr_expect_eq(counts.reads, 10);
    cr_expect_eq(counts.ahead_reads, 8);
    cr_expect_eq(counts.ahead_hits, 2);
    cr_expect_eq(counts.kicks, 3);
    cr_expect_eq(fake.binds, 4, "a page read ahead is not mapped before it is touched");
}

Test(transit, a_fault_does_not_wait_for_what_is_read_ahead) {
    attach("sequential", 1);
    fake.late = 0;
    for (unsigned page = 0; page < 3; page++) expect_contents(page, false);
    cr_expect_gt(fake_under_way(), 0);
}

Test(transit, a_touch_of_a_page_being_read_waits_for_it_alone) {
    struct pager_region *region = attach("sequential", 1);
    fake_touch(20, false);
    fake_touch(21, false);
    while (transit_wait()) {
    }
    fake_touch(22, false); // from memory; 26 to 29 are on their way
    cr_expect_eq(pager_statistics(region).ahead_late, 0);
    expect_contents(28, false);
    cr_expect_eq(pager_statistics(region).ahead_late, 1);
    cr_expect_eq(pager_statistics(region).ahead_hits, 2);
}

Test(transit, a_page_read_ahead_is_no_reference_to_the_policy) {
    struct pager_region *region = attach("sequential", 1);
    fake_touch(20, false);
    fake_touch(21, false);
    while (transit_wait()) {
    }
    cr_expect_eq(region->used, 2);
    for (unsigned page = 22; page < 26; page++) {
        cr_expect_eq(region->slot_of[page], POLICY_NONE);
        cr_expect_eq(fake.entries[page], 0);
    }
}

Test(transit, pages_read_ahead_and_not_touched_give_way_oldest_first) {
    struct pager_region *region = attach("sequential", 1);
    fake_touch(20, false);
    fake_touch(21, false); // 22 to 25 are read
    for (unsigned page = 40; page < 100; page += 2) fake_touch(page, false);
    for (unsigned page = 1; page < 20; page += 2) fake_touch(page, false);
    cr_expect_eq(pager_statistics(region).ahead_wasted, 0, "there were free frames");
    for (unsigned page = 41; page < 100; page += 2) fake_touch(page, false);
    put_count = 0;
    expect_contents(25, false);
    cr_expect_leq(put_count, 5);
}

Test(transit, what_the_ring_has_no_room_for_is_read_later_and_not_missed) {
    struct pager_region *region = attach("sequential", 1);
    fake.places = 3;
    fake.late = 0;
    for (unsigned page = 20; page < 60; page++) expect_contents(page, false);
    const struct pager_statistics counts = pager_statistics(region);
    cr_expect_eq(counts.faults - counts.ahead_hits, 2, "%lu major faults", counts.faults - counts.ahead_hits);
    cr_expect_lt(counts.kicks, 25, "%lu kicks: not one for each page", counts.kicks);
}

Test(transit, what_is_left_to_read_is_forgotten_when_the_program_goes_elsewhere) {
    struct pager_region *region = attach("sequential", 1);
    fake.places = 3;
    fake.late = 0;
    fake_touch(20, false);
    fake_touch(21, false); // 22 and 23 are put, 24 and 25 are left
    cr_expect_eq(region->transit->rest.count, 2);
    put_count = 0;
    expect_contents(80, false);
    expect_put(EXO_RING_READ, 80, 1);
    cr_expect_eq(region->transit->rest.count, 0);
}

// ---- write-back ----

// Makes pages 0 … dirty until `queued` victims are queued.
static void queue(struct pager_region *region, unsigned queued) {
    for (uint32_t page = 0; page < region->slots + queued; page++) fake_touch(page, true)[0] = 5000 + page;
    cr_assert_eq(region->transit->queued.count, queued);
    put_count = 0;
}

Test(transit, dirty_victims_are_written_together_by_rising_block) {
    struct pager_region *region = attach("none", 4);
    for (uint32_t i = 0; i < region->slots; i++) fake_touch(i * 7 % 57, true);
    put_count = 0;
    const uint64_t kicks = fake.kicks;
    for (uint32_t page = 60; page < 63; page++) fake_touch(page, false);
    cr_expect_eq(region->transit->queued.count, 3);
    cr_expect_eq(pager_statistics(region).writes, 0);
    fake_touch(63, false); // victims so far: 0, 7, 14, 21
    const uint64_t written[] = {0, 7, 14, 21};
    unsigned writes = 0;
    for (unsigned i = 0; i < put_count; i++) {
        if (put[i].operation != EXO_RING_WRITE) continue;
        cr_assert_lt(writes, 4);
        cr_expect_eq(put[i].page, written[writes], "write %u: page %lu", writes, put[i].page);
        writes++;
    }
    cr_expect_eq(writes, 4);
    cr_expect_eq(fake.kicks, kicks + 5, "one for each read, one for the cluster");
}

Test(transit, neighbours_evicted_in_falling_order_are_written_in_rising_order) {
    struct pager_region *region = attach("none", 4);
    for (uint32_t i = region->slots; i-- > 0;) fake_touch(i, true);
    for (uint32_t page = 90; page < 93; page++) fake_touch(page, false);
    put_count = 0;
    fake_touch(93, false);
    cr_expect_eq(put[0].page, region->slots - 4);
    cr_expect_eq(put[3].page, region->slots - 1);
}

Test(transit, a_touch_of_a_queued_page_takes_it_back_without_a_transfer) {
    struct pager_region *region = attach("none", 4);
    queue(region, 2);
    cr_expect_eq(fake_touch(0, false)[0], 5000);
    cr_expect_eq(put_count, 0);
    const struct pager_statistics counts = pager_statistics(region);
    cr_expect_eq(counts.rescues, 1);
    cr_expect_eq(counts.writes, 0);
}

Test(transit, a_page_taken_back_clean_is_still_written_when_it_goes) {
    struct pager_region *region = attach("none", 4);
    queue(region, 2);
    fake_touch(0, false);
    const uint64_t writebacks = pager_statistics(region).writebacks;
    for (uint32_t i = 0; i < 60; i++) fake_touch(40 + i, false);
    for (uint32_t i = 1; i < 30; i++) fake_touch(i, false);
    cr_expect_eq(region->slot_of[0], POLICY_NONE);
    cr_assert(writeback_finish(region));
    cr_expect_eq(fake.disk[BLOCK][0], 5000);
    cr_expect_eq(fake_touch(0, false)[0], 5000);
    cr_expect_geq(pager_statistics(region).writebacks, writebacks);
}

Test(transit, a_page_taken_back_clean_is_written_by_sync) {
    struct pager_region *region = attach("none", 4);
    queue(region, 2);
    fake_touch(0, false);
    cr_assert(pager_sync(region));
    for (unsigned page = 0; page < region->slots + 2; page++) cr_expect_eq(fake.disk[BLOCK + page][0], 5000 + page);
    cr_expect_eq(region->transit->queued.count + region->transit->writing, 0);
}

Test(transit, a_touch_of_a_page_being_written_waits_and_keeps_its_frame) {
    struct pager_region *region = attach("none", 4);
    queue(region, 3);
    fake_touch(region->slots + 3, true);
    cr_assert_eq(region->transit->writing, 4);
    put_count = 0;
    cr_expect_eq(fake_touch(1, false)[0], 5001); // the fake fails the test if the frame is mapped during its transfer
    for (unsigned i = 0; i < put_count; i++) cr_expect_neq(put[i].page, 1, "it is neither read nor written again");
    cr_expect_eq(pager_statistics(region).rescues, 1);
    cr_expect_eq(fake.disk[BLOCK + 1][0], 5001);
}

Test(transit, a_page_is_not_read_ahead_while_its_write_is_put_off) {
    struct pager_region *region = attach("sequential", 4);
    for (uint32_t page = 0; page < region->slots + 2; page++) fake_touch(page, true)[0] = 5000 + page;
    while (transit_wait()) {
    }
    const uint32_t last = region->slots + 1; // 0 and 1 are queued, 2 is the next victim
    cr_assert_eq(region->transit->queued.count, 2);
    fake_touch(last + 30, false);
    cr_expect_eq(fake_touch(0, false)[0], 5000);
    cr_expect_eq(fake_touch(1, false)[0], 5001);
    cr_expect_eq(fake_touch(2, false)[0], 5002);
}

// ---- advice ----

Test(transit, random_pages_read_nothing_ahead) {
    struct pager_region *region = attach("sequential", 1);
    pager_advise(region, 0, 50, PAGER_RANDOM);
    for (unsigned page = 0; page < 50; page++) expect_contents(page, false);
    cr_expect_eq(pager_statistics(region).ahead_reads, 0);
    pager_advise(region, 0, UINT64_MAX, PAGER_NORMAL);
    for (unsigned page = 60; page < 64; page++) expect_contents(page, false);
    cr_expect_gt(pager_statistics(region).ahead_reads, 0);
}

Test(transit, announced_sequences_are_read_ahead_from_the_first_page_on) {
    struct pager_region *region = attach("sequential", 1);
    pager_advise(region, 10, 40, PAGER_SEQUENTIAL);
    expect_contents(10, false);
    expect_put(EXO_RING_READ, 10, 5);
    expect_contents(60, false);
    expect_put(EXO_RING_READ, 60, 1);
}

Test(transit, needed_pages_are_read_at_once_as_far_as_frames_are_free) {
    struct pager_region *region = attach("sequential", 1);
    pager_advise(region, 30, 10, PAGER_WILL_NEED);
    expect_put(EXO_RING_READ, 30, 10);
    cr_expect_eq(fake_under_way(), 10);
    pager_advise(region, 0, PAGES, PAGER_WILL_NEED); // the ring is smaller than what is left
    cr_expect_eq(put_count, FRAMES - 10);
    cr_expect_eq(region->transit->free.count, 0);
    for (unsigned i = 0; i < put_count; i++) cr_expect_eq(put[i].page, i < 30 ? i : i + 10);
    const uint64_t reads = fake.disk_reads;
    for (unsigned page = 0; page < 30; page++) expect_contents(page, false);
    cr_expect_eq(pager_statistics(region).ahead_hits, 30);
    cr_expect_leq(fake.disk_reads - reads, FRAMES);
    pager_advise(region, PAGES, 1, PAGER_WILL_NEED); // outside: nothing
    pager_advise(region, 0, 0, PAGER_WILL_NEED);
}

Test(transit, advice_to_a_region_without_read_ahead_does_nothing) {
    struct pager_region *region = attach("none", 1);
    pager_advise(region, 0, PAGES, PAGER_WILL_NEED);
    pager_advise(region, 0, PAGES, PAGER_SEQUENTIAL);
    cr_expect_eq(put_count, 0);
}

// ---- the default ----

Test(transit, a_region_without_either_puts_nothing_and_has_all_frames) {
    struct pager_region *region = attach("none", 1);
    for (unsigned page = 0; page < PAGES; page++) fake_touch(page, true);
    cr_expect_eq(region->slots, FRAMES);
    cr_expect_null(region->transit);
    cr_expect_eq(put_count, 0);
    cr_expect_eq(fake.kicks, 0);
    cr_expect_eq(fake.disk_reads, PAGES);
    pager_report();
    cr_expect_null(strstr(fake.report, "transit"));
}

// ---- limits and failures ----

Test(transit, frames_are_taken_from_the_policy_and_never_more_than_a_quarter) {
    for (uint64_t frames = 1; frames < 5000; frames++) {
        struct pager_options asked = options;
        asked.policy = policy_find("fifo");
        asked.readahead = readahead_find("sequential");
        asked.pages = 100000;
        asked.frames = frames;
        asked.window = 16;
        asked.cluster = 8;
        const struct transit_plan plan = transit_plan(&asked);
        if (frames < 5) {
            cr_expect_eq(plan.slots, 0);
            continue;
        }
        cr_expect_eq(plan.slots + plan.spare, frames);
        cr_expect_eq(plan.spare, 2 * (plan.window + plan.cluster));
        if (frames >= 16) cr_expect_leq(4 * plan.spare, frames);
        if (frames >= 256) cr_expect(plan.window == 16 && plan.cluster == 8);
    }
}

Test(transit, too_few_frames_for_it_are_refused_with_a_sentence) {
    options.frames = 4;
    options.first = fake_address(0);
    options.policy = policy_find("fifo");
    options.readahead = readahead_find("sequential");
    cr_expect_null(pager_attach(&options));
    cr_expect_not_null(strstr(pager_problem(), "need more frames"), "%s", pager_problem());
    options.frames = FRAMES;
    for (fake.refuse_memory = 1; fake.refuse_memory <= 11; fake.refuse_memory++) {
        fake_forget_memories();
        cr_expect_null(pager_attach(&options), "table %u", fake.refuse_memory);
    }
    fake.refuse_memory = 0;
    cr_expect_not_null(pager_attach(&options));
}

Test(transit, a_read_ahead_that_fails_is_read_again_when_it_is_touched) {
    attach("sequential", 1);
    fake_touch(20, false);
    fake.fail_transfer = 3;
    fake_touch(21, false);
    while (transit_wait()) {
    }
    for (unsigned page = 22; page < 26; page++) expect_contents(page, false);
}

static void expect_failure(const char *readahead, uint32_t cluster, unsigned transfer, const char *sentence) {
    attach(readahead, cluster);
    fake.late = 0;
    fake.fail_transfer = transfer;
    jmp_buf back;
    fake.on_failure = &back;
    if (setjmp(back) == 0) {
        for (unsigned page = 0; page < PAGES; page += 2) fake_touch(page, true);
        for (unsigned page = 1; page < PAGES; page += 2) fake_touch(page, true);
        cr_assert(false, "a failing disk went unnoticed");
    }
    cr_expect_not_null(strstr(fake.failure, sentence), "%s", fake.failure);
}

Test(transit, a_read_that_is_waited_for_and_fails_ends_the_pe) {
    expect_failure("sequential", 1, 1, "region test: page 0: read failed, error 13, block 300");
}

Test(transit, a_cluster_that_cannot_be_written_ends_the_pe) {
    options.backed = false; // so that the first transfer is a write
    expect_failure("none", 4, 1, "write-back failed, error 13, block 3");
}

Test(transit, the_report_has_the_counts) {
    attach("sequential", 2);
    fake_touch(20, false);
    fake_touch(21, false);
    pager_report();
    cr_expect_not_null(strstr(fake.report, "{\"event\":\"transit\",\"job\":5,\"region\":\"test\",\"readahead\":"
                                           "\"sequential\",\"window\":4,\"cluster\":2,\"policy_frames\":52,"
                                           "\"ahead_reads\":4,\"ahead_hits\":0,\"ahead_late\":0,\"ahead_wasted\":0,"
                                           "\"rescues\":0,\"writes\":0,\"kicks\":2}"),
                       "%s", fake.report);
}
