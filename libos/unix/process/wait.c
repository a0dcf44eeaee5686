// SPDX-License-Identifier: MIT
// Sleeping and waking. A sleeping thread has a node in each queue that it waits in; whatever ends its sleep first takes
// all of them out, says what the sleep returns, and makes the thread ready. So a thread is never woken twice, and a
// wake-up is never lost on one that a signal or its time has woken already.
#include "libos/unix/process/wait.h"
#include "libos/core/heap.h"
#include "libos/unix/process/thread.h"
#include "libos/unix/process/timer.h"
#include "libos/unix/process/trace.h"
#include <errno.h>

struct wait_node {
    struct wait_node *next, *previous;
    struct wait_queue *queue;
    struct thread *thread;
};

struct sleep_timer {
    struct timer timer;
    struct thread *thread;
};

static void node_add(struct wait_node *node) {
    struct wait_queue *queue = node->queue;
    node->next = nullptr;
    node->previous = queue->last;
    if (queue->last != nullptr)
        queue->last->next = node;
    else
        queue->first = node;
    queue->last = node;
}

static void node_remove(struct wait_node *node) {
    struct wait_queue *queue = node->queue;
    if (node->previous != nullptr)
        node->previous->next = node->next;
    else
        queue->first = node->next;
    if (node->next != nullptr)
        node->next->previous = node->previous;
    else
        queue->last = node->previous;
}

static void wake(struct thread *thread, int result) {
    for (unsigned i = 0; i < thread->node_count; i++) node_remove(&thread->nodes[i]);
    thread->nodes = nullptr;
    thread->node_count = 0;
    if (thread->timer != nullptr) timer_unset(thread->timer);
    thread->timer = nullptr;
    thread->woken = result;
    thread_ready(thread);
}

static void time_is_over(struct timer *timer) {
    struct sleep_timer *sleep = (struct sleep_timer *)timer;
    sleep->thread->timer = nullptr;
    wake(sleep->thread, -ETIMEDOUT);
}

static int sleep(struct wait_node *nodes, unsigned count, enum wait_flags flags, uint64_t until) {
    struct thread *self = thread_running;
    struct sleep_timer end = {.timer.due = time_is_over, .thread = self};
    if ((flags & WAIT_SIGNALS) && signal_due(self)) return -EINTR;
    if (until != WAIT_FOREVER) {
        if (until <= clock_now()) return -ETIMEDOUT;
        self->timer = &end.timer;
        timer_set(&end.timer, until);
    }
    if (self->traced != nullptr) trace_wait(self);
    for (unsigned i = 0; i < count; i++) node_add(&nodes[i]);
    self->nodes = nodes;
    self->node_count = count;
    self->interruptible = flags & WAIT_SIGNALS;
    self->state = THREAD_WAITING;
    thread_suspend();
    self->interruptible = false;
    return self->woken;
}

int wait_sleep(struct wait_queue *queue, enum wait_flags flags, uint64_t until) {
    struct wait_node node = {.queue = queue, .thread = thread_running};
    return sleep(&node, 1, flags, until);
}

int wait_sleep_any(struct wait_queue *const queues[], unsigned count, enum wait_flags flags, uint64_t until) {
    constexpr unsigned few = 8;
    if (count > WAIT_QUEUES) return -EINVAL;
    struct wait_node on_stack[few];
    struct wait_node *nodes = count <= few ? on_stack : heap_allocate(count * sizeof(*nodes));
    if (nodes == nullptr) return -ENOMEM;
    for (unsigned i = 0; i < count; i++) nodes[i] = (struct wait_node){.queue = queues[i], .thread = thread_running};
    const int result = sleep(nodes, count, flags, until);
    if (nodes != on_stack) heap_release(nodes);
    return result;
}

uint32_t wait_wake(struct wait_queue *queue, uint32_t most) {
    uint32_t woken = 0;
    for (; woken < most && queue->first != nullptr; woken++) wake(queue->first->thread, 0);
    return woken;
}

void thread_alert(struct thread *thread) {
    thread->attention = 1;
    if (thread->state == THREAD_WAITING && thread->interruptible && signal_due(thread)) wake(thread, -EINTR);
}
