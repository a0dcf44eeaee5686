// SPDX-License-Identifier: MIT
// The pager on a machine of arrays: contents, counts, the disk, refusals. Each test runs in a process of its own.
#include "libos/pager/policy/lcg.h"
#include "libos/pager/sim/simulate.h"
#include "tests/unit/pager_fake.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

constexpr unsigned PAGES = 100, FRAMES = 20, BLOCK = 300;
static unsigned frames = FRAMES, pages = PAGES; // of the region that attach makes

static struct pager_region *attach(const char *policy, bool backed) {
    const struct pager_options options = {.name = "test",
                                          .job = 5,
                                          .first = fake_address(10),
                                          .pages = pages,
                                          .policy = policy_find(policy),
                                          .frames = frames,
                                          .block = BLOCK,
                                          .seed = 1,
                                          .backed = backed};
    struct pager_region *region = pager_attach(&options);
    cr_assert_not_null(region, "%s", pager_problem());
    return region;
}

// A mixed reference string: a hot set, a loop and single pages, three in ten written.
static struct trace *references(unsigned length) {
    struct trace *trace = trace_new("mixed");
    uint64_t x = 11;
    for (unsigned i = 0; i < length; i++) {
        const uint64_t kind = lcg_draw(&x, 3);
        const uint64_t page = kind == 0 ? lcg_draw(&x, 12) : kind == 1 ? 12 + i % 30 : lcg_draw(&x, pages);
        trace_add(trace, page, lcg_draw(&x, 10) < 3);
    }
    return trace;
}

static struct simulation_counts simulated(const char *policy, const struct trace *trace, bool zero_filled) {
    const struct simulation options = {.policy = policy_find(policy),
                                       .trace = trace,
                                       .frames = frames,
                                       .seed = 1,
                                       .zero_filled = zero_filled,
                                       .renumbered = true};
    struct simulation_counts counts;
    cr_assert(simulate(&options, &counts));
    return counts;
}

// Makes the references, keeping a version in the first and the last word of each page, and checks both at each touch.
// The pager's pages have the trace's renumbered names, so that the digests of victims can be compared.
static void carry_out(const struct trace *trace, volatile uint64_t *position) {
    uint64_t versions[PAGES] = {};
    for (size_t i = 0; i < trace->length; i++) {
        const uint32_t page = reference_page(trace->reference[i]);
        const bool write = reference_writes(trace->reference[i]);
        *position = i;
        uint64_t *words = fake_touch(10 + page, write);
        const uint64_t wanted = versions[page] == 0 ? words[0] : (uint64_t)page << 32 | versions[page];
        cr_assert_eq(words[0], wanted, "reference %zu: page %u lost or mixed up", i, page);
        cr_assert_eq(words[FAKE_WORDS - 1], wanted, "reference %zu: page %u torn", i, page);
        if (write) words[0] = words[FAKE_WORDS - 1] = (uint64_t)page << 32 | ++versions[page];
    }
}

static void compare(struct pager_region *region, const struct simulation_counts *wanted) {
    const struct pager_statistics found = pager_statistics(region);
    cr_expect_eq(found.faults, wanted->faults);
    cr_expect_eq(found.writebacks, wanted->writebacks);
    cr_expect_eq(found.reads, wanted->reads);
    cr_expect_eq(found.sequence, wanted->sequence, "other victims, or another order");
    cr_expect_eq(fake.disk_writes, wanted->writebacks);
    cr_expect_eq(fake.disk_reads, wanted->reads);
    cr_expect_eq(fake.faults - found.soft_faults, wanted->faults, "an access must not fault twice");
}

static void run_as_simulated(const char *policy, bool backed) {
    struct trace *trace = references(20000);
    struct pager_region *region = attach(policy, backed);
    const struct simulation_counts wanted = simulated(policy, trace, !backed);
    volatile uint64_t position = 0;
    cr_assert(pager_future(region, trace->length, &position));
    for (size_t i = 0; i < trace->length; i++) pager_future_add(region, reference_page(trace->reference[i]));
    carry_out(trace, &position);
    pager_references(region, trace->length);
    pager_report();
    compare(region, &wanted);
    trace_free(trace);
}

