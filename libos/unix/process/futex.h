// SPDX-License-Identifier: MIT
// Waiting for a word of user memory, and what is due to others when a thread ends.
#pragma once
#include "libos/unix/process/process.h"

// The end of a thread: its robust locks are given to others, and who joins it is told (set_tid_address).
void futex_thread_ends(struct thread *thread);
