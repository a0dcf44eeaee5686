// SPDX-License-Identifier: MIT
// The ends of threads and processes.
//
//   process_end: a status is chosen, and every thread of the process is told
//   thread_end:  each ends at its way out; the last one ends the process: it becomes a zombie, and its parent hears of
//   it wait4:       the parent takes the status, and nothing is left (reap.c)
//
// A process's first thread keeps its struct until the process is reaped, as its number is the process's. The children
// of a process that ends go to the first process, whose own end is that of the instance.
#include "libos/core/heap.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/file.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/dispatch.h"
#include "libos/unix/process/futex.h"
#include "libos/unix/process/interval.h"
#include "libos/unix/process/posix_timers.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include "libos/unix/process/trace.h"
#include <errno.h>
#include <signal.h>

static struct wait_queue somebody_ended;

void process_end(int status) {
    struct process *process = process_current();
    if (process->ending) return;
    process->ending = true;
    process->status = status;
    for (struct thread *thread = process->threads; thread != nullptr; thread = thread->sibling) thread_alert(thread);
    wait_wake(&process->continuing, WAIT_ALL);
}

int64_t sys_exit_group(struct thread *self, const uint64_t argument[6]) {
    process_end((int)(argument[0] & 0xff) << 8);
    return (int64_t)self->user->rax;
}

int64_t sys_exit(struct thread *self, const uint64_t argument[6]) {
    if (self->process->thread_count == 1 && !self->process->ending)
        self->process->status = (int)(argument[0] & 0xff) << 8;
    thread_end();
}

void process_unlink(struct process *process) {
    struct process **at = &processes;
    while (*at != process) at = &(*at)->next;
    *at = process->next;
    if (process->parent == nullptr) return;
    for (at = &process->parent->children; *at != process;) at = &(*at)->sibling;
    *at = process->sibling;
}

static void children_to_first(struct process *process) {
    struct process *first = process_find(1);
    while (process->children != nullptr) {
        struct process *child = process->children;
        process->children = child->sibling;
        child->parent = first;
        child->sibling = first->children;
        first->children = child;
        if (child->zombie) wait_wake(&first->child_ended, WAIT_ALL);
    }
}

// SIGCHLD or another signal; nobody has to wait for a child whose parent ignores it.
static void parent_told(struct process *process) {
    struct process *parent = process->parent;
    const struct signal_action *action = &parent->signals->action[SIGCHLD - 1];
    if (process->exit_signal == SIGCHLD && (action->handler == HANDLER_IGNORE || (action->flags & SA_NOCLDWAIT)))
        process->unwanted = true;
    if (process->exit_signal != 0) {
        const bool exited = (process->status & 0x7f) == 0;
        const struct signal_info info = {
            .signal = process->exit_signal,
            .code = exited ? CLD_EXITED : CLD_KILLED,
            .pid = process->pid,
            .uid = process->uid,
            .status = exited ? process->status >> 8 & 0xff : process->status & 0x7f,
        };
        (void)signal_send(parent, nullptr, &info);
    }
    wait_wake(&parent->child_ended, WAIT_ALL);
}

// The last thread of a process ends. It stands on its stack and in its memory still: both go when it is left
// (switch_finish).
static void process_finish(struct process *process) {
    interval_timers_release(process);
    posix_timers_release(process);
    descriptors_release(process->descriptors);
    process->descriptors = nullptr;
    inode_release(process->directory);
    inode_release(process->root);
    inode_release(process->program);
    process->directory = process->root = process->program = nullptr;
    if (process->pid == 1) {
        const int status = process->status, signal = status & 0x7f;
        // As shells do; these two are what somebody wanted.
        if (signal != 0 && signal != SIGINT && signal != SIGPIPE)
            notice("%s was ended by signal %d", process->name, signal);
        instance_end((uint32_t)(signal == 0 ? status >> 8 & 0xff : 128 + signal));
    }
    children_to_first(process);
    signals_discard(process, UINT64_MAX);
    process->zombie = true;
    parent_told(process);
    wait_wake(&somebody_ended, WAIT_ALL);
}

void thread_end(void) {
    struct thread *self = thread_current();
    struct process *process = self->process;
    futex_thread_ends(self);
    vfork_done(self);
    if (--process->thread_count == 0)
        process_finish(process);
    else
        wait_wake(&process->thread_ended, WAIT_ALL);
    self->state = THREAD_ENDED;
    thread_suspend();
    __builtin_unreachable();
}

// The stack of an ended thread is left: takes away what it stood on.
void thread_left(struct thread *thread) {
    struct process *process = thread->process;
    process->user_ticks += thread->user_ticks;
    process->system_ticks += thread->system_ticks;
    process->minor_faults += thread->minor_faults;
    process->major_faults += thread->major_faults;
    process->switches += thread->switches;
    process->preemptions += thread->preemptions;
    thread->user_ticks = thread->system_ticks = thread->minor_faults = thread->major_faults = 0;
    thread->switches = thread->preemptions = 0;
    if (thread->tid == process->pid) {
        stack_release(thread->stack);
        thread->stack = 0;
    } else
        thread_delete(thread);
    if (!process->zombie) return;
    vm_release(process->memory);
    process->memory = nullptr;
    if (process->unwanted) process_reap(process);
}

void process_reap(struct process *zombie) {
    struct process *parent = zombie->parent;
    if (!zombie->unwanted) {
        parent->child_user_ticks += zombie->user_ticks + zombie->child_user_ticks;
        parent->child_system_ticks += zombie->system_ticks + zombie->child_system_ticks;
    }
    process_unlink(zombie);
    thread_delete(zombie->threads);
    signals_release(zombie->signals);
    heap_release(zombie);
}

int process_alone(void) {
    struct thread *self = thread_current();
    struct process *process = self->process;
    if (process->ending || process->replacing != nullptr) return -EINTR;
    process->replacing = self;
    for (struct thread *thread = process->threads; thread != nullptr; thread = thread->sibling)
        if (thread != self) thread_alert(thread);
    wait_wake(&process->continuing, WAIT_ALL);
    while (process->thread_count > 1 && !process->ending) (void)wait_sleep(&process->thread_ended, 0, WAIT_FOREVER);
    process->replacing = nullptr;
    if (process->ending) return -EINTR;
    struct thread *first = process->threads;
    if (first != self) { // takes the first one's place and number
        first->tid = 0;
        identity_change(self, process->pid);
        thread_delete(first);
    }
    return 0;
}

static bool others_alive(void) {
    for (const struct process *process = processes; process != nullptr; process = process->next)
        if (process->pid != 1 && !process->zombie) return true;
    return false;
}

void instance_end(uint32_t status) {
    for (struct process *process = processes; process != nullptr; process = process->next)
        if (process->pid != 1) signal_process(process, SIGKILL);
    while (others_alive()) (void)wait_sleep(&somebody_ended, 0, WAIT_FOREVER);
    vm_release(process_current()->memory); // with mapped files that have no name any more
    process_current()->memory = nullptr;
    if (files_stop() != 0) print("the last writes to the disk failed\n");
    memory_report();
    calls_report();
    pe_end(status);
}
