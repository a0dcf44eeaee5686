// SPDX-License-Identifier: MIT
// Clocks and sleeping. There is one clock underneath; the real one is the monotonic one with what was told at the start
// added, and can't be set.
#include "libos/unix/calls.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/clock.h"
#include "libos/unix/process/thread.h"
#include <errno.h>
#include <time.h>

constexpr uint64_t TICK = 10'000'000; // of times(), in nanoseconds
constexpr int ABSOLUTE = 1;           // TIMER_ABSTIME

static bool read_clock(const struct thread *self, int clock, uint64_t *time) {
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI: *time = clock_wall(); return true;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME: *time = clock_now(); return true;
    case CLOCK_PROCESS_CPUTIME_ID: {
        const struct process_times times = process_times(self->process);
        *time = times.user + times.system;
        return true;
    }
    case CLOCK_THREAD_CPUTIME_ID:
        (void)process_times(self->process); // brings the thread's own up to now
        *time = clock_ticks_to_ns(self->user_ticks + self->system_ticks);
        return true;
    default: return false;
    }
}

int64_t sys_clock_gettime(struct thread *self, const uint64_t argument[6]) {
    uint64_t time;
    if (!read_clock(self, (int)argument[0], &time)) return -EINVAL;
    const struct user_timespec result = timespec_of(time);
    return user_write(argument[1], &result, sizeof(result));
}

int64_t sys_clock_getres(struct thread *self, const uint64_t argument[6]) {
    uint64_t time;
    const struct user_timespec fine = {0, 1};
    if (!read_clock(self, (int)argument[0], &time)) return -EINVAL;
    return argument[1] != 0 ? user_write(argument[1], &fine, sizeof(fine)) : 0;
}

int64_t sys_clock_settime(struct thread *, const uint64_t argument[6]) {
    return (int)argument[0] == CLOCK_REALTIME ? -EPERM : -EINVAL;
}

int64_t sys_gettimeofday(struct thread *, const uint64_t argument[6]) {
    const struct user_timeval time = timeval_of(clock_wall());
    const uint64_t no_zone = 0;
    if (argument[0] != 0 && user_write(argument[0], &time, sizeof(time)) != 0) return -EFAULT;
    return argument[1] != 0 ? user_write(argument[1], &no_zone, sizeof(no_zone)) : 0;
}

int64_t sys_time(struct thread *, const uint64_t argument[6]) {
    const int64_t seconds = (int64_t)(clock_wall() / SECOND);
    if (argument[0] != 0 && user_write(argument[0], &seconds, sizeof(seconds)) != 0) return -EFAULT;
    return seconds;
}

int64_t sys_times(struct thread *self, const uint64_t argument[6]) {
    const struct process_times times = process_times(self->process);
    const uint64_t ticks[4] = {times.user / TICK, times.system / TICK, times.child_user / TICK,
                               times.child_system / TICK};
    if (argument[0] != 0 && user_write(argument[0], ticks, sizeof(ticks)) != 0) return -EFAULT;
    return (int64_t)(clock_now() / TICK);
}

// A sleep that a stop has interrupted goes on until the time at which it would have ended.
static int64_t sleep_until(struct thread *self, uint64_t until, uint64_t rest_to) {
    if (self->sleep_until != 0) until = self->sleep_until;
    const int ended = wait_sleep_any(nullptr, 0, WAIT_SIGNALS, until);
    self->sleep_until = 0;
    if (ended != -EINTR) return 0;
    self->sleep_until = until;
    const uint64_t now = clock_now();
    const struct user_timespec rest = timespec_of(until > now ? until - now : 0);
    return rest_to != 0 && user_write(rest_to, &rest, sizeof(rest)) != 0 ? -EFAULT : -EINTR;
}

static int64_t read_time(uint64_t address, uint64_t *length) {
    struct user_timespec time;
    if (user_read(&time, address, sizeof(time)) != 0) return -EFAULT;
    *length = timespec_length(&time);
    return timespec_valid(&time) ? 0 : -EINVAL;
}

int64_t sys_nanosleep(struct thread *self, const uint64_t argument[6]) {
    uint64_t length;
    const int64_t error = read_time(argument[0], &length);
    return error != 0 ? error : sleep_until(self, time_after(clock_now(), length), argument[1]);
}

int64_t sys_clock_nanosleep(struct thread *self, const uint64_t argument[6]) {
    const int clock = (int)argument[0];
    uint64_t length;
    const int64_t error = read_time(argument[2], &length);
    if (error != 0) return error;
    const bool real = clock == CLOCK_REALTIME || clock == CLOCK_TAI;
    if (!real && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME) return -EINVAL;
    if (!(argument[1] & ABSOLUTE)) return sleep_until(self, time_after(clock_now(), length), argument[3]);
    return sleep_until(self, real ? time_of_wall(length) : length, 0);
}
