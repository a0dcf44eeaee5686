// SPDX-License-Identifier: MIT
// The line discipline: what is typed, what a program reads, what is shown.
#include "libos/unix/files/line.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

static struct line line;
static char shown[65536];
static size_t shown_count;

static void echo(void *, const uint8_t *bytes, size_t count) {
    memcpy(shown + shown_count, bytes, count);
    shown_count += count;
    shown[shown_count] = '\0';
}

static void begin(void) {
    shown_count = 0;
    shown[0] = '\0';
    line_start(&line, echo, nullptr);
}

TestSuite(line, .init = begin);

static int type(const char *text) {
    int signal = 0;
    for (; *text != '\0'; text++) {
        const int one = line_input(&line, (uint8_t)*text);
        if (one != 0) signal = one;
    }
    return signal;
}

static void reads(const char *text) {
    char taken[LINE_MOST + 1];
    taken[line_take(&line, (uint8_t *)taken, LINE_MOST)] = '\0';
    cr_expect_str_eq(taken, text);
}

static void shows(const char *text) {
    cr_expect_str_eq(shown, text);
    shown_count = 0;
    shown[0] = '\0';
}

static void set(uint32_t local_off, uint32_t input_off) {
    struct line_settings settings = line.settings;
    settings.local &= ~local_off;
    settings.input &= ~input_off;
    line_set(&line, &settings, false);
}

Test(line, is_read_when_it_is_whole) {
    type("hello");
    cr_expect(!line_readable(&line));
    type("\r");
    cr_expect(line_readable(&line));
    cr_expect_eq(line_count(&line), 6);
    reads("hello\n");
    shows("hello\r\n");
    cr_expect(!line_readable(&line));
}

Test(line, is_read_one_at_a_time_and_in_parts) {
    uint8_t bytes[8];
    type("one\ntwo\n");
    cr_expect_eq(line_take(&line, bytes, 2), 2);
    reads("e\n");
    reads("two\n");
}

Test(line, can_be_edited) {
    type("helo\x7flo\n");
    reads("hello\n");
    shows("helo\b \blo\r\n");
    type("\x7f\x7fx\n");
    reads("x\n");
    shows("x\r\n");
    type("one two \x17three\n"); // word erase
    reads("one three\n");
    shows("one two \b \b\b \b\b \b\b \bthree\r\n");
    type("wrong\x15right\n"); // kill
    reads("right\n");
    shows("wrong\b \b\b \b\b \b\b \b\b \bright\r\n");
    type("a\x12z\n"); // reprint
    reads("az\n");
    shows("a^R\r\naz\r\n");
}

Test(line, control_characters_are_shown_and_erased_as_two) {
    type("\x16\x03z\n"); // literal next
    reads("\x03z\n");
    shows("^\b^Cz\r\n");
    type("\x01\x7fq\n");
    reads("q\n");
    shows("^A\b \b\b \bq\r\n");
}

Test(line, characters_of_several_bytes_are_erased_whole) {
    type("a\xc3\xa4\x7f" "b\n");
    reads("ab\n");
    shows("a\xc3\xa4\b \bb\r\n");
}

Test(line, a_tab_is_erased_to_where_it_began) {
    type("ab\t\x7f\n");
    reads("ab\n");
    shows("ab\t\b \b\b \b\b \b\b \b\b \b\b \b\r\n");
}

Test(line, end_of_file_is_nothing_at_its_beginning_and_a_push_in_its_middle) {
    type("\x04");
    cr_expect(line_readable(&line));
    reads("");
    cr_expect(!line_readable(&line));
    type("half\x04");
    reads("half");
    cr_expect(!line_readable(&line), "the end was used up");
    shows("half");
    type("x\x04\x04");
    uint8_t byte;
    cr_expect_eq(line_take(&line, &byte, 1), 1);
    reads("");
}

Test(line, keys_are_signals_and_drop_what_was_typed) {
    type("lost");
    cr_expect_eq(type("\x03"), SIGINT);
    shows("lost^C");
    type("kept\n");
    reads("kept\n");
    cr_expect_eq(type("\x1c"), SIGQUIT);
    cr_expect_eq(type("\x1a"), SIGTSTP);
    set(ISIG, 0);
    cr_expect_eq(type("\x03\n"), 0);
    reads("\x03\n");
}

