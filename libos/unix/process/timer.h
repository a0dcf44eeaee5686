// SPDX-License-Identifier: MIT
// Something to be done at a time. Looked at when a slice begins and while the CPU is idle: so as fine as that.
#pragma once
#include "pe/types.h"

struct timer {
    struct timer *next, *previous;
    uint64_t at;                      // clock_now()
    void (*due)(struct timer *timer); // the timer is unset then, and may be set again. Must not sleep
    bool set;
};

void timer_set(struct timer *timer, uint64_t at); // also if it is set already
void timer_unset(struct timer *timer);            // also if it is not set
bool timers_run(void);                            // those that are due; true: there were some
bool timers_any(void);                            // whether one is set
