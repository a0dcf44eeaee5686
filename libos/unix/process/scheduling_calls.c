// SPDX-License-Identifier: MIT
// Calls about scheduling, of which there is little to say: one processor, all threads in turn. What Linux lets
// everybody choose is accepted and changes nothing; real time is refused.
#include "libos/unix/calls.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/clock.h"
#include "libos/unix/process/thread.h"
#include <errno.h>
#include <sched.h>

static bool is_thread(uint64_t tid) {
    return (int32_t)tid == 0 || thread_find((int32_t)tid) != nullptr;
}

int64_t sys_sched_yield(struct thread *, const uint64_t *) {
    thread_yield();
    return 0;
}

int64_t sys_sched_getaffinity(struct thread *, const uint64_t argument[6]) {
    const uint64_t first = 1;
    if (!is_thread(argument[0])) return -ESRCH;
    if (argument[1] < sizeof(first) || argument[1] % sizeof(first) != 0) return -EINVAL;
    return user_write(argument[2], &first, sizeof(first)) != 0 ? -EFAULT : (int64_t)sizeof(first);
}

int64_t sys_sched_setaffinity(struct thread *, const uint64_t argument[6]) {
    uint8_t first = 0;
    if (!is_thread(argument[0])) return -ESRCH;
    if (argument[1] != 0 && user_read(&first, argument[2], 1) != 0) return -EFAULT;
    return first & 1 ? 0 : -EINVAL;
}

int64_t sys_sched_getscheduler(struct thread *, const uint64_t argument[6]) {
    return is_thread(argument[0]) ? SCHED_OTHER : -ESRCH;
}

static int64_t set(uint64_t tid, int policy, uint64_t address) {
    int32_t priority;
    if ((int32_t)tid < 0 || address == 0) return -EINVAL;
    if (user_read(&priority, address, sizeof(priority)) != 0) return -EFAULT;
    if (!is_thread(tid)) return -ESRCH;
    switch (policy & ~SCHED_RESET_ON_FORK) {
    case SCHED_OTHER:
    case SCHED_BATCH:
    case SCHED_IDLE: return priority == 0 ? 0 : -EINVAL;
    case SCHED_FIFO:
    case SCHED_RR: return priority >= 1 && priority <= 99 ? -EPERM : -EINVAL;
    default: return -EINVAL;
    }
}

int64_t sys_sched_setscheduler(struct thread *, const uint64_t argument[6]) {
    return set(argument[0], (int)argument[1], argument[2]);
}
int64_t sys_sched_setparam(struct thread *, const uint64_t argument[6]) {
    return set(argument[0], SCHED_OTHER, argument[1]);
}

int64_t sys_sched_getparam(struct thread *, const uint64_t argument[6]) {
    const int32_t priority = 0;
    if (!is_thread(argument[0])) return -ESRCH;
    return user_write(argument[1], &priority, sizeof(priority));
}

static int64_t bound(uint64_t policy, int real_time) {
    switch ((int)policy) {
    case SCHED_FIFO:
    case SCHED_RR: return real_time;
    case SCHED_OTHER:
    case SCHED_BATCH:
    case SCHED_IDLE: return 0;
    default: return -EINVAL;
    }
}

int64_t sys_sched_get_priority_max(struct thread *, const uint64_t argument[6]) {
    return bound(argument[0], 99);
}
int64_t sys_sched_get_priority_min(struct thread *, const uint64_t argument[6]) {
    return bound(argument[0], 1);
}

// Nice values are not kept: all are 0, which the call gives as 20.
int64_t sys_getpriority(struct thread *, const uint64_t argument[6]) {
    return argument[0] > 2 ? -EINVAL : 20;
}
int64_t sys_setpriority(struct thread *, const uint64_t argument[6]) {
    return argument[0] > 2 ? -EINVAL : 0;
}

int64_t sys_getcpu(struct thread *, const uint64_t argument[6]) {
    const uint32_t none = 0;
    if (argument[0] != 0 && user_write(argument[0], &none, sizeof(none)) != 0) return -EFAULT;
    return argument[1] != 0 ? user_write(argument[1], &none, sizeof(none)) : 0;
}
