// SPDX-License-Identifier: MIT
// See line.h. Behaviour as POSIX.1-2017 chapter 11 describes it, and as Linux's terminals have it where POSIX leaves it
// open: ^X for control characters, UTF-8 characters erased whole (IUTF8), VWERASE, VREPRINT, VLNEXT.
#include "libos/unix/files/line.h"
#include <signal.h>
#include <string.h>
#include <termios.h>

constexpr uint8_t KEYS[19] = {
    [VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4,      [VMIN] = 1,   [VSTART] = 17,
    [VSTOP] = 19, [VSUSP] = 26, [VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22,
};

void line_start(struct line *line, void (*echo)(void *, const uint8_t *, size_t), void *context) {
    memset(line, 0, sizeof(*line));
    line->echo = echo;
    line->context = context;
    line->settings = (struct line_settings){
        .input = ICRNL | IXON | IUTF8,
        .output = OPOST | ONLCR,
        .control = B38400 | CS8 | CREAD | HUPCL,
        .local = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    };
    memcpy(line->settings.key, KEYS, sizeof(KEYS));
}

static bool is_local(const struct line *line, uint32_t flag) {
    return (line->settings.local & flag) != 0;
}

bool line_canonical(const struct line *line) {
    return is_local(line, ICANON);
}

// Whether a byte is one of the keys; a key that is 0 is switched off.
static bool is_key(const struct line *line, uint8_t byte, unsigned key) {
    return byte != 0 && line->settings.key[key] == byte;
}

// ---- Output

static bool continues(uint8_t byte) { // a UTF-8 character that began before
    return (byte & 0xc0) == 0x80;
}

// The column after a byte was put on the screen.
static uint32_t column_after(const struct line *line, uint32_t column, uint8_t byte) {
    if (byte == '\t') return (column | 7) + 1;
    if (byte == '\r') return 0;
    if (byte == '\b') return column == 0 ? 0 : column - 1;
    if (byte < 32 || byte == 127) return column;
    return (line->settings.input & IUTF8) && continues(byte) ? column : column + 1;
}

// One byte of output, `to` has LINE_EXPANDED bytes of room. Returns how many it became.
static size_t put(struct line *line, uint8_t byte, uint8_t *to) {
    const uint32_t flags = line->settings.output;
    size_t made = 0;
    if (!(flags & OPOST)) {
        to[made++] = byte;
    } else if (byte == '\n') {
        if (flags & ONLCR) to[made++] = '\r';
        if (flags & (ONLCR | ONLRET)) line->column = 0;
        to[made++] = '\n';
        return made;
    } else if (byte == '\r') {
        if ((flags & ONOCR) && line->column == 0) return 0;
        to[made++] = flags & OCRNL ? '\n' : '\r';
    } else if (byte == '\t' && (flags & TABDLY) == TAB3) {
        const uint32_t next = column_after(line, line->column, '\t');
        while (made < next - line->column) to[made++] = ' ';
    } else
        to[made++] = byte;
    line->column = column_after(line, line->column, byte);
    return made;
}

size_t line_output(struct line *line, const uint8_t *from, size_t *length, uint8_t *to, size_t room) {
    size_t taken = 0, made = 0;
    while (taken < *length && room - made >= LINE_EXPANDED) made += put(line, from[taken++], to + made);
    *length = taken;
    return made;
}

// ---- Echo

static void echo_bytes(struct line *line, const char *bytes, size_t count) {
    uint8_t made[64];
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        if (sizeof(made) - length < LINE_EXPANDED) {
            line->echo(line->context, made, length);
            length = 0;
        }
        length += put(line, (uint8_t)bytes[i], made + length);
    }
    if (length != 0) line->echo(line->context, made, length);
}

static bool shows_caret(const struct line *line, uint8_t byte) {
    return is_local(line, ECHOCTL) && ((byte < 32 && byte != '\t' && byte != '\n') || byte == 127);
}

static void echo_byte(struct line *line, uint8_t byte) {
    const char caret[2] = {'^', (char)(byte ^ 64)};
    if (shows_caret(line, byte))
        echo_bytes(line, caret, 2);
    else
        echo_bytes(line, (const char *)&byte, 1);
}

static void echo_typed(struct line *line, uint8_t byte) {
    if (is_local(line, ECHO) || (byte == '\n' && is_local(line, ECHONL))) echo_byte(line, byte);
}

// ---- What can be read

static void add_ready(struct line *line, uint16_t entry) {
    if (line->count == LINE_MOST) return;
    line->ready[(line->head + line->count++) % LINE_MOST] = entry;
}

uint32_t line_room(const struct line *line) {
    return LINE_MOST - line->count - line->edit_count;
}

bool line_readable(const struct line *line) {
    return line->count != 0;
}

uint32_t line_count(const struct line *line) {
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < line->count; i++) bytes += !(line->ready[(line->head + i) % LINE_MOST] & LINE_END);
    return bytes;
}

size_t line_take(struct line *line, uint8_t *to, size_t room) {
    const bool canonical = line_canonical(line);
    size_t taken = 0;
    while (line->count != 0) {
        const uint16_t entry = line->ready[line->head];
        const bool is_end = (entry & LINE_END) != 0;
        if (taken == room && !(is_end && taken != 0 && canonical)) break;
        line->head = (line->head + 1) % LINE_MOST;
        line->count--;
        if (!is_end) to[taken++] = (uint8_t)entry;
        if (canonical && (entry & (LINE_LAST | LINE_END))) break;
    }
    return taken;
}

// ---- Editing a line

