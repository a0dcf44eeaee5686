// SPDX-License-Identifier: MIT
// Read-ahead and clustered write-back on a machine of arrays: policies decide as without them, contents survive
// transfers that end in any order, and what is counted is what happened.
#include "libos/pager/policy/lcg.h"
#include "libos/pager/sim/simulate.h"
#include "libos/pager/transit.h"
#include "tests/unit/pager_fake.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

constexpr unsigned PAGES = 100, BLOCK = 300;

static struct pager_options options_of(const char *policy, const char *readahead, uint32_t window, uint32_t cluster) {
    return (struct pager_options){.name = "test",
                                  .job = 5,
                                  .first = fake_address(10),
                                  .pages = PAGES,
                                  .policy = policy_find(policy),
                                  .frames = 64,
                                  .block = BLOCK,
                                  .seed = 1,
                                  .backed = true,
                                  .readahead = readahead_find(readahead),
                                  .window = window,
                                  .cluster = cluster};
}

static struct pager_region *attach(const struct pager_options *options) {
    struct pager_region *region = pager_attach(options);
    cr_assert_not_null(region, "%s", pager_problem());
    return region;
}

// ---- a model: random operation with transfers that end in any order ----

static uint64_t versions[PAGES];
static uint64_t draw = 5;

static uint64_t wanted_word(uint32_t page) {
    return versions[page] == 0 ? 0 : (uint64_t)page << 32 | versions[page];
}

static void touch(uint32_t page, bool write) {
    uint64_t *words = fake_touch(10 + page, write);
    cr_assert_eq(words[0], wanted_word(page), "page %u lost or mixed up: %#lx, not %#lx", page, words[0],
                 wanted_word(page));
    cr_assert_eq(words[FAKE_WORDS - 1], wanted_word(page), "page %u torn", page);
    if (!write) return;
    versions[page]++;
    words[0] = words[FAKE_WORDS - 1] = wanted_word(page);
}

// A mixed reference string: a hot set, streams in rising order, and single pages, three in ten written.
static struct trace *references(unsigned length) {
    struct trace *trace = trace_new("mixed");
    uint64_t stream = 0;
    for (unsigned i = 0; i < length; i++) {
        const uint64_t kind = lcg_draw(&draw, 8);
        if (lcg_draw(&draw, 50) == 0) stream = lcg_draw(&draw, PAGES);
        const uint64_t page = kind == 0 ? lcg_draw(&draw, 6) : kind < 7 ? stream++ % PAGES : lcg_draw(&draw, PAGES);
        trace_add(trace, page, lcg_draw(&draw, 10) < 3);
    }
    return trace;
}

// Every frame is in exactly one place, and what is held knows it.
static void check_frames(const struct pager_region *region, unsigned frames) {
    const struct transit *transit = region->transit;
    static uint8_t seen[FAKE_FRAMES];
    memset(seen, 0, sizeof seen);
    for (uint32_t slot = 0; slot < region->used; slot++) {
        if (region->page_in[slot] == POLICY_NONE) continue;
        seen[region->frame_of[slot]]++;
        cr_assert_eq(region->slot_of[region->page_in[slot]], slot);
        cr_assert_eq(transit->held[region->page_in[slot]], POLICY_NONE);
    }
    uint32_t reading = 0, writing = 0, held = 0;
    for (uint32_t frame = 0; frame < frames; frame++) {
        const enum transit_state state = transit->frame[frame].state;
        cr_assert_eq(state == TRANSIT_SLOT, seen[frame] == 1, "frame %u", frame);
        if (state == TRANSIT_SLOT || state == TRANSIT_FREE) continue;
        held++;
        reading += state == TRANSIT_READING;
        writing += state == TRANSIT_WRITING;
        cr_assert_eq(transit->held[transit->frame[frame].page], frame);
        cr_assert_eq(region->slot_of[transit->frame[frame].page], POLICY_NONE);
    }
    cr_assert_eq(reading, transit->reading);
    cr_assert_eq(writing, transit->writing);
    cr_assert_eq(reading + writing, fake_under_way());
    cr_assert_eq(region->resident + transit->free.count + held, frames);
    cr_assert_eq(region->resident + region->empty_count, region->used);
    const uint32_t in_lists = transit->free.count + transit->ready.count + transit->queued.count;
    cr_assert_eq(in_lists + reading + writing + region->resident, frames);
}

