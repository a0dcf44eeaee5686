// SPDX-License-Identifier: MIT
// Formatted output for applications, unbuffered, over the library OS's write. The formatting is musl's; streams that
// musl's fopen made are musl's too and are handed on to it.
//
// Unlike the rest of libos/core this may use vector registers: it runs in the application's context only.
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The three streams are none of musl's. Its functions that aren't defined here find a stream that can neither be read
// nor written, and fail: that is what 4 | 8 in the first word mean to them.
struct _IO_FILE {
    unsigned musl_flags;
    uint8_t musl_rest[252];
    int descriptor;
};
constexpr unsigned NO_READ_NO_WRITE = 4 | 8;
static struct _IO_FILE streams[3] = {
    {.musl_flags = NO_READ_NO_WRITE, .descriptor = 0},
    {.musl_flags = NO_READ_NO_WRITE, .descriptor = 1},
    {.musl_flags = NO_READ_NO_WRITE, .descriptor = 2},
};
#undef stdin
#undef stdout
#undef stderr
FILE *const stdin = &streams[0];
FILE *const stdout = &streams[1];
FILE *const stderr = &streams[2];

size_t __fwritex(const unsigned char *bytes, size_t count, FILE *stream); // musl's, for its own streams

static bool is_ours(const FILE *stream) {
    return stream >= streams && stream < streams + 3;
}

// Also behind fwrite, see stdio_fwrite.c. Returns bytes written.
size_t stdio_put(FILE *stream, const char *bytes, size_t count);

size_t stdio_put(FILE *stream, const char *bytes, size_t count) {
    if (!is_ours(stream)) return __fwritex((const unsigned char *)bytes, count, stream);
    size_t done = 0;
    while (done < count) {
        const ssize_t written = write(stream->descriptor, bytes + done, count - done);
        if (written <= 0) break;
        done += (size_t)written;
    }
    return done;
}

// Longer texts than this are refused: the heap is not asked, as it may be the caller that is being looked into.
constexpr int TEXT_MOST = 64 << 10;

static int put_list(FILE *stream, const char *format, va_list list) {
    char line[512];
    va_list again;
    va_copy(again, list);
    const int length = vsnprintf(line, sizeof(line), format, list);
    size_t written = 0;
    if (length < (int)sizeof(line)) {
        if (length > 0) written = stdio_put(stream, line, (size_t)length);
    } else if (length <= TEXT_MOST) {
        char text[length + 1];
        vsnprintf(text, sizeof(text), format, again);
        written = stdio_put(stream, text, (size_t)length);
    }
    va_end(again);
    return length >= 0 && written == (size_t)length ? length : -1;
}

int vprintf(const char *format, va_list list) {
    return put_list(stdout, format, list);
}

int printf(const char *format, ...) {
    va_list list;
    va_start(list, format);
    const int length = put_list(stdout, format, list);
    va_end(list);
    return length;
}

int fprintf(FILE *stream, const char *format, ...) {
    va_list list;
    va_start(list, format);
    const int length = put_list(stream, format, list);
    va_end(list);
    return length;
}

int fputs(const char *text, FILE *stream) {
    const size_t length = strlen(text);
    return stdio_put(stream, text, length) == length ? 0 : EOF;
}

int puts(const char *text) {
    char line[512];
    const size_t length = strlen(text);
    if (length < sizeof(line)) { // one write, so that lines of several PEs don't mix
        memcpy(line, text, length);
        line[length] = '\n';
        return stdio_put(stdout, line, length + 1) == length + 1 ? 0 : EOF;
    }
    return fputs(text, stdout) == EOF || stdio_put(stdout, "\n", 1) != 1 ? EOF : 0;
}

int fputc(int c, FILE *stream) {
    const char byte = (char)c;
    return stdio_put(stream, &byte, 1) == 1 ? (unsigned char)byte : EOF;
}
int(putc)(int c, FILE *stream) {
    return fputc(c, stream);
}
int(putchar)(int c) {
    return fputc(c, stdout);
}

void perror(const char *what) {
    const char *why = strerror(errno);
    if (what != nullptr && *what != '\0')
        fprintf(stderr, "%s: %s\n", what, why);
    else
        fprintf(stderr, "%s\n", why);
}

// musl's own writes to musl's own stderr.
[[noreturn]] void __assert_fail(const char *expression, const char *file, int line, const char *function) {
    fprintf(stderr, "Assertion failed: %s (%s: %s: %d)\n", expression, file, function, line);
    abort();
}
