// SPDX-License-Identifier: MIT
// Gaps between functions and inside of them, where jumps may be put: found where nothing is reached, and nowhere else.
#include "libos/unix/process/gaps.h"
#include "libos/unix/process/sites.h"
#include <criterion/criterion.h>

#define NOP5 0x0f, 0x1f, 0x44, 0x00, 0x00
#define NOP9 0x66, 0x0f, 0x1f, 0x84, 0x00, 0, 0, 0, 0
#define CODE(...)                                                                                                      \
    static const uint8_t code[] = {__VA_ARGS__};                                                                       \
    uint8_t reached[sizeof code];                                                                                      \
    sites_reach(code, sizeof code, reached)

Test(gaps, functions_are_put_in_order_and_the_longest_of_a_place_is_kept) {
    struct function list[200];
    unsigned count = 0;
    for (unsigned i = 0; i < 100; i++) {
        list[count++] = (struct function){.first = i * 37 % 100 * 16, .bytes = 0};
        list[count++] = (struct function){.first = i * 71 % 100 * 16, .bytes = 9};
    }
    count = functions_order(list, count);
    cr_assert(count == 100);
    for (unsigned i = 0; i < count; i++) cr_assert(list[i].first == 16 * i && list[i].bytes == 9 && !list[i].covered);
    cr_assert(functions_order(list, 0) == 0);
}

Test(gaps, a_gap_ends_where_the_next_begins_and_belongs_to_nobody) {
    struct function list[] = {{.first = 0, .bytes = 10},  {.first = 16, .bytes = 64}, {.first = 32, .bytes = 10},
                              {.first = 96, .bytes = 20}, {.first = 112, .bytes = 4}, {.first = 128, .bytes = 0},
                              {.first = 144, .bytes = 8}};
    constexpr unsigned COUNT = sizeof list / sizeof list[0];
    cr_assert(functions_order(list, COUNT) == COUNT);
    static const uint64_t gaps[COUNT] = {6,  0, 0, 0,
                                         12, 0, 0}; // inside of another, overlapping, of no length, the last
    for (unsigned i = 0; i < COUNT; i++) cr_assert(gap_behind(list, COUNT, i) == gaps[i], "function %u", i);
}

Test(gaps, a_function_of_unknown_length_ends_where_the_next_begins_and_a_label_has_none) {
    struct function list[] = {
        {.first = 0x100}, {.first = 0, .entered = true}, {.first = 0x40}, {.first = 0x140, .entered = true}};
    cr_assert(functions_order(list, 4) == 4);
    cr_assert(list[0].bytes == 0x40 && list[1].bytes == 0 && list[2].bytes == 0 && list[3].bytes == 0);
    cr_assert(gap_behind(list, 4, 0) == 0);
}

static bool ends(const uint8_t *code, uint64_t bytes, bool function_end) {
    uint8_t reached[16];
    sites_reach(code, bytes, reached);
    return gap_is_closed(code, bytes, reached, function_end);
}

Test(gaps, code_is_closed_by_what_goes_elsewhere) {
    static const uint8_t closed[][6] = {{0x90, 0xc3}, {0x90, 0xcc},       {0x90, 0xf4}, {0x0f, 0x0b},
                                        {0xeb, 0x10}, {0xe9, 0, 0, 1, 0}, {0xf3, 0xc3}, {0xff, 0xe0}};
    static const uint8_t bytes[] = {2, 2, 2, 2, 2, 5, 2, 2};
    for (unsigned i = 0; i < sizeof bytes; i++) cr_assert(ends(closed[i], bytes[i], false), "end %u", i);
    cr_assert(!ends((const uint8_t[]){0x90, 0x90}, 2, true));             // goes on
    cr_assert(!ends((const uint8_t[]){0x74, 0x10}, 2, true));             // may go on
    cr_assert(!ends((const uint8_t[]){0x83, 0xc0, 0xc3}, 3, true));       // its last byte is another's
    cr_assert(!ends((const uint8_t[]){0xc3, 0xc3}, 2, true));             // the last one is not reached
    cr_assert(!ends((const uint8_t[]){0xc5, 0xf8, 0x77, 0xc3}, 4, true)); // behind what is unknown
    cr_assert(ends((const uint8_t[]){0xe8, 1, 2, 3, 4}, 5, true));        // a call that does not return
    cr_assert(!ends((const uint8_t[]){0xe8, 1, 2, 3, 4}, 5, false));      // one that may
}

Test(gaps, only_what_does_nothing_fills_up) {
    static const uint8_t filler[] = {0xcc, 0x90, NOP5, 0x66, 0x90, NOP9, 0x66, 0x66, 0x2e, NOP9};
    cr_assert(gap_is_filler(filler, sizeof filler));
    cr_assert(!gap_is_filler(filler, sizeof filler - 1)); // cut
    cr_assert(!gap_is_filler((const uint8_t[]){0x90, 0, 0}, 3));
    cr_assert(!gap_is_filler((const uint8_t[]){0x90, 0xc3}, 2));
    cr_assert(!gap_is_filler((const uint8_t[]){0x0f, 0x1f, 0x05, 0, 0, 0, 0}, 7)); // an address that fillers don't have
}

Test(gaps, one_inside_lies_between_a_jump_and_what_is_reached) {
    {
        CODE(0x74, 6, 0xc3, NOP5, 0xc3); // jz to the last
        cr_assert(gap_inside(code, sizeof code, reached, 0, 9) == 3
                  && gap_inside(code, sizeof code, reached, 3, 9) == sizeof code);
    }
    {
        CODE(0x74, 1, 0xc3, NOP5, 0xc3); // a jump leads to the filler
        cr_assert(gap_inside(code, sizeof code, reached, 0, sizeof code) == sizeof code);
    }
    {
        CODE(0xc3, NOP5, 0xc3); // nothing is known of what is behind
        cr_assert(gap_inside(code, sizeof code, reached, 0, sizeof code) == sizeof code);
    }
    {
        CODE(0x74, 6, 0x90, NOP5, 0xc3); // code leads through it
        cr_assert(gap_inside(code, sizeof code, reached, 0, sizeof code) == sizeof code);
    }
    {
        CODE(0x74, 5, 0xc3, 0x90, 0x90, 0x90, 0x90, 0xc3); // too small
        cr_assert(gap_inside(code, sizeof code, reached, 0, sizeof code) == sizeof code);
    }
}
