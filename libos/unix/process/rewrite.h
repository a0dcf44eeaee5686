// SPDX-License-Identifier: MIT
// Call sites of a program that reach the library OS without the kernel. Off unless the start argument rewrite=1 is
// given.
#pragma once
struct program;

void rewrite_start(void);
// The program's memory is entered, and none of its code runs yet. What cannot be rewritten is left as it is.
void rewrite_program(const struct program *program);
