// SPDX-License-Identifier: MIT
// replay makes one reference per line of its trace, no more: a pager under it counts what the trace's definition and
// the definition of FIFO give. And it says which line of a trace is bad.
#include "tests/unit/apps.h"
#include "tests/unit/apps_pager.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void counts(const char *trace, unsigned frames, uint64_t faults, uint64_t writebacks) {
    char line[128];
    snprintf(line, sizeof line, "replay trace=%s", make_file(trace));
    struct outcome run = run_app(replay_main, line, frames, APPS_PAGER_SOUND, 0);
    cr_assert_eq(run.status, 0, "status %d, said: %s", run.status, run.output);
    cr_expect_eq(run.faults, faults, "%u frames: %lu faults, not %lu", frames, run.faults, faults);
    cr_expect_eq(run.writebacks, writebacks, "%u frames: %lu write-backs, not %lu", frames, run.writebacks, writebacks);
}

Test(replay, shows_beladys_anomaly) {
    const char *anomaly = "1\n2\n3\n4\n1\n2\n5\n1\n2\n3\n4\n5\n";
    counts(anomaly, 3, 9, 0);
    counts(anomaly, 4, 10, 0);
}

Test(replay, faults_on_each_line_of_a_loop_larger_than_memory) {
    char text[110 * 10 * 4 + 1];
    for (size_t i = 0, at = 0; i < 110 * 10; i++) at += (size_t)sprintf(text + at, "%zu\n", i % 110);
    counts(text, 50, 1100, 0);
    counts(text, 109, 1100, 0);
    counts(text, 110, 110, 0);
}

// A page that was only read is clean, one that was written is dirty once.
Test(replay, dirties_a_page_by_writes_only) {
    counts("0 R\n1 R\n2 R\n0 R\n", 1, 4, 0);
    counts("0 W\n0 W\n1 R\n0 R\n1 W\n0 R\n", 1, 5, 2);
}

// 200,000 references to 2,000 pages by Zipf's law, three in ten of them writes, made from the stated integer formula.
Test(replay, counts_faults_and_writebacks_of_a_generated_trace) {
    enum { N = 2000, REFERENCES = 200000 };
    static uint64_t sums[N];
    uint64_t x = 9, total = 0;
    char *text = malloc(REFERENCES * 8);
    for (unsigned i = 0; i < N; i++) sums[i] = total += (1ull << 40) / (i + 1);
    for (size_t i = 0, at = 0; i < REFERENCES; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        uint64_t u = (x >> 16) % total;
        unsigned rank = 0;
        for (unsigned step = 1024; step > 0; step /= 2)
            if (rank + step <= N && sums[rank + step - 1] <= u) rank += step;
        x = x * 6364136223846793005u + 1442695040888963407u;
        at += (size_t)sprintf(text + at, "%u %c\n", (rank * 1237 + 5) % N, (x >> 16) % 100 < 30 ? 'W' : 'R');
    }
    counts(text, 800, 39438, 20524);
    free(text);
}

static void refuses(const char *trace, const char *words, const char *expected) {
    char line[128], sentence[256];
    const char *name = make_file(trace);
    snprintf(line, sizeof line, "replay trace=%s%s", name, words);
    snprintf(sentence, sizeof sentence, "replay: %s:%s", name, expected);
    struct outcome run = run_app(replay_main, line, 0, 0, 0);
    cr_expect_eq(run.status, 2, "status %d, said: %s", run.status, run.output);
    cr_expect_not_null(strstr(run.output, sentence), "it said: %s, not: %s", run.output, sentence);
}

Test(replay, names_the_bad_line_and_what_was_expected) {
    refuses("0\n1\nx\n", "", "3: expected \"PAGE\", \"PAGE R\" or \"PAGE W\" with a PAGE from 0 to 65535, not \"x\"");
    refuses("0\n\n1\n", "", "2: expected");
    refuses("0 X\n", "", "1: expected");
    refuses("0 R \n", "", "1: expected");
    refuses("0  R\n", "", "1: expected");
    refuses("0 RW\n", "", "1: expected");
    refuses("0 \n", "", "1: expected");
    refuses("-1\n", "", "1: expected");
    refuses("5\n65536\n", "", "2: expected");
    refuses("5\n99999999999999999999999999999999\n", "", "2: expected");
    refuses("0\n4\n5\n", " pages=5",
            "3: expected \"PAGE\", \"PAGE R\" or \"PAGE W\" with a PAGE from 0 to 4, not \"5\"");
    refuses("", "", "1: expected at least one line");
}

Test(replay, needs_no_newline_after_the_last_line) {
    counts("0 W\n1 W", 1, 2, 1);
}

// Lines that straddle the trace's buffer: a first line of one byte shifts all others against it.
Test(replay, reads_lines_across_the_ends_of_its_buffer) {
    char *text = malloc(1 << 16);
    for (unsigned shift = 1; shift <= 6; shift++) {
        size_t at = (size_t)sprintf(text, "%0*u\n", (int)shift, 0);
        for (unsigned i = 0; i < 3000; i++) at += (size_t)sprintf(text + at, "%u R\n", i % 100);
        counts(text, 100, 100, 0);
    }
    free(text);
}