Test(pager, clearing_the_bits_of_a_well_filled_region_runs_as_simulated) {
    frames = 60; // bits are cleared range by range
    run_as_simulated("nru_f64", true);
}

Test(pager, a_policy_that_gives_frames_up_has_more_than_there_are_pages) {
    pages = 99; // in as many frames it gives some up
    frames = 4 * PAGES;
    run_as_simulated("slru4", true);
}

#define RUNS_AS_SIMULATED(policy)                                                                                      \
    Test(pager, policy##_on_a_backed_region_runs_as_simulated) {                                                       \
        run_as_simulated(#policy, true);                                                                               \
    }                                                                                                                  \
    Test(pager, policy##_on_a_zero_filled_region_runs_as_simulated) {                                                  \
        run_as_simulated(#policy, false);                                                                              \
    }
#define POLICY(name) RUNS_AS_SIMULATED(name)
#include "libos/pager/policy/policies.def"
#undef POLICY

Test(pager, a_backed_page_has_its_disk_contents_and_goes_back_to_its_block) {
    attach("fifo", true);
    for (unsigned page = 0; page < PAGES; page++) fake.disk[BLOCK + page][3] = 1000 + page;
    for (unsigned page = 0; page < PAGES; page++) {
        uint64_t *words = fake_touch(10 + page, page % 2 == 0);
        cr_assert_eq(words[3], 1000 + page);
        if (page % 2 == 0) words[3] = 5000 + page;
    }
    cr_expect_eq(fake.disk_writes, (PAGES - FRAMES) / 2); // the last FRAMES are still in memory
    for (unsigned page = 0; page < PAGES; page++) {
        const uint64_t wanted = page % 2 == 0 && page < PAGES - FRAMES ? 5000 + page : 1000 + page;
        cr_expect_eq(fake.disk[BLOCK + page][3], wanted, "page %u", page);
    }
    for (unsigned block = 0; block < FAKE_BLOCKS; block++) {
        if (block >= BLOCK && block < BLOCK + PAGES) continue;
        for (unsigned i = 0; i < FAKE_WORDS; i++)
            cr_assert_eq(fake.disk[block][i], 0, "block %u is not the region's", block);
    }
}

Test(pager, a_first_touch_finds_zeros_though_the_frame_was_used_before) {
    attach("fifo", false);
    for (unsigned page = 0; page < PAGES; page++) {
        uint64_t *words = fake_touch(10 + page, true);
        for (unsigned i = 0; i < FAKE_WORDS; i++) cr_assert_eq(words[i], 0);
        memset(words, 0xaa, EXO_PAGE_SIZE);
    }
    cr_expect_eq(fake.disk_reads, 0);
}

Test(pager, a_page_that_was_only_read_is_never_written_back) {
    struct pager_region *region = attach("clock1", true);
    for (unsigned i = 0; i < 5 * PAGES; i++) fake_touch(10 + i % PAGES, false);
    cr_expect_eq(pager_statistics(region).writebacks, 0);
    cr_expect_eq(fake.disk_writes, 0);
}

Test(pager, what_is_synced_is_on_the_disk_and_not_written_again) {
    struct pager_region *region = attach("fifo", false);
    fake_touch(12, true)[0] = 77;
    fake_touch(13, false);
    cr_assert(pager_sync(region));
    cr_expect_eq(fake.disk_writes, 1);
    cr_expect_eq(fake.disk[BLOCK + 2][0], 77);
    fake_touch(12, true)[0] = 78; // dirty again, although the processor had set the bit before
    cr_assert(pager_sync(region));
    cr_expect_eq(fake.disk[BLOCK + 2][0], 78);
    cr_assert(pager_sync(region));
    cr_expect_eq(fake.disk_writes, 2);
    for (unsigned page = 20; page < 20 + FRAMES; page++) fake_touch(page, false);
    cr_expect_eq(fake.disk_writes, 2);
    cr_expect_eq(fake_touch(12, false)[0], 78);
}

Test(pager, regions_keep_their_own_policy_frames_and_blocks) {
    struct pager_region *first = attach("fifo", false);
    const struct pager_options options = {.name = "other",
                                          .first = fake_address(10 + PAGES),
                                          .pages = 50,
                                          .policy = policy_find("lifo"),
                                          .frames = 5,
                                          .block = BLOCK + PAGES,
                                          .seed = 1};
    struct pager_region *second = pager_attach(&options);
    cr_assert_not_null(second);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned page = 0; page < 50; page++) {
            *fake_touch(10 + page, true) += page;
            *fake_touch(10 + PAGES + page, true) += 100 + page;
        }
    }
    for (unsigned page = 0; page < 50; page++) {
        cr_expect_eq(*fake_touch(10 + page, false), 3 * page);
        cr_expect_eq(*fake_touch(10 + PAGES + page, false), 3 * (100 + page));
    }
    cr_expect_eq(pager_statistics(first).faults, 200); // FIFO on a loop: always
    cr_expect_lt(pager_statistics(second).faults, 200);
}

