// SPDX-License-Identifier: MIT
// Data compressed with zstd, piece by piece. zstd.c uses the library; zstd_absent.c stands for it where a build has no
// libzstd, and ends the program with a sentence.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

constexpr uint32_t ZSTD_FRAME_MAGIC = 0xfd2f'b528; // the first four bytes of a frame, little-endian

constexpr size_t ZSTD_ROOM = 1 << 17;

// To be called before anything else here: ends the program if the build has no libzstd. `path` is for the sentence.
void zstd_require(const char *path);

struct zstd_reader;

// Of a file of which the first bytes have been read already: `begin`, at most ZSTD_ROOM. The file stays the caller's.
struct zstd_reader *zstd_reader_new(FILE *file, const void *begin, size_t length);
void zstd_reader_free(struct zstd_reader *reader);

// Bytes put into `bytes`, none at the end. On failure returns false and sets `wrong` to what is wrong with the data.
[[nodiscard]] bool zstd_read(struct zstd_reader *reader, void *bytes, size_t size, size_t *got, const char **wrong);

struct zstd_writer;

struct zstd_writer *zstd_writer_new(FILE *file);
void zstd_writer_free(struct zstd_writer *writer);

// False if the file can't be written; errno says why. Nothing is complete before `zstd_finish`.
[[nodiscard]] bool zstd_write(struct zstd_writer *writer, const void *bytes, size_t size);
[[nodiscard]] bool zstd_finish(struct zstd_writer *writer);
