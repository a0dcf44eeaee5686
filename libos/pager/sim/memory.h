// SPDX-License-Identifier: MIT
// Memory for the simulator. Running out of it ends the program with a sentence and status 3, so no caller has to check.
#pragma once
#include <stddef.h>

[[noreturn]] void memory_ran_out(size_t bytes);

// Like realloc, and never null. To be freed with free.
void *memory_grow(void *old, size_t bytes);

// `count` items of a size, all zero, and one more than that: so never null either. To be freed with free.
void *memory_zeroed(size_t count, size_t size);
