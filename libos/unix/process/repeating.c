// SPDX-License-Identifier: MIT
// See repeating.h.
#include "libos/unix/process/repeating.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/clock.h"
#include <errno.h>
#include <time.h>

struct user_itimerspec {
    struct user_timespec period, left;
};

bool repeating_by_clock(struct repeating *repeating, int clock) {
    repeating->by_wall = clock == CLOCK_REALTIME || clock == CLOCK_TAI;
    return repeating->by_wall || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME;
}

int repeating_tell(const struct repeating *repeating, uint64_t address) {
    const uint64_t now = clock_now(), at = repeating->timer.at;
    const struct user_itimerspec value = {
        .period = timespec_of(repeating->period),
        .left = timespec_of(!repeating->timer.set ? 0
                            : at > now            ? at - now
                                                  : 1),
    };
    return user_write(address, &value, sizeof(value));
}

int repeating_set(struct repeating *repeating, bool absolute, uint64_t address, uint64_t old) {
    struct user_itimerspec value;
    if (user_read(&value, address, sizeof(value)) != 0) return -EFAULT;
    if (!timespec_valid(&value.left) || !timespec_valid(&value.period)) return -EINVAL;
    if (old != 0 && repeating_tell(repeating, old) != 0) return -EFAULT;
    const uint64_t length = timespec_length(&value.left);
    repeating->period = timespec_length(&value.period);
    if (length == 0)
        timer_unset(&repeating->timer);
    else if (absolute)
        timer_set(&repeating->timer, repeating->by_wall ? time_of_wall(length) : length);
    else
        timer_set(&repeating->timer, time_after(clock_now(), length));
    return 0;
}

uint64_t repeating_again(struct repeating *repeating) {
    if (repeating->period == 0) return 1;
    const uint64_t now = clock_now(), at = repeating->timer.at;
    const uint64_t times = (now > at ? (now - at) / repeating->period : 0) + 1;
    timer_set(&repeating->timer, time_after(at, times * repeating->period));
    return times;
}
