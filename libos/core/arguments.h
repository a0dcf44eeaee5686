// SPDX-License-Identifier: MIT
// A PE's arguments: words `name=value`, then after a word `--` the application's own. Pure.
#pragma once
#include <stdint.h>

constexpr unsigned ARGUMENT_WORDS = 96;

struct arguments {
    unsigned words; // of the library OS
    int argc;       // argv[0] is the value of `app`, or "program"
    char *word[ARGUMENT_WORDS];
    char *argv[ARGUMENT_WORDS + 1]; // ended by a null pointer
};

// Splits a text at its spaces, in place. False: more than ARGUMENT_WORDS words of one sort; those are dropped.
[[nodiscard]] bool arguments_split(struct arguments *arguments, char *text);

// The value of the first word `name=value`, or null.
const char *arguments_find(const struct arguments *arguments, const char *name);

// Reads a whole text as a number, decimal or hexadecimal after 0x. False: it is none, or above 2^64 - 1.
[[nodiscard]] bool arguments_number(const char *text, uint64_t *number);
