// SPDX-License-Identifier: MIT
// The forms of trace files.
//
//   text           lines `PAGE`, `PAGE R`, `PAGE W` or `PAGE M`, decimal, with `+` if one instruction makes this
//                  reference and that of the line before; see text.c
//   oracleGeneral  libCacheSim's binary form, see oracle_general.c
//
// Either may be compressed with zstd. When a file is read its form is told from its contents, and by its name where
// those are too short; when one is written, from its name: `*.zst` is compressed, and `*.oracleGeneral*` and `*.bin`,
// without the .zst, are binary.
#pragma once
#include "libos/pager/sim/trace.h"

struct source;
struct sink;

// What a trace of that file is called: its name without folder and endings. To be freed.
char *trace_name_of(const char *path);

// Adds the references of a file to a trace. On failure writes one line that begins with the path and names line or
// record and what was expected, and the trace is not whole.
[[nodiscard]] bool text_read(struct trace *trace, struct source *source);
[[nodiscard]] bool oracle_general_read(struct trace *trace, struct source *source);

// The line of the reference at a position, newline included; returns its length.
constexpr size_t TEXT_LINE = 32;
size_t text_line(const struct trace *trace, size_t at, char line[TEXT_LINE]);

// False if the sink fails.
[[nodiscard]] bool text_write(const struct trace *trace, struct sink *sink);
[[nodiscard]] bool oracle_general_write(const struct trace *trace, struct sink *sink);

// Writes a file, which appears whole or not at all.
[[nodiscard]] bool trace_write(const struct trace *trace, const char *path, char *error, size_t error_size);

// For reading and writing: does the name say that the form is oracleGeneral, does it say zstd?
bool name_is_oracle_general(const char *path);
bool name_is_zstd(const char *path);

// For the readers: adds a reference unless the trace is full.
[[nodiscard]] bool trace_add_or_full(struct trace *trace, uint64_t page, bool write);
bool trace_is_full(const struct trace *trace);

constexpr size_t ORACLE_GENERAL_RECORD = 24; // bytes
