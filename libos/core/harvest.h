// SPDX-License-Identifier: MIT
// Putting together the bit sets of two harvests of neighbouring ranges. Pure.
#pragma once
#include "pe/pe.h"

static inline void harvest_merge_words(uint64_t *to, const uint64_t *from, uint64_t offset, uint64_t count) {
    constexpr uint64_t words = sizeof((struct exo_harvest){}.accessed) / sizeof(uint64_t);
    for (uint64_t i = 0; i * 64 < count; i++) {
        const uint64_t rest = count - i * 64;
        const uint64_t bits = rest >= 64 ? from[i] : from[i] & ((1ull << rest) - 1);
        const uint64_t word = i + offset / 64, shift = offset % 64;
        if (word < words) to[word] |= bits << shift;
        if (shift != 0 && word + 1 < words) to[word + 1] |= bits >> (64 - shift);
    }
}

// Adds the first `count` bits of `part` to `whole`, from bit `offset` on. offset + count is at most 512.
static inline void harvest_merge(struct exo_harvest *whole, const struct exo_harvest *part, uint64_t offset,
                                 uint64_t count) {
    harvest_merge_words(whole->accessed, part->accessed, offset, count);
    harvest_merge_words(whole->dirty, part->dirty, offset, count);
}