static void expect_as_simulated(const struct pager_region *region, const struct trace *trace) {
    const struct simulation simulation = {.policy = region->options.policy,
                                          .trace = trace,
                                          .frames = region->slots,
                                          .renumbered = true,
                                          .seed = 1,
                                          .zero_filled = !region->options.backed};
    struct simulation_counts wanted;
    cr_assert(simulate(&simulation, &wanted));
    const struct pager_statistics found = pager_statistics(region);
    cr_expect_eq(found.faults, wanted.faults, "%lu faults, not %lu", found.faults, wanted.faults);
    cr_expect_eq(found.writebacks, wanted.writebacks);
    cr_expect_eq(found.sequence, wanted.sequence, "other victims, or another order");
    // Each page that the simulator reads was read at its fault, read before it, or never left.
    cr_expect_eq(found.reads - found.ahead_reads + found.ahead_hits + found.rescues, wanted.reads);
    cr_expect_eq(fake.disk_reads, found.reads);
    cr_expect_eq(fake.disk_writes, found.writes);
}

static void run_as_simulated(const struct pager_options *options) {
    fake.late = 3;
    struct pager_region *region = attach(options);
    struct trace *trace = references(10000);
    volatile uint64_t position = 0;
    cr_assert(pager_future(region, trace->length, &position));
    for (size_t i = 0; i < trace->length; i++) pager_future_add(region, reference_page(trace->reference[i]));
    for (size_t i = 0; i < trace->length; i++) {
        position = i;
        touch(reference_page(trace->reference[i]), reference_writes(trace->reference[i]));
        if (i % 64 == 0) check_frames(region, fake.frames_taken);
    }
    while (transit_wait()) {
    }
    expect_as_simulated(region, trace);
    const struct pager_statistics counts = pager_statistics(region);
    if (options->readahead != nullptr) cr_expect_gt(counts.ahead_hits, 0);
    if (options->cluster > 1 && options->policy->surplus == nullptr) cr_expect_gt(counts.rescues, 0);
    if (fake.kick_takes == 0) cr_expect_eq(counts.kicks, fake.kicks);
    // In the end all of it is on the disk.
    cr_assert(pager_sync(region));
    check_frames(region, fake.frames_taken);
    for (uint32_t page = 0; page < PAGES; page++) {
        if (versions[page] == 0) continue;
        cr_expect_eq(fake.disk[BLOCK + page][0], wanted_word(page), "page %u was not brought to the disk", page);
        cr_expect_eq(fake.disk[BLOCK + page][FAKE_WORDS - 1], wanted_word(page));
    }
    trace_free(trace);
}

