// SPDX-License-Identifier: MIT
// Signals as faults are handled by them, at their cheapest: no change of stack or mask, no libc in between.
#ifndef PEERS_LINUX_TRAP_H
#define PEERS_LINUX_TRAP_H
#include <signal.h>
#include <stdint.h>

typedef void trap_handler(int signal, siginfo_t *info, void *context);

// How the interrupted code goes on when the handler returns.
enum trap_return {
    TRAP_SIGRETURN, // by the system call that is meant for it
    TRAP_RESUME,    // by restoring every register in user mode: the signal changed no mask and no stack
};

// Has `signal` handled by `handler` from now on.
void trap_handle(int signal, trap_handler *handler, enum trap_return back);

// A handler that stamps as its second instruction and goes on in trap_next.
trap_handler trap_entry_stamped;
extern trap_handler *trap_next;
extern volatile uint32_t trap_stamp;

// A handler that changes no mapping: the store of bench_touch is skipped.
trap_handler trap_skip;

#endif
