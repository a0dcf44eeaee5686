// SPDX-License-Identifier: MIT
// The system calls that are served. Each is one line of a calls.def:
//
//   CALL(0, read, "dpu", "reads bytes from a descriptor")
//
// number and name as in Linux's x86-64 table; one letter for each argument, for --strace: d int, u unsigned, x
// hexadecimal, o octal, p address, s address of a string, S signal number; the sentence is the manual's.
// The function is sys_read, and reads its arguments from an array.
#pragma once
#include "pe/types.h"

struct thread;

typedef int64_t unix_call(struct thread *self, const uint64_t argument[6]);

#define CALL(number, name, shapes, sentence) unix_call sys_##name;
#include "libos/unix/files/calls.def"
#include "libos/unix/memory/calls.def"
#include "libos/unix/process/calls.def"
#undef CALL
