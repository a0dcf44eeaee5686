// SPDX-License-Identifier: MIT
// A list in order of time. A new timer is nearly always among the last, so its place is looked for from the end.
#include "libos/unix/process/timer.h"
#include "libos/unix/process/wait.h"

static struct timer *first, *last;

void timer_unset(struct timer *timer) {
    if (!timer->set) return;
    timer->set = false;
    if (timer->previous != nullptr)
        timer->previous->next = timer->next;
    else
        first = timer->next;
    if (timer->next != nullptr)
        timer->next->previous = timer->previous;
    else
        last = timer->previous;
}

void timer_set(struct timer *timer, uint64_t at) {
    timer_unset(timer);
    struct timer *before = last;
    while (before != nullptr && before->at > at) before = before->previous;
    timer->at = at;
    timer->set = true;
    timer->previous = before;
    timer->next = before != nullptr ? before->next : first;
    if (timer->next != nullptr)
        timer->next->previous = timer;
    else
        last = timer;
    if (before != nullptr)
        before->next = timer;
    else
        first = timer;
}

bool timers_run(void) {
    if (first == nullptr) return false;
    const uint64_t now = clock_now();
    bool some = false;
    while (first != nullptr && first->at <= now) {
        struct timer *timer = first;
        timer_unset(timer);
        timer->due(timer);
        some = true;
    }
    return some;
}

bool timers_any(void) {
    return first != nullptr;
}
