// SPDX-License-Identifier: MIT
// Call sites of Linux programs that may be rewritten: found behind instructions that are known, and nowhere else.
#include "libos/unix/process/sites.h"
#include <criterion/criterion.h>

#define MOVE_SYSCALL 0xb8, 39, 0, 0, 0, 0x0f, 0x05
#define CODE(...)                                                                                                      \
    static const uint8_t code[] = {__VA_ARGS__};                                                                       \
    uint64_t at = 0;                                                                                                   \
    struct site site = {}

Test(sites, one_is_found_at_a_functions_beginning_and_behind_known_instructions) {
    CODE(MOVE_SYSCALL, 0x49, 0x89, 0xca, 0x75, 0x02, 0x83, 0x7c, 0x24, 0x08, 0x00, MOVE_SYSCALL, 0xc3);
    cr_assert(site_next(code, sizeof code, &at, &site) && site.at == 0 && site.number == 39);
    cr_assert(site_next(code, sizeof code, &at, &site) && site.at == 17);
    cr_assert(!site_next(code, sizeof code, &at, &site));
}

Test(sites, bytes_inside_of_an_instruction_are_none) {
    CODE(0x41, MOVE_SYSCALL,                      // mov $39, %r8d
         0xc7, 0x45, MOVE_SYSCALL,                // movl $39, -72(%rbp)
         0x48, 0xb8, 1, 2, 3, MOVE_SYSCALL, 0, 0, // movabs: an immediate of 8 bytes, and nonsense
         0x90);
    cr_assert(!site_next(code, sizeof code, &at, &site));
}

Test(sites, nothing_is_found_behind_a_jump_a_call_a_return_or_what_is_unknown) {
    static const uint8_t ends[][5] = {{0xeb, 0},          {0xe9}, {0xe8}, {0xc3}, {0xff, 0xe0},
                                      {0xc5, 0xf8, 0x77}, {0xcc}, {0xf4}};
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        uint8_t code[12] = {0};
        for (unsigned j = 0; j < 5; j++) code[j] = ends[i][j];
        static const uint8_t behind[] = {MOVE_SYSCALL};
        for (unsigned j = 0; j < 7; j++) code[5 + j] = behind[j];
        uint64_t at = 0;
        struct site site;
        cr_assert(!site_next(code, sizeof code, &at, &site), "end %u", i);
    }
}

Test(sites, nothing_is_found_at_or_behind_exit_and_sigreturn) {
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t number = (const uint8_t[]){60, 231, 15}[i];
        const uint8_t code[] = {0xb8, number, 0, 0, 0, 0x0f, 0x05, MOVE_SYSCALL};
        uint64_t at = 0;
        struct site site;
        cr_assert(!site_next(code, sizeof code, &at, &site));
    }
}

Test(sites, the_instruction_lies_whole_in_the_function) {
    CODE(MOVE_SYSCALL);
    cr_assert(!site_next(code, sizeof code - 1, &at, &site));
}
