// SPDX-License-Identifier: MIT
// System calls of Linux programs that may be rewritten: found behind instructions that are known, and nowhere else.
#include "libos/unix/process/sites.h"
#include <criterion/criterion.h>

#define MOVE_SYSCALL 0xb8, 39, 0, 0, 0, 0x0f, 0x05
#define CODE(...)                                                                                                      \
    static const uint8_t code[] = {__VA_ARGS__};                                                                       \
    uint8_t reached[sizeof code];                                                                                      \
    sites_reach(code, sizeof code, reached);                                                                           \
    uint64_t at = 0;                                                                                                   \
    struct site site = {}

Test(sites, one_is_found_at_a_functions_beginning_and_behind_known_instructions) {
    CODE(MOVE_SYSCALL, 0x49, 0x89, 0xca, 0x75, 0x02, 0x83, 0x7c, 0x24, 0x08, 0x00, MOVE_SYSCALL, 0xc3);
    cr_assert(site_next(code, sizeof code, reached, &at, &site));
    cr_assert(site.rewritable && site.moves && site.instruction == 5);
    cr_assert(site_next(code, sizeof code, reached, &at, &site) && site.rewritable && site.instruction == 22);
    cr_assert(!site_next(code, sizeof code, reached, &at, &site));
}

Test(sites, bytes_inside_of_an_instruction_are_no_mov) {
    CODE(0x41, MOVE_SYSCALL,                      // mov $39, %r8d
         0xc7, 0x45, MOVE_SYSCALL,                // movl $39, -72(%rbp)
         0x48, 0xb8, 1, 2, 3, MOVE_SYSCALL, 0, 0, // movabs: an immediate of 8 bytes, then syscall
         0x90);
    unsigned count = 0;
    for (; site_next(code, sizeof code, reached, &at, &site); count++) cr_assert(!site.moves);
    cr_assert(count == 3);
}

static unsigned sites_in(const uint8_t *code, uint64_t bytes) {
    uint8_t reached[64];
    sites_reach(code, bytes, reached);
    struct site site;
    unsigned count = 0;
    for (uint64_t at = 0; site_next(code, bytes, reached, &at, &site);) count += site.rewritable;
    return count;
}

// Twelve bytes: an end of at most five, and a site.
static unsigned sites_behind(const uint8_t end[5]) {
    const uint8_t code[] = {end[0], end[1], end[2], end[3], end[4], MOVE_SYSCALL};
    return sites_in(code, sizeof code);
}

Test(sites, nothing_is_found_behind_a_jump_elsewhere_a_return_or_what_is_unknown) {
    static const uint8_t ends[][5] = {{0xeb, 0x20},       {0xe9, 0, 1}, {0xc3}, {0xff, 0xe0},
                                      {0xc5, 0xf8, 0x77}, {0xcc},       {0xf4}, {0x0f, 0x0b}};
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) cr_assert(sites_behind(ends[i]) == 0, "end %u", i);
}

Test(sites, one_is_found_behind_a_call_and_where_a_jump_leads) {
    cr_assert(sites_behind((const uint8_t[5]){0xe8, 1, 2, 3, 4}) == 1);
    cr_assert(sites_behind((const uint8_t[5]){0xe9, 0, 0, 0, 0}) == 1);
    cr_assert(sites_behind((const uint8_t[5]){0xeb, 3, 0xff, 0xff, 0xff}) == 1);
    // 0: jump to 10; 2: the site; 9: return; 10: jump back to 2
    const uint8_t back[] = {0xeb, 8, MOVE_SYSCALL, 0xc3, 0xeb, 0xf6};
    cr_assert(sites_in(back, sizeof back) == 1);
}

Test(sites, a_mov_beside_one_counts_only_if_nothing_begins_inside_of_it) {
    {
        CODE(0xbf, 1, 0, 0, 0, 0x0f, 0x05); // to any register
        cr_assert(site_next(code, sizeof code, reached, &at, &site) && site.moves);
    }
    { // 0: a conditional jump into the inside of the mov, which is instructions (90) there
        CODE(0x74, 1, 0xb8, 0x90, 0x90, 0x90, 0x90, 0x0f, 0x05);
        cr_assert(site_next(code, sizeof code, reached, &at, &site) && site.rewritable && !site.moves);
    }
    { // behind it comes another instruction; and a mov of eight bytes ends as one of five does
        CODE(0xb8, 39, 0, 0, 0, 0x89, 0xf7, 0x0f, 0x05, 0x48, 0xb8, 1, 2, 3, 0xb8, 1, 2, 3, 4, 0x0f, 0x05);
        while (site_next(code, sizeof code, reached, &at, &site)) cr_assert(site.rewritable && !site.moves);
        cr_assert(reached[19] != 0);
    }
}

Test(sites, the_return_from_a_handler_is_left) {
    {
        CODE(0xb8, 15, 0, 0, 0, 0x0f, 0x05);
        cr_assert(site_next(code, sizeof code, reached, &at, &site) && !site.rewritable);
    }
    {
        CODE(0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05);
        cr_assert(site_next(code, sizeof code, reached, &at, &site) && !site.rewritable);
    }
}

Test(sites, nothing_is_found_behind_exit_and_the_return_from_a_handler) {
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t number = (const uint8_t[]){60, 231, 15}[i];
        const uint8_t code[] = {0xb8, number, 0, 0, 0, 0x0f, 0x05, MOVE_SYSCALL};
        cr_assert(sites_in(code, sizeof code) == (number != 15));
    }
}

Test(sites, the_instruction_lies_whole_in_the_function) {
    const uint8_t code[] = {MOVE_SYSCALL};
    cr_assert(sites_in(code, sizeof code - 1) == 0 && sites_in(code, sizeof code) == 1);
}

// Whatever the bytes are, what is found lies inside of them.
Test(sites, bytes_at_random_are_survived) {
    uint64_t seed = 1;
    for (unsigned round = 0; round < 20'000; round++) {
        uint8_t code[64];
        for (unsigned i = 0; i < sizeof code; i++) code[i] = (uint8_t)((seed = seed * 6364136223846793005u + 1) >> 56);
        const uint64_t bytes = round % (sizeof code + 1);
        cr_assert(sites_in(&code[sizeof code - bytes], bytes) <= bytes / SITE_BYTES);
    }
}
