// SPDX-License-Identifier: MIT
// The system calls about signals: dispositions, masks, the signal stack, waiting, sending.
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/clock.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

constexpr uint64_t MASK_BYTES = 8;

struct signals *signals_copy(const struct signals *from) {
    struct signals *signals = heap_allocate(sizeof(*signals));
    if (signals == nullptr) return nullptr;
    if (from != nullptr)
        memcpy(signals, from, sizeof(*signals));
    else
        memset(signals, 0, sizeof(*signals));
    signals->references = 1;
    return signals;
}

struct signals *signals_hold(struct signals *signals) {
    signals->references++;
    return signals;
}

void signals_release(struct signals *signals) {
    if (signals != nullptr && --signals->references == 0) heap_release(signals);
}

void signals_exec(struct signals *signals) {
    for (unsigned i = 0; i < (unsigned)SIGNALS; i++) {
        struct signal_action *action = &signals->action[i];
        *action =
            (struct signal_action){.handler = action->handler == HANDLER_IGNORE ? HANDLER_IGNORE : HANDLER_DEFAULT};
    }
}

int64_t sys_rt_sigaction(struct thread *self, const uint64_t argument[6]) {
    const int signal = (int)argument[0];
    if (argument[3] != MASK_BYTES || signal < 1 || signal > SIGNALS) return -EINVAL;
    struct signal_action *action = &self->process->signals->action[signal - 1];
    struct signal_action now;
    if (argument[1] != 0) {
        if (user_read(&now, argument[1], sizeof(now)) != 0) return -EFAULT;
        if (signal_bit(signal) & SIGNALS_NEVER_BLOCKED) return -EINVAL;
        now.mask &= ~SIGNALS_NEVER_BLOCKED;
    }
    if (argument[2] != 0 && user_write(argument[2], action, sizeof(*action)) != 0) return -EFAULT;
    if (argument[1] == 0) return 0;
    *action = now;
    const bool ignored =
        now.handler == HANDLER_IGNORE || (now.handler == HANDLER_DEFAULT && signal_default(signal) == DEFAULT_IGNORE);
    if (ignored) signals_discard(self->process, signal_bit(signal));
    return 0;
}

int64_t sys_rt_sigprocmask(struct thread *self, const uint64_t argument[6]) {
    const uint64_t before = self->blocked;
    uint64_t set;
    if (argument[3] != MASK_BYTES) return -EINVAL;
    if (argument[1] != 0) {
        if (user_read(&set, argument[1], sizeof(set)) != 0) return -EFAULT;
        switch (argument[0]) {
        case SIG_BLOCK: set |= before; break;
        case SIG_UNBLOCK: set = before & ~set; break;
        case SIG_SETMASK: break;
        default: return -EINVAL;
        }
        thread_set_blocked(self, set);
    }
    return argument[2] != 0 ? user_write(argument[2], &before, sizeof(before)) : 0;
}

int64_t sys_rt_sigpending(struct thread *self, const uint64_t argument[6]) {
    const uint64_t pending = (self->pending | self->process->pending) & self->blocked;
    if (argument[1] > MASK_BYTES) return -EINVAL;
    return user_write(argument[0], &pending, argument[1]);
}

int64_t sys_rt_sigsuspend(struct thread *, const uint64_t argument[6]) {
    uint64_t mask;
    if (argument[1] != MASK_BYTES) return -EINVAL;
    if (user_read(&mask, argument[0], sizeof(mask)) != 0) return -EFAULT;
    signal_mask_for_call(mask);
    return wait_sleep_any(nullptr, 0, WAIT_SIGNALS, WAIT_FOREVER);
}

int64_t sys_pause(struct thread *, const uint64_t *) {
    return wait_sleep_any(nullptr, 0, WAIT_SIGNALS, WAIT_FOREVER);
}

// The lowest of a set that is pending.
static int take_of(struct thread *self, uint64_t set, struct signal_info *info) {
    const uint64_t blocked = self->blocked;
    if (((self->pending | self->process->pending) & set) == 0) return 0;
    self->blocked = ~set;
    const int signal = signal_take(info);
    self->blocked = blocked;
    return signal;
}

int64_t sys_rt_sigtimedwait(struct thread *self, const uint64_t argument[6]) {
    uint64_t set, until = WAIT_FOREVER;
    if (argument[3] != MASK_BYTES) return -EINVAL;
    if (user_read(&set, argument[0], sizeof(set)) != 0) return -EFAULT;
    set &= ~SIGNALS_NEVER_BLOCKED;
    if (argument[2] != 0) {
        struct user_timespec time;
        if (user_read(&time, argument[2], sizeof(time)) != 0) return -EFAULT;
        if (!timespec_valid(&time)) return -EINVAL;
        until = time_after(clock_now(), timespec_length(&time));
    }
    struct signal_info info;
    int signal = take_of(self, set, &info);
    if (signal == 0) {
        const uint64_t blocked = self->blocked;
        self->blocked &= ~set; // so that they end the sleep
        const int ended = wait_sleep_any(nullptr, 0, WAIT_SIGNALS, until);
        self->blocked = blocked;
        signal = take_of(self, set, &info);
        if (signal == 0) return ended == -ETIMEDOUT ? -EAGAIN : -EINTR;
    }
    if (argument[1] != 0 && user_write(argument[1], &info, sizeof(info)) != 0) return -EFAULT;
    return signal;
}

// Linux's stack_t.
struct user_stack {
    uint64_t first;
    int32_t flags, padding;
    uint64_t bytes;
};

