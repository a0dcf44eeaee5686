// SPDX-License-Identifier: MIT
// timer_create.
#pragma once
#include "libos/unix/process/process.h"

void posix_timers_release(struct process *process); // at its end, and at exec
