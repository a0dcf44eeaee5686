// SPDX-License-Identifier: MIT
// A user's memory, from library code: in place, in the address space that was entered. Page faults on the way are
// served, and may sleep. An address that is not the user's, or not mapped with that right, gives -EFAULT.
#pragma once
#include "pe/types.h"

[[nodiscard]] int user_read(void *to, uint64_t from, size_t bytes);
[[nodiscard]] int user_write(uint64_t to, const void *from, size_t bytes);
[[nodiscard]] int user_zero(uint64_t to, size_t bytes);

// A string with its zero byte. Returns its length, -EFAULT, or -ENAMETOOLONG if it doesn't fit into `room` bytes.
[[nodiscard]] int64_t user_string(char *to, uint64_t from, size_t room);

// For futexes: *value = the word at an address; compares and exchanges, *value becomes what was there.
[[nodiscard]] int user_load(uint32_t *value, uint64_t address);
[[nodiscard]] int user_exchange(uint64_t address, uint32_t *expected, uint32_t desired);

// Where a fault in library code goes on, if it cannot be served: asked by the fault entry. 0: it was not one of these
// functions, and is a fault of the library OS itself.
uint64_t user_recover(uint64_t rip);
