// SPDX-License-Identifier: MIT
// Read-ahead policies alone: which pages they ask for.
#include "libos/pager/readahead.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct readahead_state *state;
static const struct readahead *policy;

static void begin(const char *name, uint32_t pages, uint32_t most) {
    policy = readahead_find(name);
    cr_assert_not_null(policy, "%s", name);
    static alignas(16) char memory[1024];
    cr_assert_leq(policy->state_bytes, sizeof memory);
    memset(memory, 0, sizeof memory);
    state = (struct readahead_state *)(void *)memory;
    policy->start(state, &(struct readahead_view){pages, most});
}

static void expect(uint32_t page, bool hit, uint32_t first, uint32_t count) {
    const struct readahead_range range = policy->fault(state, &(struct readahead_fault){page, hit, false});
    cr_expect_eq(range.count, count, "page %u: %u pages, not %u", page, range.count, count);
    if (count != 0) cr_expect_eq(range.first, first, "page %u: from %u, not %u", page, range.first, first);
}

Test(readahead, names_are_found_and_others_are_not) {
    for (const struct readahead *const *each = readaheads; *each != nullptr; each++) {
        cr_expect_eq(readahead_find((*each)->name), *each);
        cr_expect_gt((*each)->state_bytes, 0);
        cr_expect_not_null((*each)->source);
    }
    cr_expect_null(readahead_find("none"));
    cr_expect_null(readahead_find("sequentia"));
}

Test(readahead, every_answer_is_within_the_limits) {
    for (const struct readahead *const *each = readaheads; *each != nullptr; each++) {
        for (uint32_t most = 1; most <= 33; most++) {
            begin((*each)->name, 1000, most);
            for (unsigned i = 0; i < 20000; i++) {
                const uint32_t page = (uint32_t)(i % 3 == 0 ? rand() % 1000 : i % 1000);
                const struct readahead_fault fault = {page, rand() % 2 == 0, rand() % 100 == 0};
                const struct readahead_range range = policy->fault(state, &fault);
                cr_assert_leq(range.count, most, "%s", policy->name);
                cr_assert(range.count == 0 || range.first + range.count <= 1000, "%s", policy->name);
                if (policy->wasted != nullptr && rand() % 4 == 0) policy->wasted(state, page);
            }
        }
    }
}

Test(readahead, windows_double_up_to_the_limit_and_the_next_is_asked_for_at_the_first_page_of_the_last) {
    begin("sequential", 100, 16);
    expect(10, false, 0, 0); // one page is no sequence
    expect(11, false, 12, 4);
    expect(12, true, 16, 8); // first page of the window: the next one
    for (uint32_t page = 13; page < 16; page++) expect(page, true, 0, 0);
    expect(16, true, 24, 16);
    for (uint32_t page = 17; page < 24; page++) expect(page, true, 0, 0);
    expect(24, true, 40, 16); // as large as it may be
}

Test(readahead, a_window_ends_with_the_region) {
    begin("sequential", 20, 16);
    expect(13, false, 0, 0);
    expect(14, false, 15, 4);
    expect(15, true, 19, 1);
    for (uint32_t page = 16; page < 20; page++) expect(page, true, 0, 0);
    begin("sequential", 2, 16);
    expect(0, false, 0, 0);
    expect(1, false, 0, 0);
}

Test(readahead, pages_in_no_order_read_nothing_ahead) {
    begin("sequential", 1000, 16);
    for (uint32_t i = 0; i < 1000; i++) expect(i * 617 % 1000, false, 0, 0);
}

Test(readahead, falling_pages_read_nothing_ahead) {
    begin("sequential", 1000, 16);
    for (uint32_t page = 999; page > 0; page--) expect(page, false, 0, 0);
}

Test(readahead, streams_that_alternate_are_told_apart) {
    begin("sequential", 1000, 16);
    for (uint32_t stream = 0; stream < 8; stream++) expect(stream * 100, false, 0, 0);
    for (uint32_t stream = 0; stream < 8; stream++) expect(stream * 100 + 1, false, stream * 100 + 2, 4);
    for (uint32_t stream = 8; stream-- > 0;) expect(stream * 100 + 2, true, stream * 100 + 6, 8);
    expect(900, false, 0, 0); // a ninth takes the place of the one not used for longest, which was stream 7
    expect(6, true, 14, 16);
    expect(706, false, 0, 0);
    expect(707, false, 708, 4);
}

Test(readahead, a_page_that_was_asked_for_and_is_missing_is_asked_for_again_with_those_after_it) {
    begin("sequential", 1000, 16);
    expect(0, false, 0, 0);
    expect(1, false, 2, 4);
    expect(2, true, 6, 8);
    expect(3, false, 4, 16); // there was no frame for it
    expect(4, true, 20, 16);
    expect(30, true, 36, 16); // pages may be skipped
}

Test(readahead, announced_sequences_have_full_windows_at_once) {
    begin("sequential", 1000, 16);
    const struct readahead_fault fault = {.page = 50, .sequential = true};
    const struct readahead_range range = policy->fault(state, &fault);
    cr_expect(range.first == 51 && range.count == 16, "%u from %u", range.count, range.first);
}

Test(readahead, a_cluster_is_aligned_and_ends_with_the_region) {
    begin("around", 21, 16);
    expect(5, false, 0, 8);
    expect(13, false, 8, 8);
    expect(20, false, 16, 5);
    expect(12, true, 0, 0);
}

Test(readahead, a_cluster_doubles_while_its_pages_are_touched_and_halves_while_they_are_not) {
    begin("around", 1000, 16);
    for (unsigned i = 0; i < 32; i++) expect(1, true, 0, 0);
    expect(100, false, 96, 16);
    for (unsigned i = 0; i < 64; i++) expect(1, true, 0, 0);
    expect(100, false, 96, 16); // the limit
    for (unsigned i = 0; i < 4 * 32; i++) policy->wasted(state, 1);
    for (unsigned i = 1; i < 64; i++) expect(100, false, 0, 0);
    expect(100, false, 100, 2); // tried again
}

Test(readahead, a_cluster_of_which_half_is_touched_keeps_its_size) {
    begin("around", 1000, 16);
    for (unsigned i = 0; i < 320; i++) {
        if (i % 8 < 5)
            expect(1, true, 0, 0);
        else
            policy->wasted(state, 1);
    }
    expect(100, false, 96, 8);
}
