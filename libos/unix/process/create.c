// SPDX-License-Identifier: MIT
// Making threads and processes: clone, fork and vfork are one.
//
// A child's memory is a copy on write (memory/), or with CLONE_VM the same. What belongs to a process here is shared by
// all its threads: directory, mask of file modes, descriptors, dispositions. So CLONE_FS between processes is a copy.
#include "libos/core/heap.h"
#include "libos/core/offsets.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/file.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/clock.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include "pe/layout.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

enum : uint64_t {
    CLONE_SIGNAL = 0xff, // what the parent gets at the child's end
    CLONE_VM = 0x100,
    CLONE_FILES = 0x400,
    CLONE_SIGHAND = 0x800,
    CLONE_PIDFD = 0x1000,
    CLONE_VFORK = 0x4000,
    CLONE_PARENT = 0x8000,
    CLONE_THREAD = 0x10000,
    CLONE_SETTLS = 0x80000,
    CLONE_PARENT_SETTID = 0x100000,
    CLONE_CHILD_CLEARTID = 0x200000,
    CLONE_CHILD_SETTID = 0x1000000,
    CLONE_NAMESPACES = 0x7e020080, // of all sorts: there is one of each
};

struct process *processes;
void thread_entry(void);

struct thread *thread_new(struct process *process) {
    struct thread *thread = heap_allocate(sizeof(*thread));
    if (thread == nullptr) return nullptr;
    memset(thread, 0, offsetof(struct thread, vector));
    thread->process = process;
    thread->call = NO_CALL;
    thread->signal_stack_flags = 0;
    thread->stack = stack_new();
    const int32_t tid = thread->stack == 0 ? -EAGAIN : identity_take(thread);
    if (tid < 0) {
        if (thread->stack != 0) stack_release(thread->stack);
        heap_release(thread);
        return nullptr;
    }
    thread->tid = tid;

    // What switch_stacks takes off the stack: six registers and where to go.
    uint64_t *top = (uint64_t *)(thread->stack + STACK_BYTES - sizeof(struct exo_context));
    thread->user = (struct exo_context *)top;
    *--top = (uint64_t)thread_entry;
    for (unsigned i = 0; i < 6; i++) *--top = 0;
    thread->stack_pointer = (uint64_t)top;

    thread->sibling = process->threads == nullptr ? nullptr : process->threads->sibling;
    if (process->threads == nullptr)
        process->threads = thread; // the first stays the first
    else
        process->threads->sibling = thread;
    process->thread_count++;
    return thread;
}

// Also of a thread that still stands in its process's list, alone or behind the first.
void thread_delete(struct thread *thread) {
    struct thread **at = &thread->process->threads;
    while (*at != nullptr && *at != thread) at = &(*at)->sibling;
    if (*at != nullptr) *at = thread->sibling;
    if (thread->stack != 0) stack_release(thread->stack);
    notes_release(&thread->notes, UINT64_MAX);
    identity_give(thread->tid);
    heap_release(thread);
}

static void inherit(struct process *process, const struct process *from) {
    process->group = from->group;
    process->session = from->session;
    process->uid = from->uid, process->gid = from->gid;
    process->euid = from->euid, process->egid = from->egid;
    process->suid = from->suid, process->sgid = from->sgid;
    process->umask = from->umask;
    process->directory = inode_hold(from->directory);
    process->root = inode_hold(from->root);
    process->program = inode_hold(from->program);
    process->arguments = from->arguments, process->arguments_end = from->arguments_end;
    process->environment = from->environment, process->environment_end = from->environment_end;
    process->stack = from->stack;
    memcpy(process->limits, from->limits, sizeof(process->limits));
    memcpy(process->name, from->name, sizeof(process->name));
    memcpy(process->program_path, from->program_path, strlen(from->program_path) + 1);
}

struct process *process_new(struct process *parent) {
    struct process *process = heap_allocate(sizeof(*process));
    if (process == nullptr) return nullptr;
    memset(process, 0, sizeof(*process));
    process->started = clock_now();
    process->exit_signal = SIGCHLD;
    process->next = processes;
    processes = process;
    if (parent == nullptr) return process;
    process->parent = parent;
    process->sibling = parent->children;
    parent->children = process;
    return process;
}

// Gives back what a process that never ran has. Its thread is deleted by the caller, before.
static void process_undo(struct process *process) {
    if (process->descriptors != nullptr) descriptors_release(process->descriptors);
    if (process->memory != nullptr) vm_release(process->memory);
    inode_release(process->directory);
    inode_release(process->root);
    inode_release(process->program);
    signals_release(process->signals);
    process_unlink(process);
    heap_release(process);
}

