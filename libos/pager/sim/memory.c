// SPDX-License-Identifier: MIT
// See memory.h.
#include "libos/pager/sim/memory.h"
#include <stdio.h>
#include <stdlib.h>

void memory_ran_out(size_t bytes) {
    fprintf(stderr, "bindery-sim: out of memory (%zu bytes more were needed)\n", bytes);
    exit(3);
}

void *memory_grow(void *old, size_t bytes) {
    void *memory = realloc(old, bytes);
    if (memory == nullptr) memory_ran_out(bytes);
    return memory;
}

void *memory_zeroed(size_t count, size_t size) {
    void *memory = calloc(count + 1, size);
    if (memory == nullptr) memory_ran_out((count + 1) * size);
    return memory;
}
