// SPDX-License-Identifier: MIT
// Signals, as Linux has them. What is sent is kept as a bit, and as a note with what else is to be told; a note may be
// missing if there was no memory for it, the bit never is.
//
//   sent (send.c)  →  pending, of a thread or of a process  →  taken on the way out (leave.c)  →  action (frame.c)
#pragma once
#include "libos/unix/process/process.h"

constexpr int SIGNALS = 64;
constexpr int SIGNAL_REALTIME = 32; // from here on each one that is sent is delivered

static inline uint64_t signal_bit(int signal) {
    return 1ull << (signal - 1);
}

// Of Linux's struct sigaction for the call rt_sigaction.
struct signal_action {
    uint64_t handler, flags, restorer, mask;
};
constexpr uint64_t HANDLER_DEFAULT = 0, HANDLER_IGNORE = 1;

struct signals {
    uint32_t references;
    struct signal_action action[SIGNALS];
};

// Linux's siginfo_t, 128 bytes, with those of its unions that occur here.
struct signal_info {
    int32_t signal, error, code, padding;
    union {
        struct {
            int32_t pid;
            uint32_t uid;
            union {
                struct {
                    int32_t status, unused;
                    int64_t user_time, system_time;
                };
                uint64_t value;
            };
        };
        struct {
            uint64_t address;
        };
        uint8_t rest[112];
    };
};
static_assert(sizeof(struct signal_info) == 128);

struct signal_note {
    struct signal_note *next;
    struct signal_info info;
};

struct signals *signals_copy(const struct signals *from); // null: no memory. From null: all are as by default
struct signals *signals_hold(struct signals *signals);
void signals_release(struct signals *signals); // null is allowed
void signals_exec(struct signals *signals);    // handlers become the default

enum signal_default : uint8_t { DEFAULT_END, DEFAULT_IGNORE, DEFAULT_STOP, DEFAULT_CONTINUE };
enum signal_default signal_default(int signal);
constexpr uint64_t SIGNALS_NEVER_BLOCKED = 1ull << (9 - 1) | 1ull << (19 - 1); // SIGKILL, SIGSTOP

// Sends to a process or (thread not null) to one of its threads. -EAGAIN: no memory for a real-time signal's note.
int signal_send(struct process *process, struct thread *thread, const struct signal_info *info);
void signals_discard(struct process *process, uint64_t set); // pending ones, everywhere
void notes_release(struct signal_note **notes, uint64_t set);

// What a process's program did, which it hears of at once: ends it if it blocks or ignores the signal. `trap` and
// `error` are the processor's, for uc_mcontext.
void signal_fault(struct thread *thread, int signal, int code, uint64_t address, uint64_t trap, uint64_t error);

// The next signal that is to be delivered to the running thread, taken from what is pending. 0: none.
int signal_take(struct signal_info *info);

// Enters a handler: builds the frame on the user's stack. False: there is no room for it.
bool signal_frame(struct thread *self, const struct signal_action *action, const struct signal_info *info);

// What becomes of a system call that a signal has ended (restart.c).
void call_interrupted(struct thread *self, const struct signal_action *action);

void thread_set_blocked(struct thread *thread, uint64_t mask);

// Stopping (stop.c).
void process_stop(struct process *process, int signal);
void process_continue(struct process *process);
void stop_wait(void); // until the running thread's process goes on, or is to end
