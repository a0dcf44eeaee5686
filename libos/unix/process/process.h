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
struct signal_note;

enum thread_state : uint8_t { THREAD_NEW, THREAD_READY, THREAD_RUNNING, THREAD_WAITING, THREAD_ENDED };

constexpr unsigned PROCESS_NAME = 16; // as /proc/PID/comm shows it, with its zero byte

// The limits of prlimit64. RLIMIT_NOFILE is the descriptors' (files/file.h); of these, stack, data, as, fsize, nproc
// and cpu are honoured.
constexpr unsigned PROCESS_LIMITS = 16;
struct process_limit {
    uint64_t now, most;
};

constexpr int64_t NO_CALL = -1;

struct thread {
    uint32_t attention; // not 0: the way out has more to do than to resume (process/leave.c). At offset 0: entry.S
    int32_t tid;
    struct process *process;
    struct exo_context *user; // its user registers, on top of its stack, while it is in the library OS
    int64_t call;             // the number of the system call that it entered with, or NO_CALL
    const char *traced;       // that call's line, while nobody has seen it; else null
    enum thread_state state;
    struct thread *next;    // in the ready queue
    struct thread *sibling; // of the same process

    // Signals: masks have bit n - 1 for signal n.
    uint64_t blocked, pending;
    uint64_t blocked_before; // what a call has replaced by a mask of its own, if mask_replaced
    bool mask_replaced;
    struct signal_note *notes;                       // what came with the pending signals
    uint64_t fault_address, fault_trap, fault_error; // the processor's, of its last fault
    uint64_t signal_stack, signal_stack_bytes;
    uint32_t signal_stack_flags;

    // Waiting.
    bool interruptible;
    int woken;               // what the sleep will return
    struct wait_node *nodes; // its places in queues
    unsigned node_count;
    struct timer *timer;  // that ends the sleep
    uint64_t sleep_until; // of a sleep that is gone on with after a stop; 0: none

    // What threads ask for in clone and after.
    uint64_t set_tid, clear_tid, robust_list, robust_bytes; // user addresses
    uint64_t rseq; // its struct rseq, or 0 (process/rseq.c)
    uint32_t rseq_signature;
    struct wait_queue *vfork_parent;                        // waits for this one's exec or end

    uint64_t user_ticks, system_ticks; // time-stamp ticks in user code, and in the library OS (clock_ticks_to_ns)
    uint64_t minor_faults, major_faults, switches, preemptions;

    // While another thread runs.
    uint64_t stack;         // its lowest address
    uint64_t stack_pointer; // of its library code
    uint64_t fs_base, gs_base;
    alignas(16) uint8_t vector[512]; // as fxsave64 writes it
};

struct process {
    struct process *next; // of all, in no order
    struct process *parent, *children, *sibling;
    struct thread *threads;
    unsigned thread_count;          // that have not ended
    bool ending;                    // all its threads are to end
    struct thread *replacing;       // the thread that calls exec, and waits for the others to end
    struct wait_queue thread_ended; // it waits here
    int exit_signal;                // what its parent gets at its end
    int32_t pid, group, session;
    uint32_t uid, gid, euid, egid, suid, sgid;
    struct vm *memory;               // null: a zombie
    struct descriptors *descriptors; // files/file.h; shared by CLONE_FILES. Null: a zombie
    struct inode *directory;         // current; a reference
    struct inode *root;              // a reference
    uint32_t umask;
    struct signals *signals;
    struct signal_note *notes; // what came with the pending signals
    uint64_t pending;          // signals sent to the process
    bool zombie, stopped;
    bool unwanted;                     // a zombie that nobody waits for
    uint8_t stop_signal;               // the one that stopped it
    bool stop_told, continued;         // what its parent has been told, and may be told, by wait4
    struct wait_queue continuing;      // threads of a stopped process wait here
    bool ran_program;                  // has called exec since it was forked
    int32_t status;                    // as wait4 gives it
    uint64_t started;                  // clock_now()
    uint64_t user_ticks, system_ticks; // of threads that have ended, and so are the next four
    uint64_t minor_faults, major_faults, switches, preemptions;
    uint64_t child_user_ticks, child_system_ticks; // of children that were waited for
    struct interval_timer *timers;                 // setitimer; null: never used (process/interval.c)
    struct posix_timer *posix_timers;              // timer_create (process/posix_timers.c)
    struct process_limit limits[PROCESS_LIMITS];
    char name[PROCESS_NAME];
    struct inode *program; // what it executes, a reference; /proc/PID/exe
    char program_path[256]; // an absolute one
    uint64_t arguments, arguments_end, environment, environment_end; // where they lie on its stack
    uint64_t stack;                                                  // its stack pointer at the program's start
    struct wait_queue child_ended;
};

// The running thread; never null while a system call or fault is served.
extern struct thread *thread_running;
static inline struct thread *thread_current(void) {
    return thread_running;
}
static inline struct process *process_current(void) {
    return thread_running->process;
}

extern struct process *processes; // all, zombies too
struct process *process_find(int32_t pid);
struct thread *thread_find(int32_t tid);
// For /proc: the process with the least pid of at least `pid`, or null.
struct process *process_next(int32_t pid);
// The letter of /proc/PID/stat: R S D T Z.
char process_state(const struct process *process);

// A process's user and system time, those of its threads added up, in nanoseconds.
struct process_times {
    uint64_t user, system, child_user, child_system;
};
struct process_times process_times(const struct process *process);
uint64_t clock_ticks_to_ns(uint64_t ticks);

// Sends a signal, as if by kill(2) without a check of permissions. To a process; to all of a group; to one thread.
void signal_process(struct process *process, int signal);
void signal_group(int32_t group, int signal);
void signal_thread(struct thread *thread, int signal);

// Whether a sleep that WAIT_SIGNALS allows would end at once.
bool signal_due(const struct thread *thread);
// Whether the thread neither blocks nor ignores a signal (a tty asks before it stops a process).
bool signal_wanted(const struct thread *thread, int signal);

// For ppoll, pselect6, epoll_pwait: another mask for the rest of this call. The former comes back on the way out, after
// a handler that became due has been entered with the other one.
void signal_mask_for_call(uint64_t mask);

// Ends every process with SIGKILL and lets them end; then writes everything, and ends the PE.
[[noreturn]] void instance_end(uint32_t status);
