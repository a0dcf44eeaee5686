// SPDX-License-Identifier: MIT
// A text that is written piece by piece and then read as a file: what /proc consists of.
#pragma once
#include <stddef.h>

// Zero is an empty text. `failed`: memory ran out, the text is not whole.
struct text {
    char *bytes;
    size_t length, room;
    bool failed;
};

[[gnu::format(printf, 2, 3)]] void text_add(struct text *text, const char *format, ...); // of libos/core/print.h
void text_add_bytes(struct text *text, const void *bytes, size_t length);
void text_release(struct text *text);
