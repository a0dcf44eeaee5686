// SPDX-License-Identifier: MIT
// Moving bytes between a buffer of a call and the library OS. The buffer is the user's, or the library OS's own when
// one part of it reads for another (sendfile, exec).
//
// Contract with who calls a file's operations: a user's buffer has passed user_range.
#pragma once
#include "pe/types.h"

// Whether so many bytes from an address on lie where a user's memory can, mapped or not.
bool user_range(uint64_t address, uint64_t bytes);

// 0 or -EFAULT. May sleep, if the buffer is a user's.
[[nodiscard]] int copy_out(void *to, const void *from, size_t bytes);
[[nodiscard]] int copy_in(void *to, const void *from, size_t bytes);
[[nodiscard]] int copy_zero(void *to, size_t bytes);
