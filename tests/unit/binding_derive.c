// SPDX-License-Identifier: MIT
// Derivation: a child never covers more or allows more than its source.
#include "tests/unit/binding_world.h"

TestSuite(binding_derive, .init = world_begin, .fini = world_end);

Test(binding_derive, makes_a_narrower_binding_in_the_target_table) {
    struct sb_made root = world_root();
    struct sb_made child = sb_derive(root.binding, &world_table[1], 120, 10, EXO_READ | EXO_WRITE);
    cr_assert_eq(child.error, EXO_OK);
    struct sb_found found = sb_find(&world_table[1], child.handle, EXO_KIND_FRAMES, EXO_READ | EXO_WRITE);
    cr_assert_eq(found.binding, child.binding);
    cr_expect_eq(child.binding->first, 120);
    cr_expect_eq(child.binding->count, 10);
    cr_expect_eq(child.binding->table, &world_table[1]);
    cr_expect_eq(sb_find(&world_table[1], child.handle, EXO_KIND_FRAMES, EXO_OWN).error, EXO_RIGHTS);
}

Test(binding_derive, never_adds_rights) {
    for (uint64_t has = 1; has <= EXO_ALL; has++) {
        struct sb_made root = sb_root(&world_head, &world_table[0], EXO_KIND_EXTENT, 0, 10, has, 0);
        for (uint64_t asked = 1; asked <= EXO_ALL; asked++) {
            struct sb_made child = sb_derive(root.binding, &world_table[1], 0, 10, asked);
            if (asked & ~has) {
                cr_expect_eq(child.error, EXO_RIGHTS);
                cr_expect_null(child.binding);
                continue;
            }
            cr_assert_eq(child.error, EXO_OK);
            cr_expect_eq(child.binding->rights, asked);
            world_drop(child.binding);
        }
        world_drop(root.binding);
    }
}

Test(binding_derive, refuses_no_rights_and_undefined_rights) {
    struct sb_made root = world_root();
    cr_expect_eq(sb_derive(root.binding, &world_table[0], 100, 1, 0).error, EXO_VALUE);
    for (unsigned bit = 5; bit < 64; bit++) {
        cr_expect_eq(sb_derive(root.binding, &world_table[0], 100, 1, 1ull << bit).error, EXO_VALUE);
        cr_expect_eq(sb_derive(root.binding, &world_table[0], 100, 1, 1ull << bit | EXO_READ).error, EXO_VALUE);
    }
}

Test(binding_derive, refuses_an_empty_range) {
    struct sb_made root = world_root();
    cr_expect_eq(sb_derive(root.binding, &world_table[0], 100, 0, EXO_READ).error, EXO_VALUE);
}

Test(binding_derive, refuses_ranges_that_leave_the_source_by_one_or_wrap) {
    struct sb_made root = world_root();
    static const struct {
        uint64_t first, count;
    } outside[] = {
        {99, 1},
        {99, 2},
        {99, 102},
        {100, 101},
        {101, 100},
        {200, 1},
        {199, 2},
        {0, 1},
        {0, UINT64_MAX},
        {100, UINT64_MAX},
        {150, UINT64_MAX},
        {UINT64_MAX, 1},
        {UINT64_MAX, 102},
        {UINT64_MAX, UINT64_MAX},
        {150, UINT64_MAX - 49},
        {199, UINT64_MAX - 98},
        {1ull << 63, 1ull << 63},
    };
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        cr_expect_eq(sb_derive(root.binding, &world_table[0], outside[i].first, outside[i].count, EXO_READ).error,
                     EXO_RANGE, "case %zu", i);
    static const struct {
        uint64_t first, count;
    } inside[] = {{100, 1}, {199, 1}, {100, 100}, {150, 50}, {101, 98}};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        cr_expect_eq(sb_derive(root.binding, &world_table[0], inside[i].first, inside[i].count, EXO_READ).error, EXO_OK,
                     "case %zu", i);
}

Test(binding_derive, works_at_the_very_end_of_the_number_range) {
    struct sb_made root = sb_root(&world_head, &world_table[0], EXO_KIND_EXTENT, UINT64_MAX - 9, 10, EXO_READ, 0);
    cr_expect_eq(sb_derive(root.binding, &world_table[0], UINT64_MAX, 1, EXO_READ).error, EXO_OK);
    cr_expect_eq(sb_derive(root.binding, &world_table[0], UINT64_MAX - 9, 10, EXO_READ).error, EXO_OK);
    cr_expect_eq(sb_derive(root.binding, &world_table[0], UINT64_MAX, 2, EXO_READ).error, EXO_RANGE);
    cr_expect_eq(sb_derive(root.binding, &world_table[0], 0, 1, EXO_READ).error, EXO_RANGE);
    struct sb_made all = sb_root(&world_head, &world_table[1], EXO_KIND_EXTENT, 0, UINT64_MAX, EXO_READ, 0);
    cr_expect_eq(sb_derive(all.binding, &world_table[1], UINT64_MAX - 1, 1, EXO_READ).error, EXO_OK);
    cr_expect_eq(sb_derive(all.binding, &world_table[1], UINT64_MAX, 1, EXO_READ).error, EXO_RANGE);
    cr_expect_eq(sb_derive(all.binding, &world_table[1], 1, UINT64_MAX, EXO_READ).error, EXO_RANGE);
}

