// SPDX-License-Identifier: MIT
// sort writes what it should: compared with the same lines sorted by the host's qsort.
#include "tests/unit/apps.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void sorts(const char *input, const char *options, const char *expected) {
    char output[64], line[256];
    snprintf(output, sizeof output, "%s", make_file("left over from an earlier run\n"));
    snprintf(line, sizeof line, "sort file=%s output=%s%s", make_file(input), output, options);
    struct outcome run = run_app(sort_main, line, 0, 0, 0);
    cr_assert_eq(run.status, 0, "status %d, said: %s", run.status, run.output);
    char *contents = file_contents(output);
    cr_expect_str_eq(contents, expected);
    free(contents);
}

Test(sort, compares_lines_backwards_unless_told_otherwise) {
    sorts("banana\napple\ncab\n", "", "banana\ncab\napple\n");
    sorts("banana\napple\ncab\n", " reverse=0", "apple\nbanana\ncab\n");
}

Test(sort, orders_bytes_as_unsigned_and_short_lines_first) {
    sorts("\xc3\xa9\nz\nab\na\n\na\n", " reverse=0", "\na\na\nab\nz\n\xc3\xa9\n");
}

Test(sort, gives_a_last_line_without_newline_one) {
    sorts("b\na", "", "a\nb\n");
}

Test(sort, makes_an_empty_file_of_an_empty_one) {
    sorts("", "", "");
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

Test(sort, merges_many_runs) {
    enum { LINES = 20000 };
    char **lines = malloc(LINES * sizeof *lines), *input = calloc(1, LINES * 24), *expected = calloc(1, LINES * 24);
    uint64_t x = 3;
    size_t at = 0;
    for (size_t i = 0; i < LINES; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        lines[i] = input + at;
        at += (size_t)sprintf(input + at, "%lu", x >> (40 + x % 16)) + 1;
    }
    qsort(lines, LINES, sizeof *lines, by_text);
    size_t to = 0;
    for (size_t i = 0; i < LINES; i++) to += (size_t)sprintf(expected + to, "%s\n", lines[i]);
    for (size_t i = 0; i < at; i++)
        if (input[i] == '\0') input[i] = '\n';
    sorts(input, " reverse=0 run=8190", expected);
    free(lines);
    free(input);
    free(expected);
}

Test(sort, refuses_a_line_that_is_too_long_and_says_which) {
    char text[5000], line[128];
    memset(text, 'x', sizeof text);
    memcpy(text, "ok\n", 3);
    text[sizeof text - 1] = '\0';
    const char *name = make_file(text);
    snprintf(line, sizeof line, "sort file=%s output=/dev/null", name);
    struct outcome run = run_app(sort_main, line, 0, 0, 0);
    cr_expect_eq(run.status, 2);
    cr_expect_not_null(strstr(run.output, ":2: expected a line of at most 4095 bytes"), "it said: %s", run.output);
}
