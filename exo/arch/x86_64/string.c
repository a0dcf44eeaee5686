// SPDX-License-Identifier: MIT
// The two functions that the compiler may call for struct copies and initialisers.
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(bytes)::"memory");
    return to;
}

void *memset(void *to, int byte, size_t bytes) {
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(bytes) : "a"(byte) : "memory");
    return to;
}
