// SPDX-License-Identifier: MIT
// Linux's struct rusage.
#pragma once
#include "libos/unix/process/clock.h"
#include "libos/unix/process/process.h"

struct usage {
    struct user_timeval user, system;
    int64_t most_resident, sizes[3], minor_faults, major_faults, swaps, blocks[2], messages[2], signals;
    int64_t switches, preemptions;
};
static_assert(sizeof(struct usage) == 144);

// Of a process with its threads, and of one that has ended with its children's, as wait4 gives it.
void usage_of(const struct process *process, struct usage *usage);
void usage_of_ended(const struct process *process, struct usage *usage);
