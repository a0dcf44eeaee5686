// SPDX-License-Identifier: MIT
// The 64-bit linear congruential generator (Knuth's MMIX constants) behind every drawn number: the random policy's
// victims and the generated traces. Plain integer arithmetic, so that each build draws the same.
#pragma once
#include <stdint.h>

// A number below n; n > 0. The low 16 bits of the state are dropped because they repeat soonest.
static inline uint64_t lcg_draw(uint64_t *state, uint64_t n) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 16) % n;
}
