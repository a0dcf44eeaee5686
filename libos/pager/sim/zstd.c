// SPDX-License-Identifier: MIT
// zstd by its library's streaming interface. A file may hold several frames, one after the other, as `cat a.zst b.zst`
// makes; what ends within a frame is truncated.
#include "libos/pager/sim/zstd.h"
#include "libos/pager/sim/memory.h"
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct zstd_reader {
    FILE *file;
    ZSTD_DStream *stream;
    ZSTD_inBuffer in;
    bool within; // a frame has begun and not ended
    unsigned char bytes[ZSTD_ROOM];
};

void zstd_require(const char *) {}

struct zstd_reader *zstd_reader_new(FILE *file, const void *begin, size_t length) {
    struct zstd_reader *reader = memory_grow(nullptr, sizeof *reader);
    *reader = (struct zstd_reader){.file = file, .stream = ZSTD_createDStream()};
    if (reader->stream == nullptr) memory_ran_out(sizeof *reader);
    memcpy(reader->bytes, begin, length);
    reader->in = (ZSTD_inBuffer){.src = reader->bytes, .size = length};
    return reader;
}

void zstd_reader_free(struct zstd_reader *reader) {
    if (reader == nullptr) return;
    ZSTD_freeDStream(reader->stream);
    free(reader);
}

bool zstd_read(struct zstd_reader *reader, void *bytes, size_t size, size_t *got, const char **wrong) {
    ZSTD_outBuffer out = {.dst = bytes, .size = size};
    while (out.pos == 0) {
        if (reader->in.pos == reader->in.size) {
            reader->in.pos = 0;
            reader->in.size = fread(reader->bytes, 1, ZSTD_ROOM, reader->file);
        }
        const bool ended = reader->in.size == 0;
        if (ended && !reader->within) break;
        const size_t left = ZSTD_decompressStream(reader->stream, &out, &reader->in);
        if (ZSTD_isError(left)) {
            *wrong = ZSTD_getErrorName(left);
            return false;
        }
        reader->within = left != 0;
        if (ended && out.pos == 0 && reader->within) {
            *wrong = "they end in the middle of a frame";
            return false;
        }
    }
    *got = out.pos;
    return true;
}

struct zstd_writer {
    FILE *file;
    ZSTD_CCtx *context;
    unsigned char bytes[ZSTD_ROOM];
};

struct zstd_writer *zstd_writer_new(FILE *file) {
    struct zstd_writer *writer = memory_grow(nullptr, sizeof *writer);
    *writer = (struct zstd_writer){.file = file, .context = ZSTD_createCCtx()};
    if (writer->context == nullptr) memory_ran_out(sizeof *writer);
    ZSTD_CCtx_setParameter(writer->context, ZSTD_c_checksumFlag, 1);
    return writer;
}

void zstd_writer_free(struct zstd_writer *writer) {
    if (writer == nullptr) return;
    ZSTD_freeCCtx(writer->context);
    free(writer);
}

static bool compress(struct zstd_writer *writer, const void *bytes, size_t size, ZSTD_EndDirective how) {
    ZSTD_inBuffer in = {.src = bytes, .size = size};
    for (;;) {
        ZSTD_outBuffer out = {.dst = writer->bytes, .size = ZSTD_ROOM};
        const size_t left = ZSTD_compressStream2(writer->context, &out, &in, how);
        if (ZSTD_isError(left)) memory_ran_out(ZSTD_ROOM); // the library has no other reason to fail here
        if (fwrite(writer->bytes, 1, out.pos, writer->file) != out.pos) return false;
        if (how == ZSTD_e_end ? left == 0 : in.pos == in.size) return true;
    }
}

bool zstd_write(struct zstd_writer *writer, const void *bytes, size_t size) {
    return compress(writer, bytes, size, ZSTD_e_continue);
}

bool zstd_finish(struct zstd_writer *writer) {
    return compress(writer, "", 0, ZSTD_e_end);
}
