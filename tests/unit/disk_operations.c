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

struct workload {
    uint64_t seed;
    unsigned operations;
    uint64_t last; // cut at the last writes only, so many; 0: at all
    bool eager;    // everything is synced after each operation
};

// Power fails at every single write of a workload. What is on the disk then must be the state after one operation,
// none before the last that was synced.
static void begin(const struct workload *workload, struct world *snapshots) {
    model.draw = workload->seed;
    model_load(model_empty());
    mount();
    run_start(fs, snapshots);
    run.eager = workload->eager;
}

// The power fails in one of the ways in which it can.
static void crash(const struct workload *workload, uint64_t at, struct world *snapshots, bool tools) {
    model_crash();
    // Both replays must do the same: Linux's and ours.
    if (tools) {
        (void)model_tool("e2fsck -fy IMAGE");
        model_expect_sound();
    }
    mount();
    char difference[600] = "";
    bool good = false;
    for (unsigned state = run.synced; state <= run.count + 1 && !good; state++) {
        good = world_matches(fs, &snapshots[state], &run.world);
        if (state == run.synced || state == run.count) strcat(strcat(difference, "\n  "), world_difference);
    }
    cr_assert(good, "seed %lu, cut at write %lu, in operation %u, synced %u:%s", workload->seed, at, run.count,
              run.synced, difference);
    model_finish(fs);
    if (at % 8 == 0) model_expect_sound();
}

static void cut(const struct workload *workload, uint64_t at, struct world *snapshots) {
    begin(workload, snapshots);
    model.cut_at = at + model.writes;
    while (run.count < workload->operations && run_operation()) {
    }
    // An operation may be in the journal though its last write failed.
    snapshots[run.count + 1] = run.world;
    model.draw = workload->seed + at * 7919;
    if (!model.cut_in_flush) {
        crash(workload, at, snapshots, at % 16 == 3);
        return;
    }
    // Before a flush the most is under way, and before that of a checkpoint very much: try more of what can become of
    // it.
    struct model_state *before = model_keep();
    unsigned under_way = 0;
    for (uint64_t block = 0; block < MODEL_BLOCKS; block++) under_way += model.unflushed[block];
    for (unsigned i = 0; i < (under_way > 16 ? 16 : 2); i++) {
        model_return(before);
        crash(workload, at, snapshots, false);
    }
    free(before);
}

static uint64_t writes_of(const struct workload *workload, struct world *snapshots) {
    struct fs_statistics statistics = {};
    begin(workload, snapshots);
    const uint64_t before = model.writes;
    uint64_t checkpoint = 0; // when the second was made
    while (run.count < workload->operations) {
        const uint64_t made = statistics.checkpoints;
        cr_assert(run_operation());
        fs_statistics(fs, &statistics);
        if (made < 2 && statistics.checkpoints == 2) checkpoint = model.writes - before;
    }
    // The eager one goes around the whole journal, and makes a checkpoint there, while the power is cut.
    const uint64_t writes = model.writes - before, log = statistics.logged + 2 * statistics.commits;
    if (workload->eager)
        cr_assert(log > 1040 && checkpoint > writes - workload->last + 50 && checkpoint < writes - 20,
                  "%lu blocks of log, %lu checkpoints, the second at write %lu of %lu", log, statistics.checkpoints,
                  checkpoint, writes);
    return writes;
}

Test(disk, a_power_cut_at_any_write_loses_nothing_that_was_synced) {
    static const struct workload workloads[] = {{11, 300, 0, false}, {13, 430, 300, true}};
    struct world *snapshots = malloc(432 * sizeof *snapshots);
    for (unsigned i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        const uint64_t writes = writes_of(&workloads[i], snapshots);
        cr_assert_gt(writes, 200, "%lu", writes);
        const uint64_t first = workloads[i].last ? writes - workloads[i].last : 1;
        for (uint64_t at = first; at <= writes; at++) cut(&workloads[i], at, snapshots);
    }
    free(snapshots);
}
