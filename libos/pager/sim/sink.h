// SPDX-License-Identifier: MIT
// A file that is being written, compressed with zstd if so wanted. It is made beside its place and renamed when it is
// complete, so that a reader finds the old one or the whole new one.
#pragma once
#include <stddef.h>
#include <stdio.h>

struct zstd_writer;

struct sink {
    const char *path;
    char *partial; // its name meanwhile
    FILE *file;
    struct zstd_writer *zstd; // null: not compressed
    char *error;
    size_t error_size;
};

// On failure: false, and one line that begins with the path.
[[nodiscard]] bool sink_open(struct sink *sink, const char *path, bool compressed, char *error, size_t error_size);
[[nodiscard]] bool sink_write(struct sink *sink, const void *bytes, size_t size);

// Completes the file if it is `good` so far, else takes it away again. Frees everything. Returns whether it is there.
[[nodiscard]] bool sink_close(struct sink *sink, bool good);
