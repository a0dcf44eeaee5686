// SPDX-License-Identifier: MIT
// Every application verifies itself: the same result with and without paging, and no wrong result passes, whatever a
// defective pager does to a page.
#include "tests/unit/apps.h"
#include "tests/unit/apps_pager.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const defect_names[] = {"sound", "loses", "mixes up", "forgets", "tears", "flips"};

constexpr uint64_t STRIKES = 8; // of each kind, spread over the run

struct strikes {
    unsigned tried, caught;
};

// One run with a defect. It must end with status 1, or with the result of a sound run, if what was struck was not
// needed any more. `output`: a file that the application writes, or null.
static void strike(app_main *app, const char *line, unsigned frames, int defect, uint64_t nth,
                   const struct outcome *sound, const char *output, const char *sound_output, struct strikes *strikes) {
    struct outcome run = run_app(app, line, frames, defect, nth);
    if (run.struck == 0) return;
    strikes->tried++;
    strikes->caught += run.status == 1;
    if (run.status == 0) {
        cr_expect_str_eq(run.output, sound->output, "%s, a pager that %s at reload %lu: a wrong result passed", line,
                         defect_names[defect], nth);
        if (output != nullptr) {
            char *contents = file_contents(output);
            cr_expect_str_eq(contents, sound_output, "%s, a pager that %s at reload %lu: a wrong output passed", line,
                             defect_names[defect], nth);
            free(contents);
        }
        return;
    }
    cr_expect_eq(run.status, 1, "%s, a pager that %s at reload %lu: status %d, said: %s", line, defect_names[defect],
                 nth, run.status, run.output);
    cr_expect_not_null(strstr(run.output, "wrong result"), "it said: %s", run.output);
}

// `defects`: which kinds must be caught, the first ones of the list.
static void verifies_itself(app_main *app, const char *line, unsigned frames, const char *output, int defects) {
    struct outcome plain = run_app(app, line, 0, APPS_PAGER_SOUND, 0);
    cr_assert_eq(plain.status, 0, "%s: status %d, said: %s", line, plain.status, plain.output);
    cr_assert_not_null(strstr(plain.output, "verified"));
    struct outcome sound = run_app(app, line, frames, APPS_PAGER_SOUND, 0);
    cr_assert_eq(sound.status, 0, "%s, paged: status %d, said: %s", line, sound.status, sound.output);
    cr_assert_str_eq(sound.output, plain.output);
    cr_assert_gt(sound.faults, 2 * sound.pages, "%s: %lu faults on %lu pages are no memory pressure", line,
                 sound.faults, sound.pages);
    cr_assert_gt(sound.writebacks, 0);
    char *sound_output = output == nullptr ? nullptr : file_contents(output);

    for (int defect = APPS_PAGER_LOSES; defect < defects; defect++) {
        struct strikes strikes = {0, 0};
        uint64_t reloads = sound.faults - sound.pages;
        for (uint64_t part = 0; part < STRIKES; part++)
            strike(app, line, frames, defect, 1 + reloads * part / STRIKES, &sound, output, sound_output, &strikes);
        cr_expect_gt(strikes.caught, 0, "%s: a pager that %s struck %u times and was never caught", line,
                     defect_names[defect], strikes.tried);
    }
    free(sound_output);
}

Test(apps, matmul_finds_every_page_that_its_pager_spoilt) {
    verifies_itself(matmul_main, "matmul n=48 block=16", 8, nullptr, APPS_PAGER_DEFECTS);
}

Test(apps, bfs_finds_every_page_that_its_pager_spoilt) {
    verifies_itself(bfs_main, "bfs vertices=2000 degree=6 sources=2", 8, nullptr, APPS_PAGER_DEFECTS);
}

Test(apps, hashjoin_finds_every_page_that_its_pager_spoilt) {
    verifies_itself(hashjoin_main, "hashjoin build=1500 probe=1500", 8, nullptr, APPS_PAGER_DEFECTS);
}

Test(apps, loop_finds_every_page_that_its_pager_spoilt) {
    verifies_itself(loop_main, "loop pages=20 laps=6", 8, nullptr, APPS_PAGER_DEFECTS);
}

Test(apps, loop_that_writes_finds_every_page_that_its_pager_spoilt) {
    verifies_itself(loop_main, "loop pages=20 laps=6 write=1", 8, nullptr, APPS_PAGER_DEFECTS);
}

Test(apps, zipfkv_finds_every_page_that_its_pager_spoilt) {
    verifies_itself(zipfkv_main, "zipfkv keys=512 operations=3000", 8, nullptr, APPS_PAGER_DEFECTS);
}

Test(apps, reports_finds_every_page_that_its_pager_spoilt) {
    verifies_itself(reports_main, "reports table=10 list=6 districts=3 reports=4", 8, nullptr, APPS_PAGER_DEFECTS);
}

Test(apps, sort_finds_every_page_that_its_pager_spoilt) {
    enum { LINES = 4000 };
    char *text = malloc(LINES * 16), line[256], output[64];
    uint64_t x = 7;
    for (size_t i = 0, at = 0; i < LINES; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        at += (size_t)sprintf(text + at, "%.*s%lu\n", (int)(x >> 60) % 8, "abcdefgh", x >> 40);
    }
    snprintf(output, sizeof output, "%s", make_file(""));
    snprintf(line, sizeof line, "sort file=%s output=%s run=9000", make_file(text), output);
    free(text);
    verifies_itself(sort_main, line, 6, output, APPS_PAGER_DEFECTS);
}

// Laps over 20 pages in 8 frames reload everything. replay looks at two words of a page, so a single bit can escape it.
Test(apps, replay_finds_every_page_that_its_pager_spoilt) {
    char text[20 * 10 * 8], line[128];
    for (size_t i = 0, at = 0; i < 20 * 10; i++)
        at += (size_t)sprintf(text + at, "%zu %c\n", i % 20, i % 3 ? 'R' : 'W');
    snprintf(line, sizeof line, "replay trace=%s", make_file(text));
    verifies_itself(replay_main, line, 8, nullptr, APPS_PAGER_FLIPS);
}
