// SPDX-License-Identifier: MIT
// Trace files: what is read, and what is said of those that are wrong. And the names that are suggested.
#include "libos/pager/sim/suggest.h"
#include "libos/pager/sim/trace.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/simulator-reader-XXXXXX";
static char error[512];

static struct trace *read_text(const char *text, size_t length, bool *good) {
    strcpy(path + strlen(path) - 6, "XXXXXX");
    const int descriptor = mkstemp(path);
    cr_assert_geq(descriptor, 0);
    cr_assert_eq(write(descriptor, text, length), (ssize_t)length);
    close(descriptor);
    struct trace *trace = trace_new("text");
    *good = trace_read(trace, path, error, sizeof error);
    unlink(path);
    return trace;
}

static void expect_refused(const char *text, size_t length, unsigned line, const char *part) {
    bool good;
    char place[64];
    trace_free(read_text(text, length, &good));
    cr_expect_not(good, "accepted: %s", text);
    snprintf(place, sizeof place, "%s:%u: ", path, line);
    cr_expect_eq(strncmp(error, place, strlen(place)), 0, "'%s' should begin with '%s'", error, place);
    cr_expect_not_null(strstr(error, part), "'%s' should contain '%s'", error, part);
}
#define REFUSED(text, line, part) expect_refused(text, sizeof text - 1, line, part)

Test(simulator, reads_pages_with_and_without_r_and_w) {
    bool good;
    const char text[] = "7\n18446744073709551615 R\r\n7 W\n0007";
    struct trace *trace = read_text(text, strlen(text), &good);
    cr_assert(good, "%s", error);
    cr_expect_eq(trace->length, 4);
    cr_expect_eq(trace->pages, 2);
    cr_expect(trace->has_writes);
    const uint32_t wanted[] = {0 << 1, 1 << 1, 0 << 1 | 1, 0 << 1};
    cr_expect_arr_eq(trace->reference, wanted, sizeof wanted);
    cr_expect_eq(trace->number[1], UINT64_MAX);
    trace_free(trace);
}

Test(simulator, reads_references_that_one_instruction_makes) {
    bool good;
    const char text[] = "7 R\n9 R\n+8 M\n+9 W\n8 M\n7 M\n+9\n";
    struct trace *trace = read_text(text, strlen(text), &good);
    cr_assert(good, "%s", error);
    cr_expect_eq(trace->length, 7);
    cr_assert_eq(trace->groups, 2);
    cr_expect_eq(trace->widest, 2, "three references, but to two pages");
    cr_expect_eq(trace->group[0].first, 1);
    cr_expect_eq(trace->group[0].count, 3);
    cr_expect_eq(trace->group[0].late, 1 << 1);
    cr_expect_eq(trace->group[1].first, 5);
    cr_expect_eq(trace->group[1].count, 2);
    cr_expect_eq(trace->group[1].late, 1 << 0);
    const uint32_t wanted[] = {0 << 1, 1 << 1, 2 << 1 | 1, 1 << 1 | 1, 2 << 1 | 1, 0 << 1 | 1, 1 << 1};
    cr_expect_arr_eq(trace->reference, wanted, sizeof wanted);
    cr_expect_null(trace_group_at(trace, 0));
    cr_expect_eq(trace_group_at(trace, 3), &trace->group[0]);
    cr_expect_null(trace_group_at(trace, 4));
    cr_expect_eq(trace_group_at(trace, 5), &trace->group[1]);
    trace_free(trace);
}

Test(simulator, a_line_that_joins_nothing_or_too_much_is_named) {
    char text[18 * 5 + 1] = "1\n";
    REFUSED("+1\n", 1, "there is none");
    REFUSED("1\n++2\n", 2, "found \"++2\"");
    REFUSED("1\n+\n", 2, "expected a decimal page number");
    REFUSED("1\n+ 2\n", 2, "expected a decimal page number");
    for (unsigned i = 0; i < 15; i++) strcat(text, "+2 R\n");
    bool good;
    struct trace *trace = read_text(text, strlen(text), &good);
    cr_expect(good, "16 references of one instruction: %s", error);
    trace_free(trace);
    strcat(text, "+3 R\n");
    expect_refused(text, strlen(text), 17, "it is the last of 16");
}

Test(simulator, a_bad_line_is_named_with_what_was_expected) {
    REFUSED("1\n2\nfoo\n", 3, "found \"foo\"");
    REFUSED("1 W \n", 1, "expected a decimal page number");
    REFUSED("1 w\n", 1, "expected");
    REFUSED("1  W\n", 1, "expected");
    REFUSED("-1\n", 1, "found \"-1\"");
    REFUSED(" 1\n", 1, "expected");
    REFUSED("0x10\n", 1, "expected");
    REFUSED("1\n\n2\n", 2, "found \"\"");
    REFUSED("18446744073709551616\n", 1, "expected");
    REFUSED("1\n2\0003\n", 2, "found \"2?3\"");
    REFUSED("", 1, "empty");
}

Test(simulator, a_missing_file_is_named) {
    struct trace *trace = trace_new("none");
    cr_expect_not(trace_read(trace, "/nonexistent/trace.txt", error, sizeof error));
    cr_expect_str_eq(error, "/nonexistent/trace.txt: No such file or directory");
    trace_free(trace);
}

Test(simulator, many_distinct_pages_keep_their_numbers) {
    struct trace *trace = trace_new("many");
    for (uint64_t i = 0; i < 50000; i++) trace_add(trace, i * i << 20, false);
    for (uint64_t i = 0; i < 50000; i++) trace_add(trace, i * i << 20, true);
    cr_assert_eq(trace->pages, 50000);
    for (uint64_t i = 0; i < 100000; i++) {
        const uint64_t number = (i % 50000) * (i % 50000) << 20;
        cr_assert_eq(trace->number[reference_page(trace->reference[i])], number);
    }
    trace_free(trace);
}

static const char *suggest(const char *wanted) {
    const char *names[] = {"fifo", "lifo", "clock1", "clock1_d1", "clockpro", "random_lcg"};
    struct suggestion suggestion = {.wanted = wanted};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) suggestion_consider(&suggestion, names[i]);
    return suggestion_best(&suggestion);
}

Test(simulator, suggests_the_nearest_name_and_nothing_far_fetched) {
    cr_expect_str_eq(suggest("fif"), "fifo");
    cr_expect_str_eq(suggest("clokc1"), "clock1");
    cr_expect_str_eq(suggest("random"), "random_lcg");
    cr_expect_str_eq(suggest("clockpor"), "clockpro");
    cr_expect_null(suggest("optimal"));
    cr_expect_null(suggest(""));
    char longest[300];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    cr_expect_null(suggest(longest));
}