static void expect_not_served(uint64_t address, uint64_t error) {
    const struct exo_exception exception = {.cr2 = address, .error = error, .rip = 0x1234};
    const uint64_t binds = fake.binds;
    cr_expect_not(pager_fault(&exception), "%#lx", address);
    cr_expect_eq(fake.binds, binds);
}

static void expect_refusal(uint64_t address, uint64_t error, const char *sentence) {
    const struct exo_exception exception = {.cr2 = address, .error = error, .rip = 0x1234};
    jmp_buf back;
    fake.on_failure = &back;
    if (setjmp(back) == 0) pager_refuse(&exception);
    cr_expect_str_eq(fake.failure, sentence);
}

Test(pager, faults_outside_of_regions_and_on_present_pages_are_not_served) {
    struct pager_region *region = attach("fifo", false);
    fake_touch(11, true);
    expect_not_served(fake_address(10).raw - 1, 4);
    expect_not_served(fake_address(10 + PAGES).raw, 4);
    expect_not_served(0, 6);
    expect_not_served(UINT64_MAX, 4);
    expect_not_served(fake_address(11).raw, 4 | 1 | 16); // fetch from a page that is there
    cr_expect_eq(pager_statistics(region).faults, 1);
    expect_refusal(0x10, 6, "write to address 0x10 by instruction 0x1234: nothing is mapped there");
    expect_refusal(fake_address(11).raw, 21,
                   "fetch from address 0x4000b000 by instruction 0x1234: page 1 of region test does not allow it");
}

Test(pager, what_cannot_be_a_region_is_refused_with_a_sentence) {
    attach("fifo", false);
    const struct pager_options good = {.name = "more",
                                       .first = fake_address(200),
                                       .pages = 10,
                                       .policy = policy_find("twoq_clock"),
                                       .frames = 4,
                                       .seed = 1};
    struct pager_options bad[9];
    const char *sentences[] = {"no policy", "start on a page",   "1 to 2^31",
                               "1 to 2^31", "needs more frames", "overlaps",
                               "overlaps",  "too long",          "fewer than 2^31 frames"};
    for (unsigned i = 0; i < 9; i++) bad[i] = good;
    bad[0].policy = nullptr;
    bad[1].first.raw += 8;
    bad[2].pages = 0;
    bad[3].pages = 1ull << 31;
    bad[4].frames = 3;
    bad[5].first = fake_address(10 + PAGES - 1);
    bad[6].first = fake_address(5);
    bad[7].name = "a name that is much too long to be put into reports";
    bad[8].policy = policy_find("slru4");
    bad[8].frames = 1ull << 32 | 4;
    for (unsigned i = 0; i < 9; i++) {
        cr_expect_null(pager_attach(&bad[i]), "%u", i);
        cr_expect_not_null(strstr(pager_problem(), sentences[i]), "%s, not %s", pager_problem(), sentences[i]);
    }
    fake.frames_limit = fake.frames_taken + 3;
    cr_expect_null(pager_attach(&good));
    cr_expect_not_null(strstr(pager_problem(), "fewer frames"), "%s", pager_problem());
    fake.frames_limit = 0;
    cr_expect_not_null(pager_attach(&good));
}