int64_t sys_sigaltstack(struct thread *self, const uint64_t argument[6]) {
    constexpr uint32_t autodisarm = 1u << 31;
    constexpr uint64_t least = 2048;
    const uint64_t offset = self->user->rsp - self->signal_stack;
    const bool on = self->signal_stack_bytes != 0 && !(self->signal_stack_flags & autodisarm) && offset != 0
                    && offset <= self->signal_stack_bytes;
    const struct user_stack before = {
        .first = self->signal_stack,
        .flags = (int32_t)(self->signal_stack_bytes == 0 ? SS_DISABLE
                           : on                          ? SS_ONSTACK
                                                         : self->signal_stack_flags),
        .bytes = self->signal_stack_bytes,
    };
    if (argument[0] != 0) {
        struct user_stack now;
        if (user_read(&now, argument[0], sizeof(now)) != 0) return -EFAULT;
        if (on) return -EPERM;
        const uint32_t mode = (uint32_t)now.flags & ~autodisarm;
        if (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK) return -EINVAL;
        if (mode != SS_DISABLE && now.bytes < least) return -ENOMEM;
        self->signal_stack = mode == SS_DISABLE ? 0 : now.first;
        self->signal_stack_bytes = mode == SS_DISABLE ? 0 : now.bytes;
        self->signal_stack_flags = (uint32_t)now.flags & autodisarm;
    }
    return argument[1] != 0 ? user_write(argument[1], &before, sizeof(before)) : 0;
}

// ---- Sending

static bool may_send(const struct thread *self, const struct process *to, int signal) {
    const struct process *from = self->process;
    if (from->euid == 0 || from->euid == to->suid || from->euid == to->uid || from->uid == to->suid
        || from->uid == to->uid)
        return true;
    return signal == SIGCONT && from->session == to->session;
}

static struct signal_info from_user(const struct thread *self, int signal, int code) {
    return (struct signal_info){.signal = signal, .code = code, .pid = self->process->pid, .uid = self->process->uid};
}

int64_t sys_kill(struct thread *self, const uint64_t argument[6]) {
    const int32_t pid = (int32_t)argument[0];
    const int signal = (int)argument[1];
    if (signal < 0 || signal > SIGNALS) return -EINVAL;
    if (pid == INT32_MIN) return -ESRCH;
    const int32_t group = pid == 0 ? self->process->group : -pid;
    const struct signal_info info = from_user(self, signal, SI_USER);
    bool found = false, sent = false;
    for (struct process *process = processes; process != nullptr; process = process->next) {
        const bool meant = pid > 0     ? process->pid == pid
                           : pid == -1 ? process->pid != 1 && process != self->process
                                       : process->group == group;
        if (!meant) continue;
        found = true;
        if (!may_send(self, process, signal)) continue;
        sent = true;
        if (signal != 0) (void)signal_send(process, nullptr, &info);
    }
    return !found ? -ESRCH : sent ? 0 : -EPERM;
}

static int64_t send_thread(struct thread *self, int32_t group, int32_t tid, const struct signal_info *info) {
    const int signal = info->signal;
    if (tid <= 0 || group == 0 || group < -1 || signal < 0 || signal > SIGNALS) return -EINVAL;
    struct thread *thread = thread_find(tid);
    if (thread == nullptr || (group != -1 && thread->process->pid != group)) return -ESRCH;
    if (!may_send(self, thread->process, signal)) return -EPERM;
    if (signal == 0 || thread->state == THREAD_ENDED) return 0;
    return signal_send(thread->process, thread, info);
}

int64_t sys_tkill(struct thread *self, const uint64_t argument[6]) {
    const struct signal_info info = from_user(self, (int)argument[1], SI_TKILL);
    return send_thread(self, -1, (int32_t)argument[0], &info);
}

int64_t sys_tgkill(struct thread *self, const uint64_t argument[6]) {
    const struct signal_info info = from_user(self, (int)argument[2], SI_TKILL);
    if ((int32_t)argument[0] <= 0) return -EINVAL;
    return send_thread(self, (int32_t)argument[0], (int32_t)argument[1], &info);
}

// What the sender says of itself must not look like the system's or another's, but to itself.
static int64_t read_info(const struct thread *self, uint64_t address, int signal, int32_t to,
                         struct signal_info *info) {
    if (user_read(info, address, sizeof(*info)) != 0) return -EFAULT;
    if (signal < 1 || signal > SIGNALS) return -EINVAL;
    if ((info->code >= 0 || info->code == SI_TKILL) && to != self->process->pid) return -EPERM;
    info->signal = signal;
    return 0;
}

int64_t sys_rt_sigqueueinfo(struct thread *self, const uint64_t argument[6]) {
    struct signal_info info;
    const int32_t pid = (int32_t)argument[0];
    const int64_t error = read_info(self, argument[2], (int)argument[1], pid, &info);
    if (error != 0) return error;
    struct process *process = process_find(pid);
    if (process == nullptr) return -ESRCH;
    return may_send(self, process, info.signal) ? signal_send(process, nullptr, &info) : -EPERM;
}

int64_t sys_rt_tgsigqueueinfo(struct thread *self, const uint64_t argument[6]) {
    struct signal_info info;
    const int32_t pid = (int32_t)argument[0];
    const int64_t error = read_info(self, argument[3], (int)argument[2], pid, &info);
    return error != 0 ? error : send_thread(self, pid, (int32_t)argument[1], &info);
}
