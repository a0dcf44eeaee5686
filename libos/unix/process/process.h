// SPDX-License-Identifier: MIT
// Processes and threads. The states are those of every textbook: new, ready, running, waiting, terminated.
//
// Identity: a thread's tid is the pid of its process if it is the first. Everything here lives in the library OS's own
// heap (heap_allocate), which bounds how many there can be.
#pragma once
#include "libos/unix/process/wait.h"
#include "pe/pe.h"

struct vm;
struct file;
struct inode;
struct descriptors;
struct signals; // dispositions, shared by a process's threads (process/signal.h)

enum thread_state : uint8_t { THREAD_NEW, THREAD_READY, THREAD_RUNNING, THREAD_WAITING, THREAD_ENDED };

constexpr unsigned PROCESS_NAME = 16; // as /proc/PID/comm shows it, with its zero byte

struct thread {
    struct thread *next;    // in the ready queue or a wait queue
    struct thread *sibling; // of the same process
    struct process *process;
    int32_t tid;
    enum thread_state state;
    struct exo_context *user; // its user registers, on top of its stack, while it is in the library OS
    uint64_t fs_base, gs_base;
    uint64_t blocked; // signal mask, bit n - 1 for signal n
    uint64_t pending; // signals sent to this thread
    uint64_t user_ticks, system_ticks; // time-stamp ticks in user code, and in the library OS
    // process/thread.h has the rest behind this
};

struct process {
    struct process *parent, *children, *sibling;
    struct thread *threads;
    int32_t pid, group, session;
    uint32_t uid, gid, euid, egid;
    struct vm *memory;
    struct descriptors *descriptors; // files/descriptors.h; shared by CLONE_FILES
    struct inode *directory;         // current; a reference
    struct inode *root;              // a reference
    uint32_t umask;
    struct signals *signals;
    uint64_t pending; // signals sent to the process
    bool zombie;
    int32_t status; // as wait4 gives it
    uint64_t started; // clock_now()
    char name[PROCESS_NAME];
    struct inode *program; // what it executes, a reference; /proc/PID/exe
    char program_path[256];
    struct wait_queue child_ended;
};

// The running thread; never null while a system call or fault is served.
struct thread *thread_current(void);
struct process *process_current(void);

struct process *process_find(int32_t pid);
// For /proc: the process with the least pid of at least `pid`, or null.
struct process *process_next(int32_t pid);

// Sends a signal, as if by kill(2) without a check of permissions. To a process; to all of a group; to one thread.
void signal_process(struct process *process, int signal);
void signal_group(int32_t group, int signal);
void signal_thread(struct thread *thread, int signal);

// Whether a sleep that WAIT_SIGNALS allows would end at once.
bool signal_due(const struct thread *thread);

// Ends every process but the first with SIGKILL and lets them end; then writes everything, and ends the PE.
[[noreturn]] void instance_end(uint32_t status);
