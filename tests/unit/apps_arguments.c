// SPDX-License-Identifier: MIT
// What applications accept on their command lines, and what they say to the rest: one sentence and status 2.
#include "tests/unit/apps.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void says(app_main *app, const char *line, int status, const char *expected) {
    struct outcome run = run_app(app, line, 0, 0, 0);
    cr_expect_eq(run.status, status, "%s: status %d, said: %s", line, run.status, run.output);
    cr_expect_not_null(strstr(run.output, expected), "%s: said: %s", line, run.output);
    if (status == 2 && app != hello_main) { // which greets first
        char *end = strchr(run.output, '\n');
        cr_expect(end != nullptr && end[1] == '\0', "%s: said more or less than one line: %s", line, run.output);
    }
}

Test(apps, take_arguments_by_name_in_any_order_and_bare_ones_in_turn) {
    const char *same = "matmul: n=8 block=4\n";
    says(matmul_main, "matmul n=8 block=4", 0, same);
    says(matmul_main, "matmul block=4 n=8", 0, same);
    says(matmul_main, "matmul 8 4", 0, same);
    says(matmul_main, "matmul block=4 8", 0, same);
}

Test(apps, refuse_numbers_that_are_none_or_out_of_range) {
    says(matmul_main, "matmul n=x", 2, "matmul: n must be a number from 1 to 1024, not \"x\"");
    says(matmul_main, "matmul n=0", 2, "not \"0\"");
    says(matmul_main, "matmul n=1025", 2, "not \"1025\"");
    says(matmul_main, "matmul n=", 2, "not \"\"");
    says(matmul_main, "matmul n=-1", 2, "not \"-1\"");
    says(matmul_main, "matmul n=18446744073709551617", 2, "not \"18446744073709551617\"");
}

Test(apps, refuse_arguments_that_they_do_not_know) {
    says(loop_main, "loop size=3", 2, "\"size=3\"");
    says(loop_main, "loop size=3", 2, "it takes pages=, laps=, write=");
    says(bfs_main, "bfs 1 2 3 4", 2, "\"4\"");
}

Test(apps, name_a_file_that_cannot_be_opened) {
    says(hello_main, "hello file=no-such-file", 2, "cannot open the file \"no-such-file\": No such file");
    says(sort_main, "sort file=no-such-file", 2, "cannot open the file \"no-such-file\": No such file");
    says(replay_main, "replay trace=no-such-file", 2, "cannot open the trace \"no-such-file\": No such file");
    says(replay_main, "replay", 2, "needs a trace file");
}

Test(apps, work_at_their_smallest_sizes) {
    says(matmul_main, "matmul n=1 block=1", 0, "verified");
    says(bfs_main, "bfs vertices=1 degree=1 sources=1", 0, "verified");
    says(hashjoin_main, "hashjoin build=1 probe=1", 0, "verified");
    says(loop_main, "loop pages=1 laps=1 write=1", 0, "verified");
    says(zipfkv_main, "zipfkv keys=1 operations=0 puts=0", 0, "verified");
}

Test(apps, hello_shows_its_arguments_and_reads_a_file) {
    char line[128];
    // FNV-1a of "a" and of "foobar", from the authors' test vectors.
    says(hello_main, "hello a", 0, "argument 1: a\nhello: checksum af63dc4c8601ec8c");
    snprintf(line, sizeof line, "hello file=%s", make_file("foobar"));
    says(hello_main, line, 0, "6 bytes, 0 lines\nhello: checksum 85944171f73967e8");
}

Test(apps, checksums_are_the_same_on_every_machine) {
    says(matmul_main, "matmul n=192 block=48", 0, "checksum 50e4c7a25655fcb8");
    says(hashjoin_main, "hashjoin build=30000 probe=60000", 0, "checksum fa7577a21182cd53");
    says(bfs_main, "bfs vertices=20000 degree=8 sources=2", 0, "checksum b58e0ef611388f81");
    says(zipfkv_main, "zipfkv keys=8192 operations=60000", 0, "checksum c94fb318e8a38643");
    says(loop_main, "loop pages=337 laps=20", 0, "checksum 88e06ea8db8dae13");
}
