// SPDX-License-Identifier: MIT
// Where a program's functions lie, by what its file tells: symbols, and the section .eh_frame, which stripped programs
// have, too.
#pragma once
#include "libos/unix/process/gaps.h"

struct program;

struct functions {
    struct function *list; // in order (gaps.h); the caller releases it
    unsigned count, room;
};

// False: the tables are larger than is read, or there is no memory. A file without tables has no functions.
[[nodiscard]] bool functions_of(const struct program *program, struct functions *functions);
