// SPDX-License-Identifier: MIT
// See copy.h. Which of the two a buffer is, its address says.
#include "libos/unix/files/copy.h"
#include "libos/unix/map.h"
#include "libos/unix/memory/user.h"
#include <string.h>

static bool is_library(const void *buffer) {
    return (uint64_t)buffer - MAP_BASE < MAP_END - MAP_BASE;
}

bool user_range(uint64_t address, uint64_t bytes) {
    return unix_is_user(address, bytes);
}

int copy_out(void *to, const void *from, size_t bytes) {
    if (!is_library(to)) return user_write((uint64_t)to, from, bytes);
    memcpy(to, from, bytes);
    return 0;
}

int copy_in(void *to, const void *from, size_t bytes) {
    if (!is_library(from)) return user_read(to, (uint64_t)from, bytes);
    memcpy(to, from, bytes);
    return 0;
}

int copy_zero(void *to, size_t bytes) {
    if (!is_library(to)) return user_zero((uint64_t)to, bytes);
    memset(to, 0, bytes);
    return 0;
}
