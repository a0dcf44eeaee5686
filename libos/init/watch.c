// SPDX-License-Identifier: MIT
// Waiting for the jobs of a group. Without deadlines init sleeps until a PE has ended, so that a single job has the CPU
// to itself. With one it takes its slice in every round of the vector, to look at the clock, and gives it up at once.
// So it does where frames move between the jobs, to move them.
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include "libos/init/init.h"
#include "pe/layout.h"

// How long a disk transfer of an ended job may keep its frames, in slices of init.
constexpr uint64_t BUSY_SLICES = 4000;

static const char *const end_names[] = {
    [EXO_END_EXIT] = "exit",
    [EXO_END_NO_ENTRY] = "no_entry",
    [EXO_END_TRIPLE_FAULT] = "triple_fault",
    [EXO_END_DESTROYED] = "destroyed",
};

static void report_end(const struct child *child, struct exo_pe_state state) {
    const char *end = state.end < sizeof(end_names) / sizeof(end_names[0]) ? end_names[state.end] : "unknown";
    report("{\"event\":\"job\",\"job\":%lu,\"end\":\"%s\",\"status\":%lu,\"address\":%lu}", child->number, end,
           state.status, state.address);
}

static struct exo_pe_state state_of(const struct child *child) {
    const uint64_t held = events_hold();
    const enum exo_error error = exo_pe_read(child->pe).error;
    const struct exo_pe_state state = *(const struct exo_pe_state *)pe_page()->args;
    events_release(held);
    if (error != EXO_OK) pe_fail("the state of job %lu cannot be read: error %lu", child->number, (uint64_t)error);
    return state;
}

static uint64_t frames_not_free(const struct child *child) {
    const volatile struct exo_frame_info *table = (const volatile struct exo_frame_info *)EXO_FRAME_TABLE;
    uint64_t frames = 0;
    for (uint64_t i = 0; i < child->count; i++) frames += table[child->first.raw + i].type != EXO_FRAME_FREE;
    return frames;
}

void child_remove(struct child *child) {
    const volatile uint64_t *slices = &pe_page()->slices;
    const uint64_t begin = *slices;
    enum exo_error error;
    while ((error = exo_pe_destroy(child->pe).error) == EXO_AGAIN || error == EXO_BUSY) {
        if (error == EXO_BUSY && *slices - begin > BUSY_SLICES) break;
        if (error == EXO_BUSY) (void)exo_pe_yield(EXO_NO_HANDLE);
    }
    if (error != EXO_OK) print("init: job %lu cannot be removed: error %lu\n", child->number, (uint64_t)error);
    child->pe = EXO_NO_HANDLE;
    child->running = false;
}

static void finish(struct child *child, unsigned place, struct exo_pe_state state) {
    view_unmap(place);
    lease_leave(child, place);
    report_end(child, state);
    child_remove(child);
    const uint64_t lost = frames_not_free(child);
    if (lost != 0) report("{\"event\":\"leak\",\"job\":%lu,\"frames\":%lu}", child->number, lost);
}

static bool is_late(const struct child *child, const struct exo_pe_page *page) {
    return child->job->deadline != 0 && page != nullptr
           && __atomic_load_n(&page->slices, __ATOMIC_RELAXED) > child->job->deadline;
}

void group_watch(struct child *children, unsigned count) {
    const struct exo_pe_page *views[GROUP_JOBS];
    for (unsigned i = 0; i < count; i++)
        views[i] = children[i].running ? view_map(i, (exo_frame){children[i].first.raw + 1}) : nullptr;

    const uint64_t held = events_hold(); // `ended` is looked for here, not by a handler
    uint64_t seen = 0;
    while (true) {
        bool running = false, ended = false, deadline = false;
        for (unsigned i = 0; i < count; i++) {
            if (!children[i].running) continue;
            const struct exo_pe_state state = state_of(&children[i]);
            if (state.state == EXO_PE_ENDED) {
                finish(&children[i], i, state);
                ended = true;
            } else if (is_late(&children[i], views[i])) {
                finish(&children[i], i, (struct exo_pe_state){.end = EXO_END_DESTROYED});
                ended = true;
            } else {
                running = true;
                deadline |= children[i].job->deadline != 0;
            }
        }
        if (!running) break;
        if (ended) continue;
        if (lease_look(children, views, count) || deadline)
            (void)exo_pe_yield(EXO_NO_HANDLE);
        else
            events_wait(&seen);
    }
    events_seen(seen);
    events_release(held);
}
