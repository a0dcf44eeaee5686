// SPDX-License-Identifier: MIT
// What the programs that measure ways into an OS write, and how they look whether it has arrived: 8 bytes at a time,
// because instructions are counted outside of samples too, and take time. Sizes are multiples of 8.
#pragma once
#include <stddef.h>
#include <stdint.h>

static inline void ways_fill(uint64_t *words, size_t bytes, uint64_t seed) {
    for (size_t i = 0; i < bytes / sizeof(*words); i++) words[i] = seed + i;
}

static inline bool ways_holds(const uint64_t *words, size_t bytes, uint64_t seed) {
    for (size_t i = 0; i < bytes / sizeof(*words); i++)
        if (words[i] != seed + i) return false;
    return true;
}
