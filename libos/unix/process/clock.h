// SPDX-License-Identifier: MIT
// The clock: the time-stamp counter, in nanoseconds by what the kernel measured at boot (pe/layout.h). The time of day
// is told at the start: argument time=NANOSECONDS since 1970.
#pragma once
#include "libos/unix/process/wait.h"

static inline uint64_t clock_ticks(void) {
    return __builtin_ia32_rdtsc();
}
uint64_t clock_ticks_to_ns(uint64_t ticks);
void clock_start(void);

// Linux's struct timespec and struct timeval.
struct user_timespec {
    int64_t seconds, nanoseconds;
};
struct user_timeval {
    int64_t seconds, microseconds;
};
constexpr uint64_t SECOND = 1'000'000'000;

// A valid one's nanoseconds; no more than WAIT_FOREVER - 1.
bool timespec_valid(const struct user_timespec *time);
uint64_t timespec_length(const struct user_timespec *time);
struct user_timespec timespec_of(uint64_t nanoseconds);
struct user_timeval timeval_of(uint64_t nanoseconds);
uint64_t time_after(uint64_t time, uint64_t length); // no more than WAIT_FOREVER - 1
uint64_t time_of_wall(uint64_t wall);                // the clock_now() at which clock_wall() is that
