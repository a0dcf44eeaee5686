// SPDX-License-Identifier: MIT
// /proc: what the library OS knows of its processes and itself, as texts.
#pragma once
#include "libos/unix/files/special.h"
#include "libos/unix/files/text.h"

struct process;

// A file of /proc/PID, or of /proc itself, where `process` is null.
struct proc_entry {
    const char *name;
    uint32_t mode; // with the type
    void (*text)(const struct process *process, struct text *text);                       // regular files
    int64_t (*target)(const struct process *process, uint32_t number, char *target, size_t room); // links
    int (*follow)(const struct process *process, uint32_t number, struct inode **found);
};
extern const struct proc_entry proc_of_system[], proc_of_process[];
extern const unsigned proc_of_system_count, proc_of_process_count;

// Links of /proc/PID/fd.
int64_t proc_descriptor_target(const struct process *process, uint32_t number, char *target, size_t room);
int proc_descriptor_follow(const struct process *process, uint32_t number, struct inode **found);

