// SPDX-License-Identifier: MIT
// Restartable sequences: see rseq.c.
#pragma once

struct thread;

// Called on the way out, before a signal's handler is entered, of a thread that was switched away from or that a signal
// interrupts; and, which does no harm, after calls.
void rseq_leave(struct thread *self);
