// SPDX-License-Identifier: MIT
// Call sites of a program that reach the library OS without the kernel. Off unless the start argument rewrite=1 is
// given.
#pragma once
struct exo_context;
struct program;

void rewrite_start(void);
// The program's memory is entered, and none of its code runs yet. What cannot be rewritten is left as it is.
void rewrite_program(const struct program *program);
// A handler is going to see this: a thread between a call site and the library OS is put back to the site.
void rewrite_hide(struct exo_context *user);
