// SPDX-License-Identifier: MIT
// Whose time it was. Looked at when threads switch and when a slice begins, as reading the counter at each system call
// would cost more than many of them: what passed until then is the library OS's if a slice ended in it, else user
// time. All of it is given to somebody; the division is a sample, as Linux's by ticks is.
#include "libos/unix/process/clock.h"
#include "libos/unix/process/process.h"
#include "libos/unix/process/trap.h"

static uint64_t since;

void times_start(void) {
    since = clock_ticks();
}

static uint64_t passed(void) {
    const uint64_t now = clock_ticks();
    const uint64_t ticks = now > since ? now - since : 0;
    since = now;
    return ticks;
}

void times_switch(struct thread *from) {
    from->user_ticks += passed();
}

void times_idle(void) {
    (void)passed();
}

void times_slice(struct thread *thread, bool in_user) {
    *(in_user ? &thread->user_ticks : &thread->system_ticks) += passed();
}

struct process_times process_times(const struct process *process) {
    if (thread_running != nullptr && thread_running->process == process) times_slice(thread_running, true);
    uint64_t user = process->user_ticks, system = process->system_ticks;
    for (const struct thread *thread = process->threads; thread != nullptr; thread = thread->sibling) {
        user += thread->user_ticks;
        system += thread->system_ticks;
    }
    return (struct process_times){clock_ticks_to_ns(user), clock_ticks_to_ns(system),
                                  clock_ticks_to_ns(process->child_user_ticks),
                                  clock_ticks_to_ns(process->child_system_ticks)};
}