Test(binding_derive, from_an_empty_root_gives_nothing) {
    struct sb_made root = sb_root(&world_head, &world_table[0], EXO_KIND_EXTENT, 0, 0, EXO_ALL, 0);
    cr_assert_eq(root.error, EXO_OK);
    cr_expect_eq(sb_derive(root.binding, &world_table[0], 0, 1, EXO_READ).error, EXO_RANGE);
    cr_expect_eq(sb_derive(root.binding, &world_table[0], 0, UINT64_MAX, EXO_READ).error, EXO_RANGE);
}

Test(binding_derive, checks_values_before_range_before_rights_before_room) {
    struct sb_made root = sb_root(&world_head, &world_table[0], EXO_KIND_EXTENT, 10, 10, EXO_READ, 0);
    for (uint32_t used = 1; used < WORLD_SIZE; used++) (void)world_child(root.binding, 1);
    cr_expect_eq(sb_derive(root.binding, &world_table[1], 0, 1, 1 << 5).error, EXO_VALUE);
    cr_expect_eq(sb_derive(root.binding, &world_table[1], 0, 1, EXO_WRITE).error, EXO_RANGE);
    cr_expect_eq(sb_derive(root.binding, &world_table[1], 10, 1, EXO_WRITE).error, EXO_RIGHTS);
    cr_expect_eq(sb_derive(root.binding, &world_table[1], 10, 1, EXO_READ).error, EXO_FULL);
}

Test(binding_derive, narrows_against_the_direct_source_and_not_the_root) {
    struct sb_made root = world_root();
    struct sb_made child = sb_derive(root.binding, &world_table[1], 120, 10, EXO_READ);
    cr_expect_eq(sb_derive(child.binding, &world_table[2], 100, 10, EXO_READ).error, EXO_RANGE);
    cr_expect_eq(sb_derive(child.binding, &world_table[2], 120, 11, EXO_READ).error, EXO_RANGE);
    cr_expect_eq(sb_derive(child.binding, &world_table[2], 120, 1, EXO_WRITE).error, EXO_RIGHTS);
    cr_expect_eq(sb_derive(child.binding, &world_table[2], 129, 1, EXO_READ).error, EXO_OK);
}

Test(binding_derive, keeps_kind_and_tag) {
    struct sb_made pe = sb_root(&world_head, &world_table[0], EXO_KIND_PE, 7, 1, EXO_ALL, 42);
    struct sb_made child = sb_derive(pe.binding, &world_table[1], 7, 1, EXO_EXECUTE);
    cr_assert_eq(child.error, EXO_OK);
    cr_expect_eq(child.binding->kind, EXO_KIND_PE);
    cr_expect_eq(child.binding->tag, 42);
}

Test(binding_derive, from_a_dying_binding_is_refused) {
    struct sb_made root = world_root();
    sb_kill(root.binding);
    cr_expect_eq(sb_derive(root.binding, &world_table[1], 100, 1, EXO_READ).error, EXO_HANDLE);
    cr_expect_null(sb_descendant(root.binding));
}

Test(binding_derive, stops_at_the_greatest_depth) {
    struct sb_made root = world_root();
    root.binding->depth = UINT16_MAX - 1; // as if it were that deep; the audit is not told
    struct sb_made last = world_child(root.binding, 1);
    cr_assert_eq(last.binding->depth, UINT16_MAX);
    cr_expect_eq(sb_derive(last.binding, &world_table[1], 100, 1, EXO_READ).error, EXO_FULL);
    cr_expect_eq(sb_derive(root.binding, &world_table[1], 100, 1, EXO_READ).error, EXO_OK);
    world_begin();
    memset(world_places, 0, sizeof world_places);
}

Test(binding_derive, covers_knows_the_edges) {
    struct sb_binding binding = {.first = 100, .count = 100};
    cr_expect(sb_covers(&binding, 100, 1));
    cr_expect(sb_covers(&binding, 199, 1));
    cr_expect(sb_covers(&binding, 100, 100));
    cr_expect_not(sb_covers(&binding, 100, 0));
    cr_expect_not(sb_covers(&binding, 99, 1));
    cr_expect_not(sb_covers(&binding, 200, 1));
    cr_expect_not(sb_covers(&binding, 199, 2));
    cr_expect_not(sb_covers(&binding, 150, UINT64_MAX - 20));
    cr_expect_not(sb_covers(&binding, UINT64_MAX, 150));
}