Test(pager, no_memory_for_any_of_its_tables_is_refused) {
    const struct pager_options options = {.name = "test",
                                          .first = fake_address(0),
                                          .pages = 10,
                                          .record = true,
                                          .policy = policy_find("fifo"),
                                          .frames = 4,
                                          .seed = 1};
    for (fake.refuse_memory = 1; fake.refuse_memory <= 6; fake.refuse_memory++) {
        fake_forget_memories();
        cr_expect_null(pager_attach(&options), "table %u", fake.refuse_memory);
        cr_expect_str_eq(pager_problem(), "no memory for its tables");
    }
}

static void expect_disk_failure(unsigned transfer, const char *sentence) {
    attach("fifo", true);
    fake.fail_transfer = transfer;
    jmp_buf back;
    fake.on_failure = &back;
    if (setjmp(back) == 0) {
        for (unsigned page = 0; page < PAGES; page++) fake_touch(10 + page, true);
        cr_assert(false, "a failing disk went unnoticed");
    }
    cr_expect_str_eq(fake.failure, sentence);
}

Test(pager, a_read_that_fails_ends_the_pe) {
    expect_disk_failure(3, "region test: page 2: read failed, error 13, block 302");
}

Test(pager, a_write_back_that_fails_ends_the_pe) {
    expect_disk_failure(FRAMES + 1, "region test: page 0: write-back failed, error 13, block 300");
}

Test(pager, the_optimum_without_a_future_ends_the_pe) {
    attach("opt", true);
    jmp_buf back;
    fake.on_failure = &back;
    if (setjmp(back) == 0) {
        for (unsigned page = 0; page < PAGES; page++) fake_touch(10 + page, false);
    }
    cr_expect_not_null(strstr(fake.failure, "policy opt needs the references to come"), "%s", fake.failure);
}

Test(pager, the_report_has_every_number_once) {
    struct pager_region *region = attach("fifo", true);
    for (unsigned page = 0; page < FRAMES + 2; page++) fake_touch(10 + page, page == 0);
    pager_report();
    cr_expect_not_null(strstr(fake.report,
                              "{\"event\":\"pager\",\"job\":5,\"region\":\"test\",\"policy\":\"fifo\",\"frames\":20,"
                              "\"references\":null,\"faults\":22,\"reads\":22,\"writebacks\":1,"),
                       "%s", fake.report);
    pager_references(region, 1234567890123);
    pager_report();
    cr_expect_not_null(strstr(fake.report, "\"references\":1234567890123,"), "%s", fake.report);
}

Test(pager, traced_faults_have_eight_steps_in_order) {
    const struct pager_options options = {.name = "test",
                                          .job = 5,
                                          .first = fake_address(0),
                                          .pages = 10,
                                          .trace = true,
                                          .policy = policy_find("fifo"),
                                          .frames = 2,
                                          .seed = 1};
    cr_assert_not_null(pager_attach(&options));
    for (unsigned i = 0; i < 4; i++) fake_touch(i, true);
    pager_report();
    const char *at = strstr(fake.report, "{\"event\":\"step\"");
    for (unsigned fault = 1; fault <= 4; fault++) {
        uint64_t last = 0;
        for (unsigned step = 1; step <= 8; step++) {
            unsigned job, found_fault, found_step, page;
            uint64_t time;
            cr_assert_not_null(at);
            cr_assert_eq(sscanf(at, "{\"event\":\"step\",\"job\":%u,\"fault\":%u,\"step\":%u,\"time\":%lu,\"page\":%u}",
                                &job, &found_fault, &found_step, &time, &page),
                         5, "%s", at);
            cr_expect(job == 5 && found_fault == fault && found_step == step && page == fault - 1);
            cr_expect_gt(time, last);
            last = time;
            at = strstr(at + 1, "{\"event\":\"step\"");
        }
    }
    cr_expect_null(at);
}
