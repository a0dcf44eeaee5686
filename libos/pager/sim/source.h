// SPDX-License-Identifier: MIT
// The bytes of a trace file, in pieces that fit into memory; what is compressed with zstd is decompressed.
//
//   struct source source;
//   if (source_open(&source, path, error, sizeof error)) { … source_line or source_record … source_close(&source); }
//
// A failure while reading ends the lines or records early; `source_failed` tells it from the end of the file, and a
// sentence that begins with the path is in `error`.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct zstd_reader;

struct source {
    const char *path;
    FILE *file;
    struct zstd_reader *zstd; // null: not compressed
    unsigned char *bytes;     // room for SOURCE_ROOM
    size_t first, end;        // those that are read and not taken
    bool ended, failed;
    char *error;
    size_t error_size;
};

constexpr size_t SOURCE_ROOM = 1 << 17; // at most ZSTD_ROOM

[[nodiscard]] bool source_open(struct source *source, const char *path, char *error, size_t error_size);
void source_close(struct source *source);

// The next bytes without taking them; fewer than `least` only at the end of the file.
size_t source_peek(struct source *source, const unsigned char **bytes, size_t least);

// The next line without its end, or null after the last one. A line that is longer than the room comes in parts.
const char *source_line(struct source *source, size_t *length);

// The next `size` bytes, or null if there are fewer; then those are left.
const unsigned char *source_record(struct source *source, size_t size);
