// SPDX-License-Identifier: MIT
// The way out to user code, where it has more to do than to resume: the thread's end, a stop, signals, the call that
// they interrupted.
#include "libos/core/heap.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/rewrite.h"
#include "libos/unix/process/rseq.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include "libos/unix/process/trace.h"
#include <errno.h>
#include <signal.h>

void leave_work(struct exo_context *user);

// Takes a signal out of one of the two sets. Its bit stays if more of it, real-time, are noted.
static void take(int signal, uint64_t *pending, struct signal_note **notes, struct signal_info *info) {
    *info = (struct signal_info){.signal = signal, .code = SI_USER};
    bool more = false;
    struct signal_note *found = nullptr;
    for (struct signal_note **at = notes; *at != nullptr;) {
        struct signal_note *note = *at;
        if (note->info.signal != signal) {
            at = &note->next;
        } else if (found != nullptr) {
            more = true;
            break;
        } else {
            found = note;
            *at = note->next;
        }
    }
    if (found != nullptr) *info = found->info;
    heap_release(found);
    if (!more) *pending &= ~signal_bit(signal);
}

int signal_take(struct signal_info *info) {
    constexpr uint64_t faults = 1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1) | 1ull << (SIGILL - 1)
                                | 1ull << (SIGTRAP - 1) | 1ull << (SIGFPE - 1) | 1ull << (SIGSYS - 1);
    struct thread *self = thread_running;
    struct process *process = self->process;
    uint64_t due = (self->pending | process->pending) & ~self->blocked;
    if (due == 0) return 0;
    if (due & signal_bit(SIGKILL))
        due = signal_bit(SIGKILL);
    else if (due & faults)
        due &= faults;
    const int signal = __builtin_ctzll(due) + 1;
    if (self->pending & signal_bit(signal))
        take(signal, &self->pending, &self->notes, info);
    else
        take(signal, &process->pending, &process->notes, info);
    return signal;
}

static bool must_stop(const struct thread *self) {
    return self->process->stopped && !((self->pending | self->process->pending) & signal_bit(SIGKILL));
}

static void act(struct thread *self, int signal, const struct signal_info *info) {
    struct process *process = self->process;
    struct signal_action *action = &process->signals->action[signal - 1];
    if (tracing) trace_signal(info, self->user->rip);
    if (action->handler == HANDLER_IGNORE) return;
    if (action->handler == HANDLER_DEFAULT) {
        const enum signal_default what = signal_default(signal);
        if (what == DEFAULT_STOP) process_stop(process, signal);
        if (what == DEFAULT_END) process_end(signal);
        return;
    }
    const struct signal_action entered = *action;
    rewrite_hide(self->user);
    if (action->flags & SA_RESETHAND) action->handler = HANDLER_DEFAULT;
    call_interrupted(self, &entered);
    if (signal_frame(self, &entered, info)) return;
    process->signals->action[SIGSEGV - 1].handler = HANDLER_DEFAULT; // no stack to handle anything on
    process_end(SIGSEGV);
}

void leave_work(struct exo_context *) {
    struct thread *self = thread_running;
    if (self->set_tid != 0) {
        (void)user_write(self->set_tid, &self->tid, sizeof(self->tid)); // as Linux: a bad address is not told
        self->set_tid = 0;
    }
    rseq_leave(self);
    while (true) {
        const struct process *process = self->process;
        self->attention = 0;
        if (process->ending || (process->replacing != nullptr && process->replacing != self)) thread_end();
        if (must_stop(self)) {
            stop_wait();
            continue;
        }
        struct signal_info info;
        const int signal = signal_take(&info);
        if (signal == 0) break;
        act(self, signal, &info);
    }
    call_interrupted(self, nullptr);
    if (!self->mask_replaced) return;
    self->mask_replaced = false;
    thread_set_blocked(self, self->blocked_before);
}
