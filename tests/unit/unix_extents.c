// SPDX-License-Identifier: MIT
// Functions by .eh_frame: found in what compilers write, and nothing outside of the section is read whatever is in it.
#include "libos/unix/process/extents.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS = 0x1000 };

// A CIE with "zR", two of its FDEs; a CIE with "zPLR", one FDE; the end.
static const uint8_t section[] = {
    16, 0, 0, 0,    0,    0, 0, 0, 1,    'z',  'R',  0,    1,    0x78, 16, 1,    0x1b, 0, 0,    0, //
    16, 0, 0, 0,    24,   0, 0, 0, 0xe4, 0x0f, 0,    0,    0x20, 0,    0,  0,    0,    0, 0,    0, // at 20
    16, 0, 0, 0,    44,   0, 0, 0, 0xd0, 0xff, 0xff, 0xff, 7,    0,    0,  0,    0,    0, 0,    0, // at 40
    24, 0, 0, 0,    0,    0, 0, 0, 1,    'z',  'P',  'L',  'R',  0,    1,  0x78, 16,   7, 0x9b, 1,
    2,  3, 4, 0x1b, 0x03, 0, 0, 0,                                                                 // at 60
    16, 0, 0, 0,    32,   0, 0, 0, 0,    0,    0x40, 0,    9,    0,    0,  0,    0,    0, 0,    0, // at 88
    0,  0, 0, 0,
};

static unsigned count_of(const uint8_t *bytes, uint64_t count, struct extent *found) {
    unsigned number = 0;
    struct extent one;
    for (uint64_t at = 0; extent_next(bytes, count, ADDRESS, &at, &one); number++)
        if (found != nullptr) found[number] = one;
    return number;
}

Test(extents, functions_are_found_by_relative_and_by_absolute_addresses) {
    struct extent found[3] = {};
    cr_assert(count_of(section, sizeof section, found) == 3);
    cr_assert(found[0].first == ADDRESS + 28 + 0xfe4 && found[0].bytes == 0x20);
    cr_assert(found[1].first == ADDRESS + 48 - 48 && found[1].bytes == 7);
    cr_assert(found[2].first == 0x400000 && found[2].bytes == 9);
}

Test(extents, other_forms_are_passed_over) {
    uint8_t other[sizeof section];
    memcpy(other, section, sizeof section);
    other[16] = 0x00; // addresses of 8 bytes
    cr_assert(count_of(other, sizeof other, nullptr) == 1);
    other[9] = 'e'; // an augmentation from before
    cr_assert(count_of(other, sizeof other, nullptr) == 1);
}

// Copied to the end of a block of its own each time: the sanitizers see one byte too many.
Test(extents, a_section_that_is_cut_off_or_damaged_is_survived) {
    uint64_t seed = 1;
    for (unsigned round = 0; round < 20'000; round++) {
        const uint64_t bytes = round % (sizeof section + 1);
        uint8_t *copy = malloc(bytes + 1);
        memcpy(copy + 1, section, bytes);
        for (unsigned i = 0; i < 4 && bytes != 0; i++) {
            seed = seed * 6364136223846793005u + 1;
            if (round > sizeof section) copy[1 + (seed >> 33) % bytes] = (uint8_t)(seed >> 24);
        }
        cr_assert(count_of(copy + 1, bytes, nullptr) <= bytes / 8);
        free(copy);
    }
}
