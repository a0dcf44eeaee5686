// SPDX-License-Identifier: MIT
// fwrite, in a file of its own: musl's other functions need what else is in musl's fwrite.o, whose fwrite is therefore
// made weak (libc.py), and comes into use if this one is not asked for.
#include <stdio.h>

size_t stdio_put(FILE *stream, const char *bytes, size_t count); // stdio.c

size_t fwrite(const void *items, size_t size, size_t count, FILE *stream) {
    return size == 0 ? 0 : stdio_put(stream, items, size * count) / size;
}
