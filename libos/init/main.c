// SPDX-License-Identifier: MIT
// Init, the first PE: it holds every resource of the machine, and shares them out to the jobs of the boot package's
// manifest (pe/package.h), group by group. The jobs of a group run at the same time; the next group begins when all
// of them have ended and their frames are free again. At the end it stops the machine.
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/init/init.h"
#include "pe/layout.h"

static struct child group[GROUP_JOBS];

static const struct exo_job *job_at(uint64_t index) {
    return (const struct exo_job *)((const char *)package() + package()->jobs_offset) + index;
}

static void check_package(void) {
    const struct exo_package *from = package();
    if (from->bytes > first.package_bytes || from->jobs_offset > from->bytes
        || from->jobs > (from->bytes - from->jobs_offset) / sizeof(struct exo_job))
        pe_fail("the boot package is shorter than it says");
}

static void not_started(const struct child *child) {
    report("{\"event\":\"job\",\"job\":%lu,\"end\":\"not_started\",\"detail\":\"%s\"}", child->number, child->detail);
}

#define REFUSE(child, ...) (format_text((child)->detail, sizeof((child)->detail), __VA_ARGS__), false)

// Gives a job its run of frames, behind *from. `shares`: how many jobs share what is left, if it doesn't say.
static bool take_run(struct child *child, exo_frame *from, uint64_t shares) {
    const struct exo_image *image = image_find(child->job->image);
    if (image == nullptr) return REFUSE(child, "image %lu of the package is not there or damaged", child->job->image);
    child->count = child->job->frames;
    if (child->count != 0)
        child->first = run_find(*from, child->count);
    else {
        uint64_t largest;
        child->first = run_largest(*from, &largest);
        child->count = largest / shares;
    }
    const uint64_t least = child_least_frames(child, image);
    if (child->count < least) return REFUSE(child, "it needs at least %lu frames and gets %lu", least, child->count);
    if (child->first.raw == 0) {
        uint64_t largest;
        (void)run_largest(*from, &largest);
        return REFUSE(child, "it wants %lu frames in a row, %lu are free", child->count, largest);
    }
    from->raw = child->first.raw + child->count;
    return true;
}

// Frames for all, those first who say how many.
static void take_runs(unsigned count, bool *ready) {
    exo_frame from = first.free_first;
    uint64_t shares = 0;
    const bool leased = lease_begin(group, count, &from);
    for (unsigned i = 0; i < count; i++) {
        if (!leased && group[i].job->leased != 0)
            (void)REFUSE(&group[i], "there are not %lu and the others' frames in a row to lend", group[i].job->leased);
        else if (group[i].job->frames == 0)
            shares++;
        else
            ready[i] = take_run(&group[i], &from, 0);
    }
    for (unsigned i = 0; i < count; i++) {
        if (group[i].job->frames == 0 && (leased || group[i].job->leased == 0))
            ready[i] = take_run(&group[i], &from, shares--);
    }
}

static uint64_t slices_of(const struct child *child) {
    return child->job->slices == 0 ? 1 : child->job->slices;
}

// Positions of the slice vector, dealt out one after the other. Position 0 is init's own.
static void deal_slices(unsigned count, const bool *ready) {
    uint64_t given[GROUP_JOBS] = {0};
    unsigned position = 1;
    for (bool any = true; any && position < EXO_SLICE_POSITIONS;) {
        any = false;
        for (unsigned i = 0; i < count && position < EXO_SLICE_POSITIONS; i++) {
            if (!ready[i] || given[i] == slices_of(&group[i])) continue;
            if (exo_slice_set(first_binding(EXO_FIRST_SLICES), position, group[i].pe).error == EXO_OK)
                given[i]++;
            else
                pe_fail("position %u of the slice vector cannot be set", position);
            position++;
            any = true;
        }
    }
}

static void run_group(unsigned count) {
    bool ready[GROUP_JOBS] = {false};
    take_runs(count, ready);
    for (unsigned i = 0; i < count; i++) {
        ready[i] = ready[i] && child_build(&group[i]);
        if (!ready[i]) not_started(&group[i]);
    }
    deal_slices(count, ready);
    for (unsigned i = 0; i < count; i++) {
        if (!ready[i]) continue;
        group[i].running = true;
        if (exo_pe_start(group[i].pe, group[i].number).error != EXO_OK)
            pe_fail("job %lu does not start", group[i].number);
    }
    lease_watch(group, count);
    group_watch(group, count);
    lease_end();
}

int libos_main(int, char **) {
    check_package();
    const uint64_t jobs = package()->jobs;
    for (uint64_t begin = 0; begin < jobs;) {
        unsigned count = 0;
        while (begin + count < jobs && job_at(begin + count)->group == job_at(begin)->group) {
            if (count == GROUP_JOBS) break; // the rest of the group runs as a group of its own
            const struct exo_job *job = job_at(begin + count);
            const uint64_t parts = job->leased != 0 ? PE_PARTS_LEASED : PE_PARTS;
            group[count] = (struct child){.job = job, .number = begin + count, .parts = parts};
            count++;
        }
        run_group(count);
        begin += count;
    }
    report("{\"event\":\"done\"}");
    machine_stop(0);
}
