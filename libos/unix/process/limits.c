// SPDX-License-Identifier: MIT
// Limits and what was used.
#include "libos/unix/calls.h"
#include "libos/unix/files/file.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/limits.h"
#include "libos/unix/process/thread.h"
#include "libos/unix/process/usage.h"
#include <errno.h>
#include <sys/resource.h>

constexpr uint64_t UNLIMITED = UINT64_MAX;
static_assert(RLIMIT_NLIMITS == PROCESS_LIMITS);

// As a Linux system sets them for its first process, but for what has no such bound here.
void limits_start(struct process *process) {
    for (unsigned i = 0; i < PROCESS_LIMITS; i++) process->limits[i] = (struct process_limit){UNLIMITED, UNLIMITED};
    process->limits[RLIMIT_STACK].now = 8 << 20;
    process->limits[RLIMIT_CORE].now = 0;
    process->limits[RLIMIT_NPROC] = (struct process_limit){PID_MOST, PID_MOST};
    process->limits[RLIMIT_NICE] = process->limits[RLIMIT_RTPRIO] = (struct process_limit){};
}

static struct process_limit read_limit(const struct process *process, unsigned which) {
    if (which == RLIMIT_NOFILE && process->descriptors != nullptr)
        return (struct process_limit){descriptors_limit(process->descriptors), DESCRIPTORS_MOST};
    return process->limits[which];
}

static int64_t set_limit(struct process *process, unsigned which, struct process_limit limit) {
    if (limit.now > limit.most) return -EINVAL;
    const struct process_limit before = read_limit(process, which);
    if (limit.most > before.most && (process_current()->euid != 0 || which == RLIMIT_NOFILE)) return -EPERM;
    if (which == RLIMIT_NOFILE && process->descriptors != nullptr)
        descriptors_set_limit(process->descriptors, (uint32_t)limit.now);
    if (which == RLIMIT_STACK && process->memory != nullptr) vm_stack_limit(process->memory, limit.now);
    process->limits[which] = limit;
    return 0;
}

int64_t sys_prlimit64(struct thread *self, const uint64_t argument[6]) {
    struct process *process = (int32_t)argument[0] == 0 ? self->process : process_find((int32_t)argument[0]);
    const unsigned which = (unsigned)argument[1];
    struct process_limit limit;
    if (which >= PROCESS_LIMITS) return -EINVAL;
    if (argument[2] != 0 && user_read(&limit, argument[2], sizeof(limit)) != 0) return -EFAULT;
    if (process == nullptr) return -ESRCH;
    if (process != self->process && self->process->euid != 0 && self->process->uid != process->uid) return -EPERM;
    const struct process_limit before = read_limit(process, which);
    if (argument[2] != 0) {
        const int64_t error = set_limit(process, which, limit);
        if (error != 0) return error;
    }
    return argument[3] != 0 ? user_write(argument[3], &before, sizeof(before)) : 0;
}

int64_t sys_getrlimit(struct thread *self, const uint64_t argument[6]) {
    if ((unsigned)argument[0] >= PROCESS_LIMITS) return -EINVAL;
    const struct process_limit limit = read_limit(self->process, (unsigned)argument[0]);
    return user_write(argument[1], &limit, sizeof(limit));
}

int64_t sys_setrlimit(struct thread *self, const uint64_t argument[6]) {
    struct process_limit limit;
    if ((unsigned)argument[0] >= PROCESS_LIMITS) return -EINVAL;
    if (user_read(&limit, argument[1], sizeof(limit)) != 0) return -EFAULT;
    return set_limit(self->process, (unsigned)argument[0], limit);
}

// ---- What was used

void usage_of(const struct process *process, struct usage *usage) {
    const struct process_times times = process_times(process);
    *usage = (struct usage){
        .user = timeval_of(times.user),
        .system = timeval_of(times.system),
        .minor_faults = (int64_t)process->minor_faults,
        .major_faults = (int64_t)process->major_faults,
        .switches = (int64_t)process->switches,
        .preemptions = (int64_t)process->preemptions,
    };
    if (process->memory != nullptr) usage->most_resident = (int64_t)vm_sizes(process->memory).resident * 4;
    for (const struct thread *thread = process->threads; thread != nullptr; thread = thread->sibling) {
        usage->minor_faults += (int64_t)thread->minor_faults;
        usage->major_faults += (int64_t)thread->major_faults;
        usage->switches += (int64_t)thread->switches;
        usage->preemptions += (int64_t)thread->preemptions;
    }
}

void usage_of_ended(const struct process *process, struct usage *usage) {
    const struct process_times times = process_times(process);
    usage_of(process, usage);
    usage->user = timeval_of(times.user + times.child_user);
    usage->system = timeval_of(times.system + times.child_system);
}

int64_t sys_getrusage(struct thread *self, const uint64_t argument[6]) {
    struct usage usage;
    switch ((int)argument[0]) {
    case RUSAGE_SELF: usage_of(self->process, &usage); break;
    case RUSAGE_CHILDREN: {
        const struct process_times times = process_times(self->process);
        usage = (struct usage){.user = timeval_of(times.child_user), .system = timeval_of(times.child_system)};
        break;
    }
    case RUSAGE_THREAD:
        (void)process_times(self->process); // brings the thread's own up to now
        usage = (struct usage){
            .user = timeval_of(clock_ticks_to_ns(self->user_ticks)),
            .system = timeval_of(clock_ticks_to_ns(self->system_ticks)),
            .minor_faults = (int64_t)self->minor_faults,
            .major_faults = (int64_t)self->major_faults,
            .switches = (int64_t)self->switches,
            .preemptions = (int64_t)self->preemptions,
        };
        break;
    default: return -EINVAL;
    }
    return user_write(argument[1], &usage, sizeof(usage));
}
