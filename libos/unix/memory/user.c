// SPDX-License-Identifier: MIT
// A user's memory from library code: the checks, and where to go on after a fault. See user.h; the moves are in user.S.
#include "libos/unix/memory/user.h"
#include "libos/unix/map.h"
#include "libos/unix/memory/user_moves.h"
#include <errno.h>

int64_t user_text(char *to, const char *from, uint64_t room);
int user_word(uint32_t *value, uint64_t address);
int user_word_exchange(uint64_t address, uint32_t *expected, uint32_t desired);

extern const struct recovery {
    uint64_t at, to;
} user_recover_table[], user_recover_end[];

uint64_t user_recover(uint64_t rip) {
    for (const struct recovery *each = user_recover_table; each != user_recover_end; each++)
        if (each->at == rip) return each->to;
    return 0;
}

int user_read(void *to, uint64_t from, size_t bytes) {
    if (!unix_is_user(from, bytes)) return -EFAULT;
    return user_copy(to, (const void *)from, bytes) == 0 ? 0 : -EFAULT;
}

int user_write(uint64_t to, const void *from, size_t bytes) {
    if (!unix_is_user(to, bytes)) return -EFAULT;
    return user_copy((void *)to, from, bytes) == 0 ? 0 : -EFAULT;
}

int user_zero(uint64_t to, size_t bytes) {
    if (!unix_is_user(to, bytes)) return -EFAULT;
    return user_clear((void *)to, bytes) == 0 ? 0 : -EFAULT;
}

int64_t user_string(char *to, uint64_t from, size_t room) {
    if (!unix_is_user(from, 1)) return -EFAULT;
    const uint64_t end = from < MAP_BASE ? MAP_BASE : UNIX_USER_END;
    const uint64_t most = room < end - from ? room : end - from;
    const int64_t bytes = user_text(to, (const char *)from, most);
    if (bytes > 0) return bytes - 1;
    return bytes < 0 || most < room ? -EFAULT : -ENAMETOOLONG;
}

int user_load(uint32_t *value, uint64_t address) {
    if (!unix_is_user(address, sizeof *value)) return -EFAULT;
    return user_word(value, address) == 0 ? 0 : -EFAULT;
}

int user_exchange(uint64_t address, uint32_t *expected, uint32_t desired) {
    if (!unix_is_user(address, sizeof desired)) return -EFAULT;
    return user_word_exchange(address, expected, desired) == 0 ? 0 : -EFAULT;
}
