// SPDX-License-Identifier: MIT
// The scheduler: one ready queue, round robin, a slice each. Library code is never interrupted: a thread gives way in
// thread_suspend and thread_yield, and these are called by wait.c and on the way out only.
//
// There is no thread for idling: who finds nobody ready to follow it waits for events itself, on its own stack.
// Invariant: the processor's vector registers, FS and GS bases, and the address space, are those of thread_running.
#include "libos/core/disk.h"
#include "libos/core/print.h"
#include "libos/unix/files/file.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/process/clock.h"
#include "libos/unix/process/thread.h"
#include "libos/unix/process/timer.h"
#include "libos/unix/process/trap.h"
#include "pe/stubs.h"

struct thread *thread_running;
extern uint64_t entry_top;
static struct thread *first, *last;
static struct thread *ended; // whose stack has just been left

void switch_stacks(uint64_t *keep, uint64_t other);
void switch_finish(void);

void thread_ready(struct thread *thread) {
    thread->state = THREAD_READY;
    thread->next = nullptr;
    if (first == nullptr)
        first = thread;
    else
        last->next = thread;
    last = thread;
}

bool thread_others_ready(void) {
    return first != nullptr;
}

void memory_enter(struct vm *memory) {
    vm_enter(memory);
}

// What has arrived for the instance as a whole.
void idle(void) {
    while (first == nullptr) {
        (void)events_take();
        timers_run();
        (void)console_look();
        if (first != nullptr) return;
        // Nothing tells when a time has come or a key was pressed, so the CPU is given away and asked for again.
        if (!timers_any() && !console_awaited())
            (void)exo_pe_wait();
        else
            (void)exo_pe_yield(EXO_NO_HANDLE);
    }
}

static void state_save(struct thread *thread) {
    __asm__ volatile("fxsave64 %0" : "=m"(thread->vector));
    __asm__ volatile("rdfsbase %0" : "=r"(thread->fs_base));
    __asm__ volatile("rdgsbase %0" : "=r"(thread->gs_base));
}

static void state_load(const struct thread *thread) {
    __asm__ volatile("fxrstor64 %0" ::"m"(thread->vector));
    __asm__ volatile("wrfsbase %0" ::"r"(thread->fs_base));
    __asm__ volatile("wrgsbase %0" ::"r"(thread->gs_base));
}

static void run(struct thread *thread) {
    thread_running = thread;
    thread->state = THREAD_RUNNING;
    entry_top = thread->stack + STACK_BYTES;
    if (thread->rseq != 0) thread->attention = 1; // process/rseq.c
    state_load(thread);
    memory_enter(thread->process->memory);
}

// The first thing that a thread does when it runs again.
void switch_finish(void) {
    if (ended == nullptr) return;
    thread_left(ended);
    ended = nullptr;
}

static void give_way(void) {
    struct thread *self = thread_running;
    times_switch(self);
    if (first == nullptr) {
        idle();
        times_idle();
    }
    struct thread *next = first;
    first = next->next;
    next->next = nullptr;
    if (next == self) {
        self->state = THREAD_RUNNING;
        return;
    }
    if (self->state == THREAD_ENDED)
        ended = self;
    else
        state_save(self);
    run(next);
    switch_stacks(&self->stack_pointer, next->stack_pointer);
    switch_finish();
}

void thread_suspend(void) {
    thread_running->switches++;
    give_way();
}

void thread_yield(void) {
    if (first == nullptr) return;
    thread_running->preemptions++;
    thread_ready(thread_running);
    give_way();
}

void threads_run(struct thread *thread) {
    uint64_t left;
    times_start();
    run(thread);
    switch_stacks(&left, thread->stack_pointer);
    __builtin_unreachable();
}
