// SPDX-License-Identifier: MIT
// What becomes of a system call that a signal has ended with -EINTR (signal(7), "Interruption of system calls"): it is
// made again if no handler was entered, or one with SA_RESTART; but some calls never are after a handler.
#include "libos/unix/process/signal.h"
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

static bool never_after_handler(const struct thread *self) {
    switch (self->call) {
    case SYS_poll:
    case SYS_ppoll:
    case SYS_select:
    case SYS_pselect6:
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_pause:
    case SYS_rt_sigsuspend:
    case SYS_rt_sigtimedwait:
    case SYS_nanosleep:
    case SYS_clock_nanosleep: return true;
    case SYS_futex: return self->user->r10 != 0; // with a time-out
    default: return false;
    }
}

void call_interrupted(struct thread *self, const struct signal_action *action) {
    struct exo_context *user = self->user;
    const int64_t call = self->call;
    self->call = NO_CALL;
    if (call == NO_CALL || (int64_t)user->rax != -EINTR) return;
    self->call = call;
    const bool again =
        action == nullptr ? call != SYS_rt_sigtimedwait : (action->flags & SA_RESTART) && !never_after_handler(self);
    self->call = NO_CALL;
    if (again) {
        user->rax = (uint64_t)call;
        user->rip -= 2; // the instruction `syscall`
    } else
        self->sleep_until = 0;
}
