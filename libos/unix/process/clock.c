// SPDX-License-Identifier: MIT
#include "libos/unix/process/clock.h"
#include "libos/core/start.h"
#include "pe/layout.h"

static uint64_t first_tick, wall_at_start, last;
static uint64_t nanoseconds_per_tick; // a fixed-point number, 32 bits behind the point

void clock_start(void) {
    uint64_t per_second = ((const volatile struct exo_machine *)EXO_MACHINE_INFO)->ticks_per_second;
    if (per_second == 0) per_second = SECOND;
    nanoseconds_per_tick = (uint64_t)(((unsigned __int128)SECOND << 32) / per_second);
    first_tick = clock_ticks();
    wall_at_start = start_number("time", 0);
}

uint64_t clock_ticks_to_ns(uint64_t ticks) {
    return (uint64_t)((unsigned __int128)ticks * nanoseconds_per_tick >> 32);
}

uint64_t clock_now(void) {
    const uint64_t now = clock_ticks_to_ns(clock_ticks() - first_tick);
    if (now > last) last = now; // some emulators' counters go back by a little
    return last;
}

uint64_t clock_wall(void) {
    return wall_at_start + clock_now();
}

uint64_t time_of_wall(uint64_t wall) {
    return wall > wall_at_start ? wall - wall_at_start : 0;
}

uint64_t time_after(uint64_t time, uint64_t length) {
    return length >= WAIT_FOREVER - time ? WAIT_FOREVER - 1 : time + length;
}

bool timespec_valid(const struct user_timespec *time) {
    return time->seconds >= 0 && (uint64_t)time->nanoseconds < SECOND;
}

uint64_t timespec_length(const struct user_timespec *time) {
    if ((uint64_t)time->seconds >= WAIT_FOREVER / SECOND) return WAIT_FOREVER - 1;
    return (uint64_t)time->seconds * SECOND + (uint64_t)time->nanoseconds;
}

struct user_timespec timespec_of(uint64_t nanoseconds) {
    return (struct user_timespec){(int64_t)(nanoseconds / SECOND), (int64_t)(nanoseconds % SECOND)};
}

struct user_timeval timeval_of(uint64_t nanoseconds) {
    return (struct user_timeval){(int64_t)(nanoseconds / SECOND), (int64_t)(nanoseconds % SECOND / 1000)};
}