static int process_copy(struct process *process, const struct process *from, uint64_t flags) {
    int error = 0;
    process->exit_signal = (int)(flags & CLONE_SIGNAL);
    inherit(process, from);
    process->signals = flags & CLONE_SIGHAND ? signals_hold(from->signals) : signals_copy(from->signals);
    if (process->signals == nullptr) return -EAGAIN;
    if (flags & CLONE_CLEAR_SIGHAND) signals_exec(process->signals);
    if (flags & CLONE_FILES)
        descriptors_hold(process->descriptors = from->descriptors);
    else
        error = descriptors_fork(from->descriptors, &process->descriptors);
    if (error != 0) return error;
    if (flags & CLONE_VM)
        vm_hold(process->memory = from->memory);
    else
        error = vm_fork(from->memory, &process->memory);
    return error;
}

static uint64_t count_of_user(uint32_t uid) {
    uint64_t count = 0;
    for (const struct process *process = processes; process != nullptr; process = process->next)
        if (process->uid == uid) count += process->thread_count;
    return count;
}

// What is not done by making: the registers with which the child begins, and what the parent asked to be stored.
static int begin(struct thread *self, struct thread *child, const uint64_t argument[6]) {
    const uint64_t flags = argument[0], stack = argument[1];
    const int32_t tid = child->tid;
    *child->user = *self->user;
    child->user->rax = 0;
    if (stack != 0) child->user->rsp = stack;
    __asm__ volatile("fxsave64 %0" : "=m"(child->vector));
    __asm__ volatile("rdfsbase %0" : "=r"(child->fs_base));
    __asm__ volatile("rdgsbase %0" : "=r"(child->gs_base));
    child->blocked = self->blocked;
    if (flags & CLONE_SETTLS) child->fs_base = argument[4];
    if (flags & CLONE_CHILD_CLEARTID) child->clear_tid = argument[3];
    if (!(flags & CLONE_VM)) {
        child->rseq = self->rseq;
        child->rseq_signature = self->rseq_signature;
    }
    if (!(flags & CLONE_VM) || (flags & CLONE_VFORK)) {
        child->signal_stack = self->signal_stack;
        child->signal_stack_bytes = self->signal_stack_bytes;
        child->signal_stack_flags = self->signal_stack_flags;
    }
    if ((flags & CLONE_PARENT_SETTID) && user_write(argument[2], &tid, sizeof(tid)) != 0) return -EFAULT;
    if (flags & CLONE_CHILD_SETTID) { // in the child's memory: it does that itself
        child->set_tid = argument[3];
        child->attention = 1;
    }
    return 0;
}

static int64_t check(const struct thread *self, uint64_t flags, uint64_t tls) {
    if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND)) return -EINVAL;
    if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM)) return -EINVAL;
    if (flags & (CLONE_NAMESPACES | CLONE_PIDFD)) return -EINVAL;
    if ((flags & CLONE_SIGNAL) > (uint64_t)SIGNALS) return -EINVAL;
    if ((flags & CLONE_SETTLS) && tls >= EXO_USER_END) return -EPERM;
    const struct process *process = self->process;
    constexpr unsigned nproc = 6;
    const uint64_t limit = process->limits[nproc].now;
    return process->uid != 0 && limit != UINT64_MAX && count_of_user(process->uid) >= limit ? -EAGAIN : 0;
}

int64_t thread_make(struct thread *self, const uint64_t argument[6]) {
    const uint64_t flags = argument[0];
    const int64_t refused = check(self, flags, argument[4]);
    if (refused != 0) return refused;
    struct process *parent = flags & CLONE_PARENT ? self->process->parent : self->process;
    struct process *process = flags & CLONE_THREAD ? self->process : process_new(parent);
    if (process == nullptr) return -EAGAIN;
    struct thread *child = thread_new(process);
    int error = child == nullptr ? -EAGAIN : 0;
    if (error == 0 && process != self->process) {
        process->pid = child->tid;
        error = process_copy(process, self->process, flags);
    }
    if (error == 0) error = begin(self, child, argument);
    if (error != 0) {
        if (child != nullptr) {
            process->thread_count--;
            thread_delete(child);
        }
        if (process != self->process) process_undo(process);
        return error;
    }
    const int32_t tid = child->tid;
    thread_ready(child);
    if (flags & CLONE_VFORK) {
        struct wait_queue done = {};
        child->vfork_parent = &done;
        (void)wait_sleep(&done, 0, WAIT_FOREVER);
    }
    return tid;
}

void vfork_done(struct thread *thread) {
    if (thread->vfork_parent == nullptr) return;
    wait_wake(thread->vfork_parent, WAIT_ALL);
    thread->vfork_parent = nullptr;
}

int64_t sys_clone(struct thread *self, const uint64_t argument[6]) {
    const uint64_t words[6] = {(uint32_t)argument[0], argument[1], argument[2], argument[3], argument[4]};
    return thread_make(self, words);
}

int64_t sys_fork(struct thread *self, const uint64_t *) {
    const uint64_t words[6] = {SIGCHLD};
    return thread_make(self, words);
}

int64_t sys_vfork(struct thread *self, const uint64_t *) {
    const uint64_t words[6] = {CLONE_VFORK | CLONE_VM | SIGCHLD};
    return thread_make(self, words);
}