Test(line, output_stops_and_starts) {
    type("\x13");
    cr_expect(line.stopped);
    type("\x11");
    cr_expect(!line.stopped);
    type("\x13");
    type("\x03");
    cr_expect(!line.stopped, "a signal lets output go on");
    shows("^C");
    set(0, IXON);
    type("\x13\n");
    reads("\x13\n");
}

Test(line, raw_bytes_come_as_they_are_typed) {
    set(ICANON | ECHO | ISIG | IEXTEN, ICRNL | IXON);
    type("\r\x03\x7f\x04\x13");
    cr_expect_eq(line_count(&line), 5);
    reads("\r\x03\x7f\x04\x13");
    shows("");
}

Test(line, what_was_typed_is_kept_when_lines_end) {
    type("half");
    set(ICANON, 0);
    cr_expect(line_readable(&line));
    reads("half");
    type("more");
    struct line_settings settings = line.settings;
    line_set(&line, &settings, true);
    cr_expect(!line_readable(&line), "flushed");
}

Test(line, input_bytes_are_translated_as_the_settings_say) {
    line.settings.input = INLCR | IGNCR;
    line.settings.local &= ~(uint32_t)ICANON;
    type("a\rb\n");
    reads("ab\r");
    line.settings.input = ISTRIP;
    type("\xe1");
    reads("a");
}

Test(line, a_line_has_its_limit_and_still_ends) {
    for (unsigned i = 0; i < 5000; i++) type("x");
    type("\n");
    uint8_t bytes[LINE_MOST];
    cr_expect_eq(line_take(&line, bytes, LINE_MOST), LINE_MOST);
    cr_expect_eq(bytes[LINE_MOST - 1], '\n');
    cr_expect_eq(bytes[LINE_MOST - 2], 'x');
}

static void puts_as(const char *text, const char *made) {
    uint8_t to[256];
    size_t length = strlen(text);
    const size_t count = line_output(&line, (const uint8_t *)text, &length, to, sizeof(to));
    cr_expect_eq(length, strlen(text));
    cr_expect_eq(count, strlen(made));
    cr_expect_arr_eq(to, made, count);
}

Test(line, output_is_translated_as_the_settings_say) {
    puts_as("a\nb\rc\n", "a\r\nb\rc\r\n");
    line.settings.output = OPOST | OCRNL;
    puts_as("a\r\n", "a\n\n");
    line.settings.output = OPOST | ONLCR | ONOCR;
    puts_as("\n\ra\r", "\r\na\r");
    line.settings.output = OPOST | TAB3;
    line.column = 0;
    puts_as("\tab\tc", "        ab      c");
    line.settings.output = ONLCR;
    puts_as("\n\t", "\n\t");
}

Test(line, output_takes_what_fits) {
    uint8_t to[LINE_EXPANDED + 3];
    size_t length = 100;
    uint8_t text[100];
    memset(text, '\n', sizeof(text));
    const size_t made = line_output(&line, text, &length, to, sizeof(to));
    cr_expect_leq(made, sizeof(to));
    cr_expect_eq(made, 2 * length);
    cr_expect_gt(length, 0);
}

// Whatever is typed: nothing is written outside of its place, and what can be read is no more than what was typed.
Test(line, a_million_random_bytes_do_no_harm) {
    uint64_t state = 7;
    uint64_t typed = 0, read = 0;
    for (unsigned i = 0; i < 1'000'000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const unsigned what = (unsigned)(state >> 40) % 1000;
        shown_count = 0;
        if (what < 990) {
            typed++;
            (void)line_input(&line, what < 300 ? (uint8_t)(what % 32) : (uint8_t)(state >> 50));
        } else if (what < 996) {
            uint8_t bytes[100];
            read += line_take(&line, bytes, what % sizeof(bytes));
        } else {
            struct line_settings settings = line.settings;
            settings.local = (uint32_t)(state >> 33) & 0xffff;
            settings.input = (uint32_t)(state >> 21) & 0x7fff;
            line_set(&line, &settings, what == 999);
        }
        cr_assert_leq(read + line_count(&line), typed);
        cr_assert_leq(line.count + 0u, LINE_MOST);
        cr_assert_leq(line.edit_count + 0u, LINE_MOST);
    }
}
