// SPDX-License-Identifier: MIT
// Lines for people and lines for tools. Uses no vector registers and no memory but the stack, so that every handler
// can call it. The formatter knows %d %i %u %x %c %s %p %%, lengths l ll z j, width, precision, flags 0 # and -.
// No floating point: an application's own printf has that.
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include "pe/types.h"

constexpr size_t PRINT_LINE = 2048; // bytes at most; the rest of a longer line is cut

// Formats into a buffer of `size` bytes, always ended by NUL. Returns the length that the whole text would have had.
[[gnu::format(printf, 3, 4)]] size_t format_text(char *buffer, size_t size, const char *format, ...);
size_t format_list(char *buffer, size_t size, const char *format, va_list list);

// Writes a formatted text to the console.
[[gnu::format(printf, 1, 2)]] void print(const char *format, ...);

// Writes one line, a JSON object, to the report channel in one call; the newline is added. A line that would be cut
// is not written, and said so on the console.
[[gnu::format(printf, 1, 2)]] void report(const char *format, ...);

// Writes bytes to a console as they are, in as many calls as needed. Returns bytes written; less after a refusal.
size_t device_write(exo_handle device, const void *bytes, size_t count);
