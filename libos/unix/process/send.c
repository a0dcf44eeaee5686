// SPDX-License-Identifier: MIT
// Sending signals: making them pending, and alerting a thread that will take them.
#include "libos/core/heap.h"
#include "libos/unix/process/signal.h"
#include "libos/unix/process/thread.h"
#include "libos/unix/process/trace.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

enum signal_default signal_default(int signal) {
    switch (signal) {
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH: return DEFAULT_IGNORE;
    case SIGCONT: return DEFAULT_CONTINUE;
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU: return DEFAULT_STOP;
    default: return DEFAULT_END;
    }
}

static const uint64_t stop_signals =
    1ull << (SIGSTOP - 1) | 1ull << (SIGTSTP - 1) | 1ull << (SIGTTIN - 1) | 1ull << (SIGTTOU - 1);

static bool ignored(const struct process *process, int signal) {
    const uint64_t handler = process->signals->action[signal - 1].handler;
    if (handler != HANDLER_DEFAULT) return handler == HANDLER_IGNORE;
    const enum signal_default action = signal_default(signal);
    return action == DEFAULT_IGNORE || action == DEFAULT_CONTINUE;
}

bool signal_wanted(const struct thread *thread, int signal) {
    const uint64_t handler = thread->process->signals->action[signal - 1].handler;
    return handler != HANDLER_IGNORE && !(thread->blocked & signal_bit(signal));
}

bool signal_due(const struct thread *thread) {
    const struct process *process = thread->process;
    return ((thread->pending | process->pending) & ~thread->blocked) != 0 || process->ending || process->stopped
           || (process->replacing != nullptr && process->replacing != thread);
}

void notes_release(struct signal_note **notes, uint64_t set) {
    while (*notes != nullptr) {
        struct signal_note *note = *notes;
        if (signal_bit(note->info.signal) & set) {
            *notes = note->next;
            heap_release(note);
        } else
            notes = &note->next;
    }
}

void signals_discard(struct process *process, uint64_t set) {
    process->pending &= ~set;
    notes_release(&process->notes, set);
    for (struct thread *thread = process->threads; thread != nullptr; thread = thread->sibling) {
        thread->pending &= ~set;
        notes_release(&thread->notes, set);
    }
}

// One that will take a signal which is pending for the whole process: the running one if it can, else the first.
static void alert_one(struct process *process, uint64_t bit) {
    if (thread_running != nullptr && thread_running->process == process && !(thread_running->blocked & bit)) {
        thread_alert(thread_running);
        return;
    }
    for (struct thread *thread = process->threads; thread != nullptr; thread = thread->sibling) {
        if (thread->state == THREAD_ENDED || (thread->blocked & bit)) continue;
        thread_alert(thread);
        return;
    }
}

int signal_send(struct process *process, struct thread *thread, const struct signal_info *info) {
    const int signal = info->signal;
    const uint64_t bit = signal_bit(signal);
    if (process->zombie) return 0;
    if (bit & stop_signals) signals_discard(process, signal_bit(SIGCONT));
    if (signal == SIGCONT) {
        signals_discard(process, stop_signals);
        process_continue(process);
    }
    const uint64_t blocked = thread != nullptr ? thread->blocked : process->threads->blocked;
    if (ignored(process, signal) && !(blocked & bit)) return 0;

    uint64_t *pending = thread != nullptr ? &thread->pending : &process->pending;
    if (signal < SIGNAL_REALTIME && (*pending & bit)) return 0;
    struct signal_note *note = signal == SIGKILL ? nullptr : heap_allocate(sizeof(*note));
    if (note != nullptr) {
        *note = (struct signal_note){.info = *info};
        struct signal_note **end = thread != nullptr ? &thread->notes : &process->notes;
        while (*end != nullptr) end = &(*end)->next;
        *end = note;
    } else if (signal >= SIGNAL_REALTIME)
        return -EAGAIN;
    *pending |= bit;
    if (thread != nullptr)
        thread_alert(thread);
    else
        alert_one(process, bit);
    if (signal == SIGKILL) wait_wake(&process->continuing, WAIT_ALL);
    return 0;
}

static struct signal_info from_kernel(int signal) {
    return (struct signal_info){.signal = signal, .code = SI_KERNEL};
}

void signal_process(struct process *process, int signal) {
    const struct signal_info info = from_kernel(signal);
    (void)signal_send(process, nullptr, &info);
}

void signal_thread(struct thread *thread, int signal) {
    const struct signal_info info = from_kernel(signal);
    (void)signal_send(thread->process, thread, &info);
}

void signal_group(int32_t group, int signal) {
    for (struct process *process = processes; process != nullptr; process = process->next)
        if (process->group == group) signal_process(process, signal);
}

void signal_fault(struct thread *thread, int signal, int code, uint64_t address, uint64_t trap, uint64_t error) {
    struct process *process = thread->process;
    if (signal == SIGKILL) {
        if (!process_is_ending(process)) // nobody else was there to be chosen (out_of_memory.c)
            notice("process %d (%s) was ended: no memory is left for a page at %#lx", process->pid, process->name,
                   address);
        process_end(SIGKILL);
        return;
    }
    thread->fault_address = address;
    thread->fault_trap = trap;
    thread->fault_error = error;
    struct signal_action *action = &process->signals->action[signal - 1];
    const uint64_t bit = signal_bit(signal);
    if ((thread->blocked & bit) || action->handler == HANDLER_IGNORE) {
        action->handler = HANDLER_DEFAULT;
        thread->blocked &= ~bit;
    }
    const struct signal_info info = {.signal = signal, .code = code, .address = address};
    (void)signal_send(process, thread, &info);
}

void thread_set_blocked(struct thread *thread, uint64_t mask) {
    struct process *process = thread->process;
    mask &= ~SIGNALS_NEVER_BLOCKED;
    const uint64_t newly = mask & ~thread->blocked & process->pending;
    thread->blocked = mask;
    if (signal_due(thread)) thread->attention = 1;
    for (int signal = 1; newly >> (signal - 1) != 0 && signal < SIGNALS; signal++) // others may take them now
        if (newly & signal_bit(signal)) alert_one(process, signal_bit(signal));
}

void signal_mask_for_call(uint64_t mask) {
    struct thread *self = thread_running;
    if (!self->mask_replaced) self->blocked_before = self->blocked;
    self->mask_replaced = true;
    self->attention = 1;
    thread_set_blocked(self, mask);
}
