// SPDX-License-Identifier: MIT
// The formatter of print and report, against what the C library makes of the same format.
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "libos/core/print.h"

#define SAME(...)                                                                                                      \
    do {                                                                                                               \
        char ours[256], theirs[256];                                                                                   \
        const size_t length = format_text(ours, sizeof(ours), __VA_ARGS__);                                            \
        const int expected = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                            \
        cr_expect_str_eq(ours, theirs);                                                                                \
        cr_expect_eq(length, (size_t)expected);                                                                        \
    } while (0)

Test(format, integers_of_each_length) {
    SAME("%d %i %u %x", -1, INT_MIN, UINT_MAX, 0xabcdef);
    SAME("%ld %lu %lx %lld %llu", LONG_MIN, ULONG_MAX, 0xfedcba9876543210ul, -5ll, 7ull);
    SAME("%zu %zx %jd", (size_t)1 << 40, (size_t)255, (intmax_t)-9);
    SAME("%d%%|%u", 0, 0u);
}

Test(format, width_zeros_and_sides) {
    SAME("[%5d][%-5d][%05d]", 42, 42, 42);
    SAME("[%05d][%4d][%1d]", -42, -12345, -1);
    SAME("[%016lx][%#lx][%#10x][%8s][%-8s]", 0xabcul, 0xabcul, 0x1fu, "right", "left");
}

Test(format, precision) {
    SAME("[%.3s][%.*s][%.0s]", "abcdef", 2, "xyz", "gone");
    SAME("[%.4d][%.0d][%.0d][%8.3d]", 7, 0, 5, 42);
    SAME("[%.*lu]", 0, 0ul);
}

Test(format, a_string_need_not_end_within_its_precision) {
    const char bytes[3] = {'a', 'b', 'c'};
    char text[8];
    format_text(text, sizeof(text), "%.3s", bytes);
    cr_expect_str_eq(text, "abc");
}

Test(format, characters_pointers_and_null) {
    SAME("%c%c", 'x', 0x41);
    char text[32];
    format_text(text, sizeof(text), "%p", (void *)0x1ff000);
    cr_expect_str_eq(text, "0x1ff000");
    const char *volatile none = nullptr;
    format_text(text, sizeof(text), "%s", none);
    cr_expect_str_eq(text, "(null)");
}

Test(format, what_does_not_fit_is_cut_and_counted) {
    char text[8];
    memset(text, '#', sizeof(text));
    cr_expect_eq(format_text(text, 5, "%s", "abcdefgh"), 8);
    cr_expect_str_eq(text, "abcd");
    cr_expect_eq(text[5], '#', "nothing is written behind the buffer");
    cr_expect_eq(format_text(nullptr, 0, "%d", 12345), 5);
}
