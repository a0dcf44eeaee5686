// SPDX-License-Identifier: MIT
// Numbers of threads, processes, groups and sessions: one space, as in every Unix. The number of a thread that has
// ended stays taken as long as it is a process's, which its first thread's always is (it is kept until the process is
// reaped), or that of a group or session which has members.
#include "libos/unix/process/thread.h"
#include <errno.h>

static struct thread *of[PID_MOST];
static int32_t last;

// A process that is a zombie, too, keeps its group alive.
static bool is_group(int32_t number) {
    for (const struct process *process = processes; process != nullptr; process = process->next)
        if (process->group == number || process->session == number) return true;
    return false;
}

int32_t identity_take(struct thread *thread) {
    for (int32_t tries = 1; tries < PID_MOST; tries++) {
        last = last + 1 < PID_MOST ? last + 1 : 1;
        if (of[last] != nullptr || is_group(last)) continue;
        of[last] = thread;
        return last;
    }
    return -EAGAIN;
}

void identity_give(int32_t tid) {
    of[tid] = nullptr;
}

void identity_change(struct thread *thread, int32_t tid) {
    of[thread->tid] = nullptr;
    thread->tid = tid;
    of[tid] = thread;
}

struct thread *thread_find(int32_t tid) {
    return tid > 0 && tid < PID_MOST ? of[tid] : nullptr;
}

struct process *process_find(int32_t pid) {
    struct thread *thread = thread_find(pid);
    return thread != nullptr && thread->process->pid == pid ? thread->process : nullptr;
}

char process_state(const struct process *process) {
    if (process->zombie) return 'Z';
    if (process->stopped) return 'T';
    char state = 'S';
    for (const struct thread *thread = process->threads; thread != nullptr; thread = thread->sibling) {
        if (thread->state == THREAD_RUNNING || thread->state == THREAD_READY) return 'R';
        if (thread->state == THREAD_WAITING && !thread->interruptible) state = 'D';
    }
    return state;
}

struct process *process_next(int32_t pid) {
    struct process *found = nullptr;
    for (struct process *process = processes; process != nullptr; process = process->next)
        if (process->pid >= pid && (found == nullptr || process->pid < found->pid)) found = process;
    return found;
}
