// SPDX-License-Identifier: MIT
// Stopping and going on, for job control, and telling the parent of it.
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include <signal.h>

static void tell_parent(const struct process *process, int code, int status) {
    struct process *parent = process->parent;
    if (parent == nullptr) return;
    wait_wake(&parent->child_ended, WAIT_ALL);
    if (parent->signals->action[SIGCHLD - 1].flags & SA_NOCLDSTOP) return;
    const struct signal_info info = {
        .signal = SIGCHLD, .code = code, .pid = process->pid, .uid = process->uid, .status = status};
    (void)signal_send(parent, nullptr, &info);
}

// A group is an orphan if nobody in its session but outside of it could tell it to go on. Its members don't stop by
// what a terminal sends (POSIX.1-2017, 2.4.3).
static bool group_is_orphan(const struct process *of) {
    for (const struct process *process = processes; process != nullptr; process = process->next) {
        const struct process *parent = process->parent;
        if (process->group == of->group && !process->zombie && parent != nullptr && parent->group != of->group
            && parent->session == of->session)
            return false;
    }
    return true;
}

void process_stop(struct process *process, int signal) {
    if (process->stopped || (signal != SIGSTOP && group_is_orphan(process))) return;
    process->stopped = true;
    process->stop_signal = (uint8_t)signal;
    process->stop_told = process->continued = false;
    for (struct thread *thread = process->threads; thread != nullptr; thread = thread->sibling) thread_alert(thread);
    tell_parent(process, CLD_STOPPED, signal);
}

void process_continue(struct process *process) {
    if (!process->stopped) return;
    process->stopped = false;
    process->continued = true;
    wait_wake(&process->continuing, WAIT_ALL);
    tell_parent(process, CLD_CONTINUED, SIGCONT);
}

void stop_wait(void) {
    struct process *process = thread_current()->process;
    (void)wait_sleep(&process->continuing, 0, WAIT_FOREVER);
}
