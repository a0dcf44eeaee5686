// SPDX-License-Identifier: MIT
// A digest of a sequence of evictions (FNV-1a over the pages), by which a real run and a simulated one are compared:
// equal digests mean the same victims in the same order, not only as many.
#pragma once
#include <stdint.h>

constexpr uint64_t SEQUENCE_START = 0xcbf2'9ce4'8422'2325u;

static inline uint64_t sequence_add(uint64_t sequence, uint32_t page) {
    return (sequence ^ page) * 0x100'0000'01b3u;
}
