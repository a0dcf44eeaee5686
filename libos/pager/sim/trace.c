// SPDX-License-Identifier: MIT
// Growing a reference string, renumbering its pages, and reading it from text.
#include "libos/pager/sim/trace.h"
#include "libos/pager/policy.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *old, size_t bytes) {
    void *memory = realloc(old, bytes);
    if (memory == nullptr) {
        fprintf(stderr, "bindery-sim: out of memory (%zu bytes more were needed)\n", bytes);
        exit(3);
    }
    return memory;
}

struct trace *trace_new(const char *name) {
    struct trace *trace = grow(nullptr, sizeof *trace);
    size_t bytes = strlen(name) + 1;
    *trace = (struct trace){.name = grow(nullptr, bytes)};
    memcpy(trace->name, name, bytes);
    return trace;
}

void trace_free(struct trace *trace) {
    if (trace == nullptr) return;
    free(trace->name);
    free(trace->reference);
    free(trace->number);
    free(trace->bucket);
    free(trace);
}

// The bucket that holds a page number, or the empty one where it belongs.
static uint32_t bucket_of(const struct trace *trace, uint64_t number) {
    uint32_t place = (uint32_t)((number * 0x9e37'79b9'7f4a'7c15u) >> 32) & (trace->buckets - 1);
    while (trace->bucket[place] != POLICY_NONE && trace->number[trace->bucket[place]] != number) {
        place = (place + 1) & (trace->buckets - 1);
    }
    return place;
}

// Keeps the hash table at most half full.
static void grow_table(struct trace *trace) {
    if (trace->pages * 2ull < trace->buckets) return;
    trace->buckets = trace->buckets == 0 ? 1024 : trace->buckets * 2;
    trace->bucket = grow(trace->bucket, trace->buckets * sizeof *trace->bucket);
    memset(trace->bucket, 0xff, trace->buckets * sizeof *trace->bucket);
    for (uint32_t page = 0; page < trace->pages; page++) trace->bucket[bucket_of(trace, trace->number[page])] = page;
}

static uint32_t page_of(struct trace *trace, uint64_t number) {
    grow_table(trace);
    uint32_t place = bucket_of(trace, number);
    if (trace->bucket[place] != POLICY_NONE) return trace->bucket[place];
    if (trace->pages == trace->numbers_room) {
        trace->numbers_room = trace->numbers_room == 0 ? 512 : trace->numbers_room * 2;
        trace->number = grow(trace->number, trace->numbers_room * sizeof *trace->number);
    }
    trace->number[trace->pages] = number;
    trace->bucket[place] = trace->pages;
    return trace->pages++;
}

void trace_add(struct trace *trace, uint64_t page, bool write) {
    if (trace->length == trace->room) {
        trace->room = trace->room == 0 ? 4096 : trace->room * 2;
        trace->reference = grow(trace->reference, trace->room * sizeof *trace->reference);
    }
    trace->reference[trace->length++] = page_of(trace, page) << 1 | (write ? 1 : 0);
}

// Takes a line apart; false if it is not one of the three forms.
static bool parse(const char *line, uint64_t *page, char *kind) {
    if (!isdigit((unsigned char)line[0])) return false;
    char *end;
    errno = 0;
    *page = strtoull(line, &end, 10);
    if (errno != 0) return false;
    *kind = '\0';
    if (end[0] == ' ' && (end[1] == 'R' || end[1] == 'W')) {
        *kind = end[1];
        end += 2;
    }
    return *end == '\0';
}

// Ends a line at its newline, carriage return included, and makes what is not printable visible as '?'.
static void clean(char *line, size_t length) {
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = '\0';
    for (size_t i = 0; i < length; i++) {
        if (!isprint((unsigned char)line[i])) line[i] = '?';
    }
}

bool trace_read(struct trace *trace, const char *path, char *error, size_t error_size) {
    FILE *file = fopen(path, "re");
    if (file == nullptr) {
        snprintf(error, error_size, "%s: %s", path, strerror(errno));
        return false;
    }
    char *line = nullptr;
    size_t room = 0, number = 0;
    ssize_t length;
    bool good = true;
    while (good && (length = getline(&line, &room, file)) >= 0) {
        uint64_t page;
        char kind;
        number++;
        clean(line, (size_t)length);
        good = parse(line, &page, &kind);
        if (!good) {
            snprintf(error, error_size,
                     "%s:%zu: expected a decimal page number, then nothing, ' R' or ' W'; found \"%.40s\"", path,
                     number, line);
        } else if (trace->length == UINT32_MAX - 1) {
            snprintf(error, error_size, "%s:%zu: more than %u references", path, number, UINT32_MAX - 1);
            good = false;
        } else {
            trace_add(trace, page, kind == 'W');
            trace->has_writes |= kind != '\0';
        }
    }
    if (good && ferror(file)) {
        snprintf(error, error_size, "%s: %s", path, strerror(errno));
        good = false;
    } else if (good && trace->length == 0) {
        snprintf(error, error_size, "%s:1: expected at least one reference; the file is empty", path);
        good = false;
    }
    free(line);
    fclose(file);
    return good;
}

uint32_t *trace_next_uses(const struct trace *trace) {
    uint32_t *next = grow(nullptr, (trace->length + 1) * sizeof *next);
    uint32_t *seen = grow(nullptr, (trace->pages + 1ul) * sizeof *seen);
    for (uint32_t page = 0; page < trace->pages; page++) seen[page] = POLICY_NONE;
    for (size_t i = trace->length; i-- > 0;) {
        uint32_t page = reference_page(trace->reference[i]);
        next[i] = seen[page];
        seen[page] = (uint32_t)i;
    }
    free(seen);
    return next;
}
