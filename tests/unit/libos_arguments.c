// SPDX-License-Identifier: MIT
// A PE's argument words.
#include <criterion/criterion.h>
#include <string.h>
#include "libos/core/arguments.h"

static struct arguments arguments;
static char text[4096];

static bool split(const char *words) {
    strcpy(text, words);
    return arguments_split(&arguments, text);
}

Test(arguments, words_before_the_dashes_are_the_library_oss) {
    cr_assert(split("job=3 app=replay policy=clock1 -- trace=loop.txt pages=9"));
    cr_expect_eq(arguments.words, 3);
    cr_expect_str_eq(arguments_find(&arguments, "policy"), "clock1");
    cr_expect_null(arguments_find(&arguments, "trace"));
    cr_expect_eq(arguments.argc, 3);
    cr_expect_str_eq(arguments.argv[0], "replay");
    cr_expect_str_eq(arguments.argv[1], "trace=loop.txt");
    cr_expect_str_eq(arguments.argv[2], "pages=9");
    cr_expect_null(arguments.argv[3]);
}

Test(arguments, a_second_pair_of_dashes_is_the_applications) {
    cr_assert(split("-- a -- b"));
    cr_assert_eq(arguments.argc, 4);
    cr_expect_str_eq(arguments.argv[2], "--");
}

Test(arguments, spaces_of_any_number_separate) {
    cr_assert(split("  a=1   b=2  "));
    cr_expect_eq(arguments.words, 2);
    cr_expect_str_eq(arguments_find(&arguments, "b"), "2");
}

Test(arguments, no_words_are_no_error) {
    cr_assert(split(""));
    cr_expect_eq(arguments.words, 0);
    cr_expect_eq(arguments.argc, 1);
    cr_expect_str_eq(arguments.argv[0], "program");
}

Test(arguments, a_name_matches_whole_or_not_at_all) {
    cr_assert(split("frames_left=1 frames=2 empty= bare"));
    cr_expect_str_eq(arguments_find(&arguments, "frames"), "2");
    cr_expect_str_eq(arguments_find(&arguments, "empty"), "");
    cr_expect_null(arguments_find(&arguments, "bare"));
    cr_expect_null(arguments_find(&arguments, "frame"));
}

Test(arguments, too_many_words_are_said_and_dropped) {
    text[0] = '\0';
    for (unsigned i = 0; i <= ARGUMENT_WORDS; i++) strcat(text, "a ");
    cr_expect_not(arguments_split(&arguments, text));
    cr_expect_eq(arguments.words, ARGUMENT_WORDS);

    strcpy(text, "-- ");
    for (unsigned i = 0; i < ARGUMENT_WORDS; i++) strcat(text, "a ");
    cr_expect_not(arguments_split(&arguments, text));
    cr_expect_eq(arguments.argc, (int)ARGUMENT_WORDS);
    cr_expect_null(arguments.argv[ARGUMENT_WORDS]);
}

Test(arguments, numbers_are_decimal_or_hexadecimal) {
    uint64_t number;
    cr_expect(arguments_number("0", &number) && number == 0);
    cr_expect(arguments_number("1100", &number) && number == 1100);
    cr_expect(arguments_number("0x1fE000", &number) && number == 0x1fe000);
    cr_expect(arguments_number("18446744073709551615", &number) && number == UINT64_MAX);
}

Test(arguments, what_is_no_number_is_refused) {
    const char *const wrong[] = {
        "", "x", "1x", "-1", "+1", " 1", "1 ", "0x", "0xg", "1a", "18446744073709551616", "0x10000000000000000"};
    uint64_t number;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        cr_expect_not(arguments_number(wrong[i], &number), "\"%s\" is no number", wrong[i]);
}
