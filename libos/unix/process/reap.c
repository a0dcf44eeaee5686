// SPDX-License-Identifier: MIT
// Waiting for children: wait4 and waitid.
#include "libos/unix/calls.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/clock.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include "libos/unix/process/usage.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

enum : int { WAIT_OPTIONS = WNOHANG | WUNTRACED | WEXITED | WCONTINUED | WNOWAIT, WAIT_LINUX = (int)0xe0000000 };

// What is waited for: as wait4's first argument.
static bool wanted(const struct process *child, int32_t pid) {
    if (pid > 0) return child->pid == pid;
    return pid == -1 || child->group == -pid;
}

struct found {
    struct process *child;
    int status; // as wait4 gives it
    int code;   // of siginfo
};

// 1: found; 0: there are children, but none has anything to tell; -ECHILD.
static int look(struct process *process, int32_t pid, int options, struct found *found) {
    int result = -ECHILD;
    for (struct process *child = process->children; child != nullptr; child = child->sibling) {
        if (!wanted(child, pid)) continue;
        result = 0;
        found->child = child;
        if (child->zombie && !child->unwanted && (options & WEXITED)) {
            found->status = child->status;
            found->code = (child->status & 0x7f) == 0 ? CLD_EXITED : CLD_KILLED;
            return 1;
        }
        if (child->stopped && !child->stop_told && (options & WUNTRACED)) {
            found->status = child->stop_signal << 8 | 0x7f;
            found->code = CLD_STOPPED;
            if (!(options & WNOWAIT)) child->stop_told = true;
            return 1;
        }
        if (child->continued && (options & WCONTINUED)) {
            found->status = 0xffff;
            found->code = CLD_CONTINUED;
            if (!(options & WNOWAIT)) child->continued = false;
            return 1;
        }
    }
    return result;
}

static int wait_for(struct thread *self, int32_t pid, int options, struct found *found) {
    struct process *process = self->process;
    while (true) {
        const int result = look(process, pid, options, found);
        if (result != 0 || (options & WNOHANG)) return result;
        const int stopped = wait_sleep(&process->child_ended, WAIT_SIGNALS, WAIT_FOREVER);
        if (stopped != 0) return stopped;
    }
}

int64_t sys_wait4(struct thread *self, const uint64_t argument[6]) {
    const int options = (int)argument[2];
    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | WAIT_LINUX)) return -EINVAL;
    int32_t pid = (int32_t)argument[0];
    if (pid == INT32_MIN) return -ESRCH;
    if (pid == 0) pid = -self->process->group;
    struct found found;
    const int result = wait_for(self, pid, (options & ~WAIT_LINUX) | WEXITED, &found);
    if (result <= 0) return result;
    const int32_t child = found.child->pid;
    int error = 0;
    if (argument[3] != 0) {
        struct usage usage;
        usage_of_ended(found.child, &usage);
        error = user_write(argument[3], &usage, sizeof(usage));
    }
    if (found.child->zombie) process_reap(found.child);
    if (error == 0 && argument[1] != 0) error = user_write(argument[1], &found.status, sizeof(found.status));
    return error != 0 ? error : child;
}

int64_t sys_waitid(struct thread *self, const uint64_t argument[6]) {
    const int options = (int)argument[3];
    if ((options & ~(WAIT_OPTIONS | WAIT_LINUX)) || !(options & (WEXITED | WUNTRACED | WCONTINUED))) return -EINVAL;
    int32_t pid = (int32_t)argument[1];
    switch (argument[0]) {
    case P_ALL: pid = -1; break;
    case P_PID:
        if (pid <= 0) return -EINVAL;
        break;
    case P_PGID:
        if (pid < 0) return -EINVAL;
        pid = -(pid == 0 ? self->process->group : pid);
        break;
    default: return -EINVAL;
    }
    struct found found;
    const int result = wait_for(self, pid, options & ~WAIT_LINUX, &found);
    if (result < 0) return result;
    struct signal_info info = {};
    int error = 0;
    if (result > 0) {
        const int status = found.status;
        info = (struct signal_info){.signal = SIGCHLD, .code = found.code, .pid = found.child->pid};
        info.uid = found.child->uid;
        info.status = found.code == CLD_EXITED      ? status >> 8 & 0xff
                      : found.code == CLD_STOPPED   ? status >> 8
                      : found.code == CLD_CONTINUED ? SIGCONT
                                                    : status & 0x7f;
        if (argument[4] != 0) {
            struct usage usage;
            usage_of_ended(found.child, &usage);
            error = user_write(argument[4], &usage, sizeof(usage));
        }
        if (found.child->zombie && !(options & WNOWAIT)) process_reap(found.child);
    }
    // Linux writes these fields only.
    if (error == 0 && argument[2] != 0) error = user_write(argument[2], &info, 28);
    return error;
}
