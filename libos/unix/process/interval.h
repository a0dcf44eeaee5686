// SPDX-License-Identifier: MIT
// setitimer and alarm.
#pragma once
#include "libos/unix/process/process.h"

void interval_timers_release(struct process *process);
// A slice of a process has ended: for the timers that count its own time.
void interval_timers_slice(struct process *process, bool in_user);
