// SPDX-License-Identifier: MIT
// Making, running and ending threads: what the files of process/ share.
#pragma once
#include "libos/unix/process/process.h"

// ---- Running (schedule.c)

void thread_ready(struct thread *thread); // puts it at the end of the ready queue
void thread_yield(void);                  // lets the others that are ready run first
bool thread_others_ready(void);
// Gives the CPU away until somebody calls thread_ready for this thread. Its state is THREAD_WAITING or THREAD_ENDED.
void thread_suspend(void);
// Begins with the first thread. Doesn't return.
[[noreturn]] void threads_run(struct thread *first);
// Makes `memory` what user addresses mean; null: nothing.
void memory_enter(struct vm *memory);
// Serves events, timers and the console, as long as nobody is ready.
void idle(void);

// ---- Stacks (stack.c): pages below a page that is not mapped

constexpr uint64_t STACK_BYTES = 6 * EXO_PAGE_SIZE;
uint64_t stack_new(void); // its lowest address; 0: no memory, or STACKS_MOST exist
void stack_release(uint64_t stack);

// ---- Identity (identity.c)

constexpr int32_t PID_MOST = 8192;
// A number that no thread has, nor a process, group or session. -EAGAIN: none is left.
int32_t identity_take(struct thread *thread);
void identity_give(int32_t tid);
void identity_change(struct thread *thread, int32_t tid); // the tid of a thread that has ended

// ---- Making (create.c)

// clone, fork, vfork and clone3: with flags and further words as clone has them.
constexpr uint64_t CLONE_CLEAR_SIGHAND = 1ull << 32; // handled signals get their default action; only clone3 can say it
int64_t thread_make(struct thread *self, const uint64_t words[6]);

// A thread with a stack and a zeroed context, in THREAD_NEW. Null: no memory, or no tid.
struct thread *thread_new(struct process *process);
void thread_delete(struct thread *thread); // is not running, and in no queue
// A process without threads, memory and files. Null: no memory.
struct process *process_new(struct process *parent);

// ---- Ending (exit.c)

[[noreturn]] void thread_end(void);
// All threads of the running thread's process end, at their next way out, with this status (as wait4 gives it).
void process_end(int status);
// Takes all other threads away, for exec. -EINTR: this one is to end, too.
int process_alone(void);
// A zombie's last traces; adds its times to its parent's.
void process_reap(struct process *zombie);
void process_unlink(struct process *process); // from its parent, and from all
void thread_left(struct thread *ended);       // called when its stack is no longer stood on
// Tells a thread that waits in vfork that its memory is its own again.
void vfork_done(struct thread *thread);

// ---- No memory (out_of_memory.c)

// Called when a page is refused to a process that runs. Ends the one that uses the most memory, and takes that memory
// at once. False: there is nothing more to be had for this process, which may be the one that ends.
bool memory_give_up(struct process *wants);
bool process_is_ending(const struct process *process); // it has ended, or runs no more of its program

// ---- The way out (leave.c)

// Looks at signals on the next way out, and ends a sleep that allows signals.
void thread_alert(struct thread *thread);

// ---- Programs (exec.c)

// Strings of a new program: as a list of chunks of the heap.
struct strings;
int process_exec(const char *path, struct strings *arguments, struct strings *environment);
