// SPDX-License-Identifier: MIT
// Numbers of processes and threads, process groups and sessions; users and groups of users, which are data: nobody
// inside an instance is kept from anything by them but by the checks that POSIX names.
#include "libos/unix/calls.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/thread.h"
#include <errno.h>

int64_t sys_getpid(struct thread *self, const uint64_t *) {
    return self->process->pid;
}
int64_t sys_gettid(struct thread *self, const uint64_t *) {
    return self->tid;
}
int64_t sys_getppid(struct thread *self, const uint64_t *) {
    return self->process->parent != nullptr ? self->process->parent->pid : 0;
}
int64_t sys_getpgrp(struct thread *self, const uint64_t *) {
    return self->process->group;
}

int64_t sys_set_tid_address(struct thread *self, const uint64_t argument[6]) {
    self->clear_tid = argument[0];
    return self->tid;
}

// ---- Process groups and sessions

static struct process *named(const struct thread *self, uint64_t pid) {
    return (int32_t)pid == 0 ? self->process : process_find((int32_t)pid);
}

int64_t sys_getpgid(struct thread *self, const uint64_t argument[6]) {
    const struct process *process = named(self, argument[0]);
    return process != nullptr ? process->group : -ESRCH;
}

int64_t sys_getsid(struct thread *self, const uint64_t argument[6]) {
    const struct process *process = named(self, argument[0]);
    return process != nullptr ? process->session : -ESRCH;
}

static bool group_in_session(int32_t group, int32_t session) {
    for (const struct process *process = processes; process != nullptr; process = process->next)
        if (process->group == group && process->session == session) return true;
    return false;
}

int64_t sys_setpgid(struct thread *self, const uint64_t argument[6]) {
    struct process *own = self->process, *process = named(self, argument[0]);
    if ((int32_t)argument[1] < 0) return -EINVAL;
    if (process == nullptr || (process != own && process->parent != own)) return -ESRCH;
    if (process != own && process->session != own->session) return -EPERM;
    if (process != own && process->ran_program) return -EACCES;
    if (process->session == process->pid) return -EPERM; // leads a session
    const int32_t group = argument[1] == 0 ? process->pid : (int32_t)argument[1];
    if (group != process->pid && !group_in_session(group, own->session)) return -EPERM;
    process->group = group;
    return 0;
}

int64_t sys_setsid(struct thread *self, const uint64_t *) {
    struct process *process = self->process;
    for (const struct process *other = processes; other != nullptr; other = other->next)
        if (other->group == process->pid) return -EPERM;
    process->group = process->session = process->pid;
    return process->pid;
}

// ---- Users. -1 leaves as it is. Who is not root may take only what it has as one of the three already.

constexpr uint32_t SAME = UINT32_MAX;

struct ids {
    uint32_t *real, *effective, *saved;
};

static struct ids users(struct process *process) {
    return (struct ids){&process->uid, &process->euid, &process->suid};
}
static struct ids groups(struct process *process) {
    return (struct ids){&process->gid, &process->egid, &process->sgid};
}

static bool may_take(const struct process *process, const struct ids *of, uint64_t id) {
    return (uint32_t)id == SAME || process->euid == 0 || (uint32_t)id == *of->real || (uint32_t)id == *of->effective
           || (uint32_t)id == *of->saved;
}

static int64_t set_three(struct process *process, struct ids of, uint64_t real, uint64_t effective, uint64_t saved) {
    if (!may_take(process, &of, real) || !may_take(process, &of, effective) || !may_take(process, &of, saved))
        return -EPERM;
    if ((uint32_t)real != SAME) *of.real = (uint32_t)real;
    if ((uint32_t)effective != SAME) *of.effective = (uint32_t)effective;
    if ((uint32_t)saved != SAME) *of.saved = (uint32_t)saved;
    return 0;
}

static int64_t set_one(struct process *process, struct ids of, uint64_t id) {
    if ((uint32_t)id == SAME) return -EINVAL;
    return process->euid == 0 ? set_three(process, of, id, id, id) : set_three(process, of, SAME, id, SAME);
}

// setreuid and setregid: the saved one follows the effective one, if the real one is set or the effective one becomes
// another than the real one was.
static int64_t set_two(struct process *process, struct ids of, uint64_t real, uint64_t effective) {
    const bool follows = (uint32_t)real != SAME || ((uint32_t)effective != SAME && (uint32_t)effective != *of.real);
    const int64_t error = set_three(process, of, real, effective, SAME);
    if (error == 0 && follows) *of.saved = *of.effective;
    return error;
}

static int64_t get_three(struct ids of, const uint64_t argument[6]) {
    if (user_write(argument[0], of.real, sizeof(uint32_t)) != 0) return -EFAULT;
    if (user_write(argument[1], of.effective, sizeof(uint32_t)) != 0) return -EFAULT;
    return user_write(argument[2], of.saved, sizeof(uint32_t));
}

int64_t sys_getuid(struct thread *self, const uint64_t *) {
    return self->process->uid;
}
int64_t sys_getgid(struct thread *self, const uint64_t *) {
    return self->process->gid;
}
int64_t sys_geteuid(struct thread *self, const uint64_t *) {
    return self->process->euid;
}
int64_t sys_getegid(struct thread *self, const uint64_t *) {
    return self->process->egid;
}
int64_t sys_setuid(struct thread *self, const uint64_t argument[6]) {
    return set_one(self->process, users(self->process), argument[0]);
}
int64_t sys_setgid(struct thread *self, const uint64_t argument[6]) {
    return set_one(self->process, groups(self->process), argument[0]);
}
int64_t sys_setreuid(struct thread *self, const uint64_t argument[6]) {
    return set_two(self->process, users(self->process), argument[0], argument[1]);
}
int64_t sys_setregid(struct thread *self, const uint64_t argument[6]) {
    return set_two(self->process, groups(self->process), argument[0], argument[1]);
}
int64_t sys_setresuid(struct thread *self, const uint64_t argument[6]) {
    return set_three(self->process, users(self->process), argument[0], argument[1], argument[2]);
}
int64_t sys_setresgid(struct thread *self, const uint64_t argument[6]) {
    return set_three(self->process, groups(self->process), argument[0], argument[1], argument[2]);
}
int64_t sys_getresuid(struct thread *self, const uint64_t argument[6]) {
    return get_three(users(self->process), argument);
}
int64_t sys_getresgid(struct thread *self, const uint64_t argument[6]) {
    return get_three(groups(self->process), argument);
}

// A process has no further groups, and can be given none.
int64_t sys_getgroups(struct thread *, const uint64_t argument[6]) {
    return (int32_t)argument[0] < 0 ? -EINVAL : 0;
}
int64_t sys_setgroups(struct thread *self, const uint64_t argument[6]) {
    if (self->process->euid != 0) return -EPERM;
    return argument[0] == 0 ? 0 : -EINVAL;
}
