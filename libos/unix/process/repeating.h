// SPDX-License-Identifier: MIT
// A timer that is due once or again and again: what timer_settime and timerfd_settime set and read.
#pragma once
#include "libos/unix/process/timer.h"

struct repeating {
    struct timer timer;
    uint64_t period; // 0: once
    bool by_wall;    // absolute times are of clock_wall()
};

// Whether there are timers by a clock of Linux; sets `by_wall`.
bool repeating_by_clock(struct repeating *repeating, int clock);
// From and to the user's struct itimerspec; address 0 of `old`: it is not wanted. -EFAULT, -EINVAL.
int repeating_set(struct repeating *repeating, bool absolute, uint64_t address, uint64_t old);
int repeating_tell(const struct repeating *repeating, uint64_t address);
// In the timer's `due`: sets it again if it repeats. How many times it has been due since it last was.
uint64_t repeating_again(struct repeating *repeating);
