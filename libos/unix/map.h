// SPDX-License-Identifier: MIT
// What libos/unix does with its part of the GiB that libos/core/map.h gives out. The same in every address space.
//
//   MAP_PAGER … MAP_PAGER_END     memory/: its tables, and windows to pages that no user maps
//   MAP_HEAP … UNIX_HEAP_END      the heap: every structure of the library OS. Bound memory, never paged
//   UNIX_STACKS … MAP_END         stacks of threads, each above a page that stays unmapped (process/stack.c)
#pragma once
#include "libos/core/map.h"

constexpr uint64_t UNIX_STACKS = MAP_END - 0x1000'0000;
constexpr uint64_t UNIX_HEAP_END = UNIX_STACKS;

// Addresses of users: below and above the library OS.
constexpr uint64_t UNIX_USER_FIRST = 0x1'0000; // nothing is mapped below, so that null pointers fault
constexpr uint64_t UNIX_USER_END = 0x80'0000'0000;

// Whether bytes lie where only a user's memory can be. Written so that no sum overflows.
static inline bool unix_is_user(uint64_t first, uint64_t bytes) {
    if (first < MAP_BASE) return bytes <= MAP_BASE - first;
    return first >= MAP_END && first < UNIX_USER_END && bytes <= UNIX_USER_END - first;
}
