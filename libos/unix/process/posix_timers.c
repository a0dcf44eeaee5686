// SPDX-License-Identifier: MIT
// timer_create and its like: timers of a process that send a signal to it or to one of its threads. While a timer's
// signal is pending, further ones are counted only (timer_getoverrun). No timers by processor time.
#include "libos/unix/process/posix_timers.h"
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/repeating.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <time.h>

constexpr int NOTIFY_THREAD = 4; // SIGEV_THREAD_ID
constexpr int32_t TIMERS_MOST = 1024;

// Of Linux's struct sigevent, 64 bytes.
struct user_sigevent {
    uint64_t value;
    int32_t signal, notify, thread, rest[11];
};
static_assert(sizeof(struct user_sigevent) == 64);

struct posix_timer {
    struct repeating repeating;
    struct posix_timer *next; // by their numbers
    struct process *process;
    int32_t number;
    struct user_sigevent event;
    uint32_t overrun, overrun_before; // of its last signal, and of the one before: what is told while that is pending
};

// The thread that it is for; null: none but the process, or that one has ended.
static struct thread *thread_of(const struct posix_timer *timer) {
    struct thread *thread = timer->event.notify == NOTIFY_THREAD ? thread_find(timer->event.thread) : nullptr;
    return thread != nullptr && thread->process == timer->process ? thread : nullptr;
}

static bool is_pending(const struct posix_timer *timer) {
    const struct thread *thread = thread_of(timer);
    const uint64_t pending = thread != nullptr ? thread->pending : timer->process->pending;
    return timer->event.notify != SIGEV_NONE && (pending & signal_bit(timer->event.signal)) != 0;
}

static void is_due(struct timer *timer) {
    struct posix_timer *self = (struct posix_timer *)timer;
    const uint64_t times = repeating_again(&self->repeating);
    struct thread *thread = thread_of(self);
    if (self->event.notify == SIGEV_NONE || (self->event.notify == NOTIFY_THREAD && thread == nullptr)) return;
    const bool waits = is_pending(self);
    if (!waits) self->overrun_before = self->overrun;
    const uint64_t overrun = waits ? self->overrun + times : times - 1;
    self->overrun = overrun < INT_MAX ? (uint32_t)overrun : INT_MAX;
    if (waits) return;
    const struct signal_info info = {
        .signal = self->event.signal,
        .code = SI_TIMER,
        .pid = self->number, // where siginfo has the timer's number and its overruns
        .uid = self->overrun,
        .value = self->event.value,
    };
    (void)signal_send(self->process, thread, &info);
}

// The place in the list where a number is, or would be.
static struct posix_timer **place_of(struct process *process, int32_t number) {
    struct posix_timer **at = &process->posix_timers;
    while (*at != nullptr && (*at)->number < number) at = &(*at)->next;
    return at;
}

static struct posix_timer *find(const struct thread *self, uint64_t number) {
    struct posix_timer *found = *place_of(self->process, (int32_t)number);
    return found != nullptr && found->number == (int32_t)number ? found : nullptr;
}

static void delete(struct posix_timer **at) {
    struct posix_timer *timer = *at;
    timer_unset(&timer->repeating.timer);
    *at = timer->next;
    heap_release(timer);
}

void posix_timers_release(struct process *process) {
    while (process->posix_timers != nullptr) delete (&process->posix_timers);
}

static int check_event(const struct thread *self, const struct user_sigevent *event) {
    if (event->notify == SIGEV_NONE) return 0;
    if (event->signal < 1 || event->signal > SIGNALS) return -EINVAL;
    if (event->notify == SIGEV_SIGNAL || event->notify == SIGEV_THREAD) return 0;
    const struct thread *thread = event->notify == NOTIFY_THREAD ? thread_find(event->thread) : nullptr;
    return thread != nullptr && thread->process == self->process ? 0 : -EINVAL;
}

int64_t sys_timer_create(struct thread *self, const uint64_t argument[6]) {
    int32_t number = 0;
    for (const struct posix_timer *each = self->process->posix_timers; each != nullptr && each->number == number;)
        number++, each = each->next;
    struct posix_timer made = {
        .repeating.timer.due = is_due,
        .process = self->process,
        .number = number,
        .event = {.value = (uint64_t)number, .signal = SIGALRM, .notify = SIGEV_SIGNAL},
    };
    const int clock = (int)argument[0];
    if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID) return -EOPNOTSUPP;
    if (!repeating_by_clock(&made.repeating, clock)) return -EINVAL;
    if (argument[1] != 0 && user_read(&made.event, argument[1], sizeof(made.event)) != 0) return -EFAULT;
    const int error = check_event(self, &made.event);
    if (error != 0) return error;
    if (number >= TIMERS_MOST) return -EAGAIN;
    struct posix_timer *timer = heap_allocate(sizeof(*timer));
    if (timer == nullptr) return -EAGAIN;
    if (user_write(argument[2], &number, sizeof(number)) != 0) {
        heap_release(timer);
        return -EFAULT;
    }
    struct posix_timer **at = place_of(self->process, number);
    made.next = *at;
    *timer = made;
    *at = timer;
    return 0;
}

int64_t sys_timer_settime(struct thread *self, const uint64_t argument[6]) {
    struct posix_timer *timer = find(self, argument[0]);
    if (timer == nullptr || argument[2] == 0) return -EINVAL;
    const int error = repeating_set(&timer->repeating, (argument[1] & TIMER_ABSTIME) != 0, argument[2], argument[3]);
    if (error == 0) timer->overrun = timer->overrun_before = 0;
    return error;
}

int64_t sys_timer_gettime(struct thread *self, const uint64_t argument[6]) {
    const struct posix_timer *timer = find(self, argument[0]);
    return timer != nullptr ? repeating_tell(&timer->repeating, argument[1]) : -EINVAL;
}

int64_t sys_timer_getoverrun(struct thread *self, const uint64_t argument[6]) {
    const struct posix_timer *timer = find(self, argument[0]);
    if (timer == nullptr) return -EINVAL;
    return is_pending(timer) ? timer->overrun_before : timer->overrun;
}

int64_t sys_timer_delete(struct thread *self, const uint64_t argument[6]) {
    if (find(self, argument[0]) == nullptr) return -EINVAL;
    delete (place_of(self->process, (int32_t)argument[0]));
    return 0;
}
