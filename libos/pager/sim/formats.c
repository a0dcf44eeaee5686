// SPDX-License-Identifier: MIT
// Reading and writing trace files of any form; names of files.
#include "libos/pager/sim/formats.h"
#include "libos/pager/sim/memory.h"
#include "libos/pager/sim/sink.h"
#include "libos/pager/sim/source.h"
#include <stdlib.h>
#include <string.h>

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == nullptr ? path : slash + 1;
}

static bool ends_with(const char *name, const char *ending) {
    const size_t length = strlen(name), wanted = strlen(ending);
    return length > wanted && strcmp(name + length - wanted, ending) == 0;
}

bool name_is_zstd(const char *path) {
    return ends_with(path, ".zst");
}

bool name_is_oracle_general(const char *path) {
    const char *name = file_name(path);
    return strstr(name, ".oracleGeneral") != nullptr || ends_with(name, ".bin") || ends_with(name, ".bin.zst");
}

static void cut_ending(char *name) {
    char *dot = strrchr(name, '.');
    if (dot != nullptr && dot != name) *dot = '\0';
}

char *trace_name_of(const char *path) {
    const size_t bytes = strlen(file_name(path)) + 1;
    char *name = memory_grow(nullptr, bytes);
    memcpy(name, file_name(path), bytes);
    if (name_is_zstd(name)) cut_ending(name);
    char *form = strstr(name, ".oracleGeneral");
    if (form != nullptr && form != name)
        *form = '\0';
    else
        cut_ending(name);
    return name;
}

bool trace_is_full(const struct trace *trace) {
    return trace->length == UINT32_MAX - 1 || trace->pages == 1u << 30;
}

bool trace_add_or_full(struct trace *trace, uint64_t page, bool write) {
    if (trace_is_full(trace)) return false;
    trace_add(trace, page, write);
    return true;
}

// The last byte of a record is the highest of the next reference's number, or of its absence. No text has these there.
static bool is_oracle_general(struct source *source) {
    const unsigned char *bytes;
    if (source_peek(source, &bytes, ORACLE_GENERAL_RECORD) < ORACLE_GENERAL_RECORD)
        return name_is_oracle_general(source->path);
    const unsigned char highest = bytes[ORACLE_GENERAL_RECORD - 1];
    return highest == 0 || highest == 0x7f || highest == 0xff;
}

bool trace_read(struct trace *trace, const char *path, char *error, size_t error_size) {
    struct source source;
    if (!source_open(&source, path, error, error_size)) return false;
    bool good = is_oracle_general(&source) ? oracle_general_read(trace, &source) : text_read(trace, &source);
    if (source.failed) {
        good = false; // and the sentence is there
    } else if (good && trace->length == 0) {
        snprintf(error, error_size, "%s:1: expected at least one reference; the file is empty", path);
        good = false;
    }
    source_close(&source);
    return good;
}

bool trace_write(const struct trace *trace, const char *path, char *error, size_t error_size) {
    struct sink sink;
    if (!sink_open(&sink, path, name_is_zstd(path), error, error_size)) return false;
    const bool good = name_is_oracle_general(path) ? oracle_general_write(trace, &sink) : text_write(trace, &sink);
    return sink_close(&sink, good);
}
