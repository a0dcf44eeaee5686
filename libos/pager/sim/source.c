// SPDX-License-Identifier: MIT
// See source.h.
#include "libos/pager/sim/source.h"
#include "libos/pager/sim/memory.h"
#include "libos/pager/sim/zstd.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void fail(struct source *source, const char *why) {
    snprintf(source->error, source->error_size, "%s: %s", source->path, why);
    source->failed = source->ended = true;
}

static void fail_zstd(struct source *source, const char *wrong) {
    char why[256];
    snprintf(why, sizeof why, "the zstd data are damaged: %s", wrong);
    fail(source, why);
}

// Moves what is left to the front and reads once.
static void read_more(struct source *source) {
    size_t got = 0;
    const char *wrong = nullptr;
    memmove(source->bytes, source->bytes + source->first, source->end - source->first);
    source->end -= source->first;
    source->first = 0;
    unsigned char *to = source->bytes + source->end;
    const size_t room = SOURCE_ROOM - source->end;
    errno = 0;
    if (source->zstd == nullptr)
        got = fread(to, 1, room, source->file);
    else if (!zstd_read(source->zstd, to, room, &got, &wrong))
        fail_zstd(source, wrong);
    if (ferror(source->file)) fail(source, strerror(errno));
    source->end += got;
    source->ended |= got == 0;
}

size_t source_peek(struct source *source, const unsigned char **bytes, size_t least) {
    while (source->end - source->first < least && !source->ended) read_more(source);
    *bytes = source->bytes + source->first;
    return source->end - source->first;
}

bool source_open(struct source *source, const char *path, char *error, size_t error_size) {
    *source = (struct source){.path = path, .error = error, .error_size = error_size, .file = fopen(path, "re")};
    if (source->file == nullptr) {
        fail(source, strerror(errno));
        return false;
    }
    source->bytes = memory_grow(nullptr, SOURCE_ROOM);
    const unsigned char *bytes;
    const size_t length = source_peek(source, &bytes, 4);
    const unsigned char magic[4] = {ZSTD_FRAME_MAGIC & 0xff, ZSTD_FRAME_MAGIC >> 8 & 0xff,
                                    ZSTD_FRAME_MAGIC >> 16 & 0xff, ZSTD_FRAME_MAGIC >> 24};
    if (!source->failed && length >= 4 && memcmp(bytes, magic, sizeof magic) == 0) {
        zstd_require(path);
        source->zstd = zstd_reader_new(source->file, bytes, length);
        source->end = 0;
        source->ended = false;
    }
    if (source->failed) source_close(source);
    return !source->failed;
}

void source_close(struct source *source) {
    zstd_reader_free(source->zstd);
    free(source->bytes);
    fclose(source->file);
    *source = (struct source){.failed = source->failed};
}

const char *source_line(struct source *source, size_t *length) {
    const unsigned char *line;
    size_t seen = 0, known = source_peek(source, &line, 1);
    while (known > seen) {
        const unsigned char *end = memchr(line + seen, '\n', known - seen);
        if (end != nullptr) {
            *length = (size_t)(end - line);
            source->first += *length + 1;
            return (const char *)line;
        }
        seen = known;
        if (seen < SOURCE_ROOM) known = source_peek(source, &line, seen + 1);
    }
    if (known == 0 || source->failed) return nullptr;
    *length = known;
    source->first += known;
    return (const char *)line;
}

const unsigned char *source_record(struct source *source, size_t size) {
    const unsigned char *bytes;
    if (source_peek(source, &bytes, size) < size || source->failed) return nullptr;
    source->first += size;
    return bytes;
}
