// SPDX-License-Identifier: MIT
// The arguments and the environment of a program that is to be started, outside of any address space.
#pragma once
#include "pe/types.h"

constexpr uint64_t STRING_MOST = 32 * EXO_PAGE_SIZE; // one string, with its zero byte (MAX_ARG_STRLEN)

struct strings_chunk {
    struct strings_chunk *next;
    size_t used, room;
    char bytes[];
};

struct strings {
    char **at; // in order
    unsigned count, room;
    size_t bytes; // of all, with their zero bytes
    struct strings_chunk *chunks;
};

// -ENOMEM.
int strings_add(struct strings *strings, const char *text);
// Puts a string before all others.
int strings_add_first(struct strings *strings, const char *text);
void strings_drop_first(struct strings *strings);
// A user's array of pointers that a null pointer ends; address 0 is an empty one. -EFAULT, -ENOMEM, -E2BIG: one is
// longer than STRING_MOST, or all take more than `most` with their pointers.
int strings_read(struct strings *strings, uint64_t address, uint64_t most);
void strings_release(struct strings *strings);
