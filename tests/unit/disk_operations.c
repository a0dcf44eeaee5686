// SPDX-License-Identifier: MIT
// Random operations do what the model says, in memory and after every mount; e2fsck agrees.
#include "tests/unit/disk_world.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct filesystem *fs;

static void mount(void) {
    run.fs = fs = model_start(run_write_fresh);
}

static void unmount(void) {
    run_release();
    model_finish(fs);
}

Test(disk, random_operations_do_what_the_model_says) {
    for (model.draw = 1; model.draw < 9; model.draw++) {
        const uint64_t seed = model.draw;
        model_load(model_empty());
        mount();
        run_start(fs, nullptr);
        for (unsigned i = 0; i < 2000; i++) {
            cr_assert(run_operation());
            if (model_draw(300) == 0) {
                unmount();
                if (model_draw(3) == 0) model_expect_sound();
                mount();
            }
            if (i % 100 == 0) {
                run_write_cached();
                cr_assert(world_matches(fs, &run.world, &run.world), "seed %lu, operation %u: %s", seed, i,
                          world_difference);
            }
        }
        unmount();
        model_expect_sound();
        mount();
        cr_assert(world_matches(fs, &run.world, nullptr), "seed %lu: %s", seed, world_difference);
        model_finish(fs);
        model.draw = seed;
    }
}

// Power fails at every single write of a workload. What is on the disk then must be the state after one operation,
// none before the last that was synced.
static void cut(uint64_t seed, uint64_t at, struct world *snapshots, unsigned operations, bool tools) {
    model.draw = seed;
    model_load(model_empty());
    mount();
    run_start(fs, snapshots);
    model.cut_at = at + model.writes;
    while (run.count < operations && run_operation()) {
    }
    const bool was_cut = model.off;
    if (!was_cut) model.off = true;
    model.draw = seed + at * 7919;
    model_crash();
    // Both replays must do the same: Linux's and ours.
    if (tools) {
        (void)model_tool("e2fsck -fy IMAGE");
        model_expect_sound();
    }
    mount();
    char difference[256] = "";
    bool good = false;
    // An operation may be in the journal though its last write failed.
    snapshots[run.count + 1] = run.world;
    for (unsigned state = run.synced; state <= run.count + 1 && !good; state++) {
        good = world_matches(fs, &snapshots[state], &run.world);
        if (state == run.synced || state == run.count) strcat(strcat(difference, "\n  "), world_difference);
    }
    cr_assert(good, "seed %lu, cut at write %lu, in operation %u, synced %u:%.250s", seed, at, run.count, run.synced,
              difference);
    model_finish(fs);
    if (at % 8 == 0) model_expect_sound();
}

static uint64_t writes_of(uint64_t seed, struct world *snapshots, unsigned operations) {
    model.draw = seed;
    model_load(model_empty());
    mount();
    run_start(fs, snapshots);
    const uint64_t before = model.writes;
    while (run.count < operations) cr_assert(run_operation());
    return model.writes - before;
}

Test(disk, a_power_cut_at_any_write_loses_nothing_that_was_synced) {
    constexpr unsigned operations = 300;
    struct world *snapshots = malloc((operations + 2) * sizeof *snapshots);
    for (uint64_t seed = 11; seed < 13; seed++) {
        const uint64_t writes = writes_of(seed, snapshots, operations);
        cr_assert_gt(writes, 100, "%lu", writes);
        for (uint64_t at = 1; at <= writes; at++) cut(seed, at, snapshots, operations, at % 16 == 3);
    }
    free(snapshots);
}
