// SPDX-License-Identifier: MIT
#pragma once
#include "pe/pe.h"

void dispatch_start(void);
void syscall_enter(struct exo_context *user); // from entry.S
bool vsyscall_enter(struct exo_context *user); // from a fault; false: it was none
void calls_report(void);                      // how many system calls there were, and how they came
