// SPDX-License-Identifier: MIT
// setitimer and alarm. ITIMER_REAL is a timer; ITIMER_VIRTUAL and ITIMER_PROF count the slices that end in the process,
// and are as coarse as these.
#include "libos/unix/process/interval.h"
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/clock.h"
#include "libos/unix/process/timer.h"
#include "pe/layout.h"
#include <errno.h>
#include <signal.h>
#include <sys/time.h>

struct interval_timer {
    struct timer timer; // of ITIMER_REAL
    struct process *process;
    uint64_t left;   // of the others; 0: off
    uint64_t period; // 0: once
};

constexpr unsigned TIMERS = 3;
static const int signals[TIMERS] = {SIGALRM, SIGVTALRM, SIGPROF};

struct user_itimerval {
    struct user_timeval period, left;
};

static void real_is_due(struct timer *timer) {
    struct interval_timer *real = (struct interval_timer *)timer;
    if (real->period != 0) {
        const uint64_t now = clock_now();
        const uint64_t missed = (now - timer->at) / real->period;
        timer_set(timer, time_after(timer->at, (missed + 1) * real->period));
    }
    signal_process(real->process, SIGALRM);
}

static struct interval_timer *timers_of(struct process *process) {
    if (process->timers == nullptr) {
        process->timers = heap_allocate_zeroed(TIMERS * sizeof(struct interval_timer));
        if (process->timers == nullptr) return nullptr;
        process->timers[ITIMER_REAL].process = process;
        process->timers[ITIMER_REAL].timer.due = real_is_due;
    }
    return process->timers;
}

void interval_timers_release(struct process *process) {
    if (process->timers == nullptr) return;
    timer_unset(&process->timers[ITIMER_REAL].timer);
    heap_release(process->timers);
    process->timers = nullptr;
}

static void count(struct process *process, int which, uint64_t passed) {
    struct interval_timer *timer = &process->timers[which];
    if (timer->left == 0) return;
    if (timer->left > passed) {
        timer->left -= passed;
        return;
    }
    timer->left = timer->period;
    signal_process(process, signals[which]);
}

void interval_timers_slice(struct process *process, bool in_user) {
    if (process->timers == nullptr) return;
    const uint64_t slice = ((const volatile struct exo_machine *)EXO_MACHINE_INFO)->slice_nanoseconds;
    if (in_user) count(process, ITIMER_VIRTUAL, slice);
    count(process, ITIMER_PROF, slice);
}

static uint64_t left_of(const struct interval_timer *timer, unsigned which) {
    if (which != ITIMER_REAL) return timer->left;
    const uint64_t now = clock_now();
    return !timer->timer.set ? 0 : timer->timer.at > now ? timer->timer.at - now : 1;
}

static void set(struct interval_timer *timer, unsigned which, uint64_t left, uint64_t period) {
    timer->period = period;
    if (which != ITIMER_REAL)
        timer->left = left;
    else if (left == 0)
        timer_unset(&timer->timer);
    else
        timer_set(&timer->timer, time_after(clock_now(), left));
}

static bool read_timeval(const struct user_timeval *time, uint64_t *length) {
    if (time->seconds < 0 || (uint64_t)time->microseconds >= 1'000'000) return false;
    const struct user_timespec spec = {time->seconds, time->microseconds * 1000};
    *length = timespec_length(&spec);
    return true;
}

static int64_t write_timer(const struct process *process, unsigned which, uint64_t to) {
    struct user_itimerval value = {};
    if (process->timers != nullptr) {
        const struct interval_timer *timer = &process->timers[which];
        value = (struct user_itimerval){timeval_of(timer->period), timeval_of(left_of(timer, which))};
    }
    return user_write(to, &value, sizeof(value));
}

int64_t sys_getitimer(struct thread *self, const uint64_t argument[6]) {
    if (argument[0] >= TIMERS) return -EINVAL;
    return write_timer(self->process, (unsigned)argument[0], argument[1]);
}

int64_t sys_setitimer(struct thread *self, const uint64_t argument[6]) {
    struct user_itimerval value = {};
    uint64_t left, period;
    if (argument[0] >= TIMERS) return -EINVAL;
    if (argument[1] != 0 && user_read(&value, argument[1], sizeof(value)) != 0) return -EFAULT;
    if (!read_timeval(&value.left, &left) || !read_timeval(&value.period, &period)) return -EINVAL;
    const unsigned which = (unsigned)argument[0];
    if (timers_of(self->process) == nullptr) return -ENOMEM;
    if (argument[2] != 0) {
        const int64_t error = write_timer(self->process, which, argument[2]);
        if (error != 0) return error;
    }
    set(&self->process->timers[which], which, left, period);
    return 0;
}

int64_t sys_alarm(struct thread *self, const uint64_t argument[6]) {
    struct interval_timer *timers = timers_of(self->process);
    if (timers == nullptr) return -ENOMEM;
    const uint64_t left = left_of(&timers[ITIMER_REAL], ITIMER_REAL);
    set(&timers[ITIMER_REAL], ITIMER_REAL, (uint32_t)argument[0] * SECOND, 0);
    return (int64_t)((left + SECOND - 1) / SECOND);
}
