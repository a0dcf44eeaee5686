// SPDX-License-Identifier: MIT
// The arithmetic of the table window, and putting harvests together.
#include <criterion/criterion.h>
#include <string.h>
#include "libos/core/harvest.h"
#include "libos/core/map.h"
#include "libos/core/space.h"

static exo_vaddr at(uint64_t raw) {
    return (exo_vaddr){raw};
}

Test(space, the_window_has_one_word_for_every_page) {
    cr_expect_eq(space_window(at(MAP_BASE)), MAP_WINDOW);
    cr_expect_eq(space_window(at(MAP_BASE + 0x1000)), MAP_WINDOW + 8);
    cr_expect_eq(space_window(at(MAP_END - EXO_PAGE_SIZE)), MAP_IMAGE - 8);
    for (uint64_t page = MAP_BASE; page < MAP_END; page += 0x1f'f000)
        cr_expect_eq(space_window(at(page)) % EXO_PAGE_SIZE / 8, exo_table_index(at(page), 1));
}

Test(space, the_window_shows_the_table_that_maps_it) {
    // The window page of table t is entry t of the table that maps the window: found in that table's own window page.
    const uint64_t own = space_window(at(MAP_WINDOW)) & ~(EXO_PAGE_SIZE - 1);
    for (uint64_t table = 0; table < MAP_TABLES; table++) {
        const exo_vaddr page = at(MAP_BASE + table * MAP_TABLE_SPAN + 5 * EXO_PAGE_SIZE);
        cr_expect_eq(space_window_table(page), own + table * 8);
        cr_expect_eq(space_window_table(page), space_window(at(space_window(page) & ~(EXO_PAGE_SIZE - 1))));
    }
}

// ---- harvests ----

static bool bit(const uint64_t *words, uint64_t i) {
    return words[i / 64] >> i % 64 & 1;
}

Test(harvest, parts_keep_their_places_at_every_offset) {
    static const uint64_t splits[] = {0, 1, 63, 64, 65, 127, 128, 200, 300, 448, 511};
    for (unsigned s = 0; s < sizeof(splits) / sizeof(splits[0]); s++) {
        struct exo_harvest whole = {}, low = {}, high = {};
        bool accessed[512], dirty[512];
        for (uint64_t i = 0; i < 512; i++) {
            accessed[i] = i * 7 % 5 < 2;
            dirty[i] = i * 11 % 7 < 3;
            struct exo_harvest *part = i < splits[s] ? &low : &high;
            const uint64_t place = i < splits[s] ? i : i - splits[s];
            part->accessed[place / 64] |= (uint64_t)accessed[i] << place % 64;
            part->dirty[place / 64] |= (uint64_t)dirty[i] << place % 64;
        }
        harvest_merge(&whole, &low, 0, splits[s]);
        harvest_merge(&whole, &high, splits[s], 512 - splits[s]);
        for (uint64_t i = 0; i < 512; i++) {
            cr_expect_eq(bit(whole.accessed, i), accessed[i], "split %lu, bit %lu", splits[s], i);
            cr_expect_eq(bit(whole.dirty, i), dirty[i], "split %lu, bit %lu", splits[s], i);
        }
    }
}

Test(harvest, bits_behind_a_part_do_not_count) {
    struct exo_harvest whole = {}, part;
    memset(&part, 0xff, sizeof(part));
    harvest_merge(&whole, &part, 70, 3);
    cr_expect_eq(whole.accessed[0], 0);
    cr_expect_eq(whole.accessed[1], 7ull << 6);
    cr_expect_eq(whole.accessed[2], 0);
}
