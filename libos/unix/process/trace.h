// SPDX-License-Identifier: MIT
// Telling the host's tools of system calls: each one (start argument strace=1), and those that are missing.
#pragma once
#include "libos/unix/process/process.h"

struct call_words {
    uint64_t argument[6];
};

// A line for people that is not the program's output: an event `notice`, which the tools show on stderr.
[[gnu::format(printf, 1, 2)]] void notice(const char *format, ...);

// A call that is not served: named once for each program.
void call_missing(const struct process *process, uint64_t number);

extern bool tracing; // dispatch.c

// A signal that is delivered now, and where the thread was.
struct signal_info;
void trace_signal(const struct signal_info *info, uint64_t instruction);

// A call's line, made before it is served, as that may change what its arguments point to; and with its result.
constexpr size_t TRACE_LINE = 400;
void trace_call(char line[TRACE_LINE], uint64_t number, const uint64_t argument[6]);
void trace_result(const char *line, int64_t result);
void trace_wait(struct thread *thread); // it sleeps in a call of which no line has been seen: here it is