#define DECIDES_AS_WITHOUT(policy)                                                                                     \
    Test(pager_ahead, policy##_decides_as_without_read_ahead_and_clusters) {                                           \
        const struct pager_options options = options_of(#policy, "sequential", 4, 4);                                  \
        run_as_simulated(&options);                                                                                    \
    }                                                                                                                  \
    Test(pager_ahead, policy##_decides_as_without_in_a_zero_filled_region) {                                           \
        struct pager_options options = options_of(#policy, "around", 4, 4);                                            \
        options.backed = false;                                                                                        \
        run_as_simulated(&options);                                                                                    \
    }
#define POLICY(name) DECIDES_AS_WITHOUT(name)
#include "libos/pager/policy/policies.def"
#undef POLICY

Test(pager_ahead, clusters_alone_decide_as_without) {
    const struct pager_options options = options_of("clock1", "none", 0, 4);
    run_as_simulated(&options);
}

Test(pager_ahead, read_ahead_alone_decides_as_without) {
    const struct pager_options options = options_of("clock1", "sequential", 3, 1);
    run_as_simulated(&options);
}

Test(pager_ahead, a_ring_with_two_places_is_enough) {
    const struct pager_options options = options_of("clock1", "sequential", 4, 4);
    fake.places = 2;
    run_as_simulated(&options);
}

Test(pager_ahead, a_kick_may_take_one_request_only) {
    const struct pager_options options = options_of("esc", "sequential", 4, 4);
    fake.kick_takes = 1;
    run_as_simulated(&options);
}

Test(pager_ahead, more_frames_than_pages_are_filled_by_reading_ahead) {
    struct pager_options options = options_of("clock1", "around", 8, 1);
    options.frames = 150;
    struct pager_region *region = attach(&options);
    cr_expect_eq(region->slots, PAGES);
    for (uint32_t i = 0; i < PAGES; i++) touch(i * 37 % PAGES, false);
    const struct pager_statistics counts = pager_statistics(region);
    cr_expect_eq(counts.faults, PAGES);
    cr_expect_eq(counts.reads, PAGES, "no page is read twice");
    cr_expect_eq(counts.ahead_wasted, 0);
    cr_expect_lt(counts.faults - counts.ahead_hits, 16, "%lu major faults", counts.faults - counts.ahead_hits);
}

Test(pager_ahead, recorded_and_simulated_agree) {
    struct pager_options options = options_of("clock1_d1", "sequential", 4, 4);
    options.record = true;
    fake.late = 3;
    struct pager_region *region = attach(&options);
    struct trace *trace = references(4000);
    for (size_t i = 0; i < trace->length; i++)
        touch(reference_page(trace->reference[i]), reference_writes(trace->reference[i]));
    while (transit_wait()) {
    }
    expect_as_simulated(region, trace);
    trace_free(trace);
}

// Three regions at once: read-ahead, clusters, and neither, with different policies.
Test(pager_ahead, regions_do_not_take_one_anothers_completions) {
    struct pager_options options[3] = {options_of("clock1", "sequential", 4, 1), options_of("fifo", "around", 4, 4),
                                       options_of("lifo", "none", 0, 0)};
    static uint64_t version[3][PAGES];
    fake.late = 4;
    for (unsigned i = 0; i < 3; i++) {
        options[i].first = fake_address(10 + 200 * i);
        options[i].block = BLOCK + 200 * i;
        attach(&options[i]);
    }
    uint64_t at[3] = {};
    for (unsigned i = 0; i < 20000; i++) {
        const uint64_t which = lcg_draw(&draw, 3);
        const uint64_t page = lcg_draw(&draw, 4) == 0 ? lcg_draw(&draw, PAGES) : at[which]++ % PAGES;
        const bool write = lcg_draw(&draw, 3) == 0;
        uint64_t *words = fake_touch(10 + 200 * which + page, write);
        const uint64_t wanted = version[which][page] == 0 ? 0 : which << 48 | page << 32 | version[which][page];
        cr_assert_eq(words[0], wanted, "region %lu, page %lu", which, page);
        if (write) words[0] = which << 48 | page << 32 | ++version[which][page];
    }
}

static void needs_eight(const char *policy) {
    struct pager_options options = options_of(policy, "sequential", 1, 1);
    options.frames = 14;
    attach(&options);
    for (unsigned page = 0; page < PAGES; page++) fake_touch(10 + page, page % 3 == 0);
    for (unsigned round = 0; round < 3; round++) {
        struct fake_access accesses[8];
        for (unsigned i = 0; i < 8; i++) accesses[i] = (struct fake_access){10 + (7 * i + round) % PAGES, i % 2 == 0};
        fake_execute(0x1000, accesses, 8);
        fake_touch(109 - round, false);
    }
}

Test(pager_ahead, an_instruction_with_eight_pages_gets_through_under_lifo) {
    needs_eight("lifo");
}
Test(pager_ahead, an_instruction_with_eight_pages_gets_through_under_clock) {
    needs_eight("clock1");
}
