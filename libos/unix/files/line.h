// SPDX-License-Identifier: MIT
// A terminal's line discipline: what typed bytes become before a program reads them, what is echoed, which of them are
// signals; and what a program's output becomes. A pure state machine: bytes in, bytes out, no waiting.
//
//   line_start(&line, echo, context);
//   signal = line_input(&line, byte);             // a byte was typed; 0 or SIGINT, SIGQUIT, SIGTSTP
//   while (!line_readable(&line)) …               // canonical: a line or an end of file is there; raw: see line_wanted
//   count = line_take(&line, buffer, sizeof(buffer));
//   count = line_output(&line, text, &length, to, room);
#pragma once
#include <stddef.h>
#include <stdint.h>

constexpr unsigned LINE_MOST = 4096; // bytes of a line, with its end; what is typed beyond that is lost

// Linux's struct termios, which differs from the C library's.
struct line_settings {
    uint32_t input, output, control, local;
    uint8_t discipline;
    uint8_t key[19];
};
static_assert(sizeof(struct line_settings) == 36);

struct line {
    struct line_settings settings;
    void (*echo)(void *context, const uint8_t *bytes, size_t count);
    void *context;
    uint32_t column, edit_column; // of the cursor; and where the line that is typed begins
    uint32_t edit_count;
    uint32_t head, count;         // of `ready`
    bool literal;                 // the next byte is taken as it is (VLNEXT)
    bool stopped;                 // VSTOP: output waits for VSTART
    uint8_t edit[LINE_MOST];      // the line that is typed
    uint16_t ready[LINE_MOST];    // a ring: what can be read. Bytes, with the marks below
};
enum : uint16_t {
    LINE_LAST = 0x100, // the last byte of a line
    LINE_END = 0x200,  // no byte: the end of file
};

// Settings as a terminal has them when a program starts; nothing typed.
void line_start(struct line *line, void (*echo)(void *context, const uint8_t *bytes, size_t count), void *context);

int line_input(struct line *line, uint8_t byte);
uint32_t line_room(const struct line *line); // bytes that can still be typed without loss

// Other settings: a line that was being typed can be read when canonical mode ends. `flush`: what was typed is lost.
void line_set(struct line *line, const struct line_settings *settings, bool flush);
void line_flush(struct line *line);

bool line_canonical(const struct line *line);
uint32_t line_count(const struct line *line); // bytes that can be read now
bool line_readable(const struct line *line);  // anything, an end of file included

// What a read gets: in canonical mode up to one line, and 0 at an end of file; otherwise what there is.
size_t line_take(struct line *line, uint8_t *to, size_t room);

// What output becomes. Takes bytes of `from` as long as `to` has room; *length becomes how many. Returns the bytes
// made.
constexpr size_t LINE_EXPANDED = 8; // room that one byte needs at most
size_t line_output(struct line *line, const uint8_t *from, size_t *length, uint8_t *to, size_t room);