// Shows the edited line without its last bytes: `now` is what is left of the `before` bytes that were shown.
static void show_erased(struct line *line, uint32_t before, uint32_t now) {
    uint32_t column = line->edit_column, kept = line->edit_column;
    for (uint32_t i = 0; i < before; i++) {
        if (i == now) kept = column;
        column = shows_caret(line, line->edit[i]) ? column + 2 : column_after(line, column, line->edit[i]);
    }
    if (now == before) kept = column;
    for (; column > kept; column--) echo_bytes(line, "\b \b", 3);
}

static void erase_to(struct line *line, uint32_t now) {
    const uint32_t before = line->edit_count;
    if (is_local(line, ECHO) && is_local(line, ECHOE)) show_erased(line, before, now);
    line->edit_count = now;
}

static void erase_character(struct line *line) {
    uint32_t now = line->edit_count;
    if (now == 0) return;
    now--;
    if (line->settings.input & IUTF8)
        while (now > 0 && continues(line->edit[now])) now--;
    erase_to(line, now);
}

static void erase_word(struct line *line) {
    uint32_t now = line->edit_count;
    while (now > 0 && (line->edit[now - 1] == ' ' || line->edit[now - 1] == '\t')) now--;
    while (now > 0 && line->edit[now - 1] != ' ' && line->edit[now - 1] != '\t') now--;
    erase_to(line, now);
}

static void kill_line(struct line *line, uint8_t byte) {
    if (is_local(line, ECHOKE) && is_local(line, ECHOE)) {
        erase_to(line, 0);
        return;
    }
    line->edit_count = 0;
    echo_typed(line, byte);
    if (is_local(line, ECHOK)) echo_typed(line, '\n');
}

static void reprint(struct line *line, uint8_t byte) {
    echo_typed(line, byte);
    echo_typed(line, '\n');
    line->edit_column = line->column;
    for (uint32_t i = 0; i < line->edit_count; i++) echo_typed(line, line->edit[i]);
}

// The line is whole: it can be read. `mark`: of its last byte; or LINE_END, after which there is none.
static void finish_line(struct line *line, uint16_t mark) {
    for (uint32_t i = 0; i < line->edit_count; i++) {
        const bool is_last = i + 1 == line->edit_count && mark == LINE_LAST;
        add_ready(line, line->edit[i] | (is_last ? LINE_LAST : 0));
    }
    if (mark == LINE_END) add_ready(line, LINE_END);
    line->edit_count = 0;
}

static void add_edit(struct line *line, uint8_t byte) {
    // The last place is kept for the line's end.
    if (line_room(line) <= 1 && byte != '\n') return;
    if (line->edit_count == 0) line->edit_column = line->column;
    if (line->edit_count < LINE_MOST) line->edit[line->edit_count++] = byte;
    echo_typed(line, byte);
}

static void input_canonical(struct line *line, uint8_t byte) {
    const bool extended = is_local(line, IEXTEN);
    if (line->literal) {
        line->literal = false;
        add_edit(line, byte);
    } else if (is_key(line, byte, VERASE))
        erase_character(line);
    else if (extended && is_key(line, byte, VWERASE))
        erase_word(line);
    else if (is_key(line, byte, VKILL))
        kill_line(line, byte);
    else if (extended && is_key(line, byte, VREPRINT))
        reprint(line, byte);
    else if (extended && is_key(line, byte, VLNEXT)) {
        line->literal = true;
        if (is_local(line, ECHO)) echo_bytes(line, "^\b", 2);
    } else if (is_key(line, byte, VEOF))
        finish_line(line, LINE_END);
    else {
        add_edit(line, byte);
        if (byte == '\n' || is_key(line, byte, VEOL) || (extended && is_key(line, byte, VEOL2)))
            finish_line(line, LINE_LAST);
    }
}

// ---- Input

static int signal_of(const struct line *line, uint8_t byte) {
    if (!is_local(line, ISIG) || line->literal) return 0;
    return is_key(line, byte, VINTR)   ? SIGINT
           : is_key(line, byte, VQUIT) ? SIGQUIT
           : is_key(line, byte, VSUSP) ? SIGTSTP
                                       : 0;
}

int line_input(struct line *line, uint8_t byte) {
    const uint32_t flags = line->settings.input;
    if (flags & ISTRIP) byte &= 127;
    if ((flags & IXON) && !line->literal) {
        const bool starts = is_key(line, byte, VSTART), stops = is_key(line, byte, VSTOP);
        if (starts || stops) {
            line->stopped = stops;
            return 0;
        }
        if (flags & IXANY) line->stopped = false;
    }
    const int signal = signal_of(line, byte);
    if (signal != 0) {
        if (!is_local(line, NOFLSH)) line_flush(line);
        line->stopped = false;
        echo_typed(line, byte);
        return signal;
    }
    if (!line->literal && byte == '\r') {
        if (flags & IGNCR) return 0;
        if (flags & ICRNL) byte = '\n';
    } else if (!line->literal && byte == '\n' && (flags & INLCR))
        byte = '\r';
    if (line_canonical(line))
        input_canonical(line, byte);
    else {
        line->literal = false;
        add_ready(line, byte);
        echo_typed(line, byte);
    }
    return 0;
}

void line_flush(struct line *line) {
    line->head = line->count = line->edit_count = 0;
    line->literal = false;
}

void line_set(struct line *line, const struct line_settings *settings, bool flush) {
    const bool was_canonical = line_canonical(line);
    if (flush) line_flush(line);
    line->settings = *settings;
    if (was_canonical && !line_canonical(line)) finish_line(line, 0);
    if (!(settings->input & IXON)) line->stopped = false;
}
