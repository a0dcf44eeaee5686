// SPDX-License-Identifier: MIT
// A trace file is foreign bytes (libos/pager/sim/trace.h): what is accepted is what a plain model reads of it, line by
// line, and what is refused is named with its line or record. What is written of a trace is read as the same again.
//
// An input is the file. As random bytes are seldom lines, most inputs are first turned into the letters of lines.
#include "libos/pager/sim/formats.h"
#include "libos/pager/sim/trace.h"
#include "libos/pager/sim/zstd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) abort();                                                                                     \
    } while (0)

constexpr size_t MOST = 1024; // bytes of an input, and so of lines

struct line {
    uint64_t page;
    char kind; // NUL: none
    bool joined;
};

static char path[32], error[512];
static uint8_t bytes[MOST * TEXT_LINE];
static struct line lines[MOST];

// A line as the model reads it.
static bool read_line(const uint8_t *text, size_t length, struct line *line) {
    unsigned __int128 page = 0;
    size_t at = 0;
    while (length > 0 && text[length - 1] == '\r') length--;
    line->joined = length > 0 && text[0] == '+';
    at += line->joined;
    const size_t digits = at;
    for (; at < length && text[at] >= '0' && text[at] <= '9'; at++) {
        page = page * 10 + (text[at] - '0');
        if (page > UINT64_MAX) return false;
    }
    if (at == digits) return false;
    line->page = (uint64_t)page;
    line->kind = at == length ? '\0' : (char)text[length - 1];
    return at == length || (at + 2 == length && text[at] == ' ' && memchr("RWM", line->kind, 3) != nullptr);
}

// All lines; returns how many there are, or the number of the first bad one, from 1 on, in *bad.
static size_t read_lines(size_t size, size_t *bad) {
    size_t count = 0;
    unsigned together = 0;
    *bad = 0;
    for (size_t at = 0; at < size; count++) {
        const uint8_t *end = memchr(bytes + at, '\n', size - at);
        const size_t length = end == nullptr ? size - at : (size_t)(end - bytes) - at;
        const bool good = read_line(bytes + at, length, &lines[count]);
        together = good && lines[count].joined ? together + 1 : 1;
        if (!good || (lines[count].joined && (count == 0 || together > GROUP_MOST))) {
            *bad = count + 1;
            return count;
        }
        at += length + 1;
    }
    return count;
}

static bool first_of_group(size_t at, size_t count) {
    return !lines[at].joined && at + 1 < count && lines[at + 1].joined;
}

static void check_group(const struct trace *trace, size_t at, size_t count) {
    const struct group *group = trace_group_at(trace, at);
    MUST((group != nullptr) == (lines[at].joined || first_of_group(at, count)));
    if (group == nullptr) return;
    MUST(lines[at].joined ? group->first < at : group->first == at);
    MUST(group->count >= 2 && group->count <= GROUP_MOST && at < group->first + group->count);
    MUST((group->late >> (at - group->first) & 1) == (lines[at].kind == 'M'));
    uint32_t different = 0;
    for (size_t i = group->first; i < group->first + group->count; i++) {
        size_t before = group->first;
        while (before < i && trace->reference[before] >> 1 != trace->reference[i] >> 1) before++;
        different += before == i;
    }
    MUST(different <= trace->widest);
}

static void check(const struct trace *trace, size_t count) {
    uint32_t pages = 0;
    bool kinds = false;
    MUST(trace->length == count);
    for (size_t i = 0; i < count; i++) {
        const uint32_t page = reference_page(trace->reference[i]);
        MUST(page <= pages); // numbered by their first use
        pages += page == pages;
        MUST(trace->number[page] == lines[i].page);
        MUST(reference_writes(trace->reference[i]) == (lines[i].kind == 'W' || lines[i].kind == 'M'));
        kinds |= lines[i].kind != '\0';
        check_group(trace, i, count);
    }
    for (uint32_t i = 0; i < pages; i++) {
        for (uint32_t j = 0; j < i; j++) MUST(trace->number[i] != trace->number[j]);
    }
    MUST(trace->pages == pages && trace->has_writes == kinds);
}

static struct trace *read_bytes(int file, size_t size, bool *good) {
    struct trace *trace = trace_new("fuzz");
    MUST(ftruncate(file, 0) == 0 && pwrite(file, bytes, size, 0) == (ssize_t)size);
    error[0] = '\0';
    *good = trace_read(trace, path, error, sizeof error);
    MUST(*good == (error[0] == '\0') && strchr(error, '\n') == nullptr);
    MUST(*good || strncmp(error, path, strlen(path)) == 0);
    return trace;
}

// What is written is the same trace by the model, too.
static void check_written(const struct trace *trace, size_t count) {
    size_t size = 0, bad;
    for (size_t i = 0; i < count; i++) size += text_line(trace, i, (char *)bytes + size);
    MUST(read_lines(size, &bad) == count && bad == 0);
    check(trace, count);
}

static void check_text(int file, size_t size) {
    size_t bad;
    bool good;
    const size_t count = read_lines(size, &bad);
    struct trace *trace = read_bytes(file, size, &good);
    MUST(good == (bad == 0 && count > 0));
    if (good) {
        check(trace, count);
        check_written(trace, count);
    } else {
        char place[64];
        snprintf(place, sizeof place, "%s:%zu: ", path, bad == 0 ? 1 : bad);
        MUST(strncmp(error, place, strlen(place)) == 0);
    }
    trace_free(trace);
}

// Records of libCacheSim's, by their bytes: no text has these in that place.
static bool is_records(size_t size) {
    return size >= ORACLE_GENERAL_RECORD && memchr("\0\x7f\xff", bytes[ORACLE_GENERAL_RECORD - 1], 3) != nullptr;
}

static void check_records(int file, size_t size) {
    bool good;
    struct trace *trace = read_bytes(file, size, &good);
    const size_t count = size / ORACLE_GENERAL_RECORD;
    MUST(good == (size % ORACLE_GENERAL_RECORD == 0) && trace->length == count);
    for (size_t i = 0; i < count; i++) {
        uint64_t id;
        memcpy(&id, bytes + i * ORACLE_GENERAL_RECORD + 4, sizeof id);
        lines[i] = (struct line){.page = id - 1};
    }
    check(trace, count);
    if (good) check_written(trace, count);
    trace_free(trace);
}

// What libzstd makes of it is not known here; it must be refused with a sentence, or be a trace.
static void check_compressed(int file, size_t size) {
    bool good;
    struct trace *trace = read_bytes(file, size, &good);
    for (size_t i = 0; i < trace->length; i++) MUST(reference_page(trace->reference[i]) < trace->pages);
    trace_free(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char letters[] = "0123456789\n\n\n+++ RWM\r\n 1";
    static const uint32_t compressed = ZSTD_FRAME_MAGIC;
    static int file = -1;
    if (file < 0) {
        file = memfd_create("trace", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    if (size == 0) return 0;
    const bool as_it_is = data[size - 1] % 4 == 0;
    size = size - 1 < MOST ? size - 1 : MOST;
    for (size_t i = 0; i < size; i++) bytes[i] = as_it_is ? data[i] : (uint8_t)letters[data[i] % (sizeof letters - 1)];
    if (size >= 4 && memcmp(bytes, &compressed, 4) == 0)
        check_compressed(file, size);
    else if (is_records(size))
        check_records(file, size);
    else
        check_text(file, size);
    return 0;
}
