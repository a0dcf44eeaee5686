// SPDX-License-Identifier: MIT
// Tables: places are given out, kept, freed, and in the end retired.
#include "tests/unit/binding_world.h"
#include "secure-bindings/place.h"

TestSuite(binding_table, .init = world_begin, .fini = world_end);

Test(binding_table, gives_each_place_but_0_once_and_then_is_full) {
    bool given[WORLD_SIZE] = {};
    for (uint32_t used = 1; used < WORLD_SIZE; used++) {
        uint64_t index = world_root().handle.raw & 0xffff;
        cr_assert(index >= 1 && index < WORLD_SIZE);
        cr_assert_not(given[index]);
        given[index] = true;
    }
    struct sb_made more = sb_root(&world_head, &world_table[0], EXO_KIND_FRAMES, 0, 1, EXO_READ, 0);
    cr_expect_eq(more.error, EXO_FULL);
    cr_expect_null(more.binding);
    cr_expect_eq(more.handle.raw, 0);
}

Test(binding_table, refuses_a_child_when_full_and_takes_one_after_a_drop) {
    struct sb_made root = world_root();
    struct sb_binding *child = nullptr;
    for (uint32_t used = 1; used < WORLD_SIZE; used++) child = world_child(root.binding, 1).binding;
    cr_expect_eq(sb_derive(root.binding, &world_table[1], 100, 1, EXO_READ).error, EXO_FULL);
    cr_expect_eq(sb_derive(root.binding, &world_table[2], 100, 1, EXO_READ).error, EXO_OK);
    world_drop(child);
    cr_expect_eq(sb_derive(root.binding, &world_table[1], 100, 1, EXO_READ).error, EXO_OK);
}

Test(binding_table, of_the_smallest_size_has_one_place) {
    static struct sb_binding places[2];
    struct sb_table table;
    sb_table_init(&table, places, 2, nullptr);
    for (unsigned round = 0; round < 5; round++) {
        struct sb_made made = sb_root(&world_head, &table, EXO_KIND_PE, 7, 1, EXO_READ, 9);
        cr_assert_eq(made.error, EXO_OK);
        cr_expect_eq(made.handle.raw, (2ull * round + 1) << 16 | 1);
        cr_expect_eq(sb_root(&world_head, &table, EXO_KIND_PE, 7, 1, EXO_READ, 9).error, EXO_FULL);
        cr_expect_null(sb_audit_table(&table));
        world_drop(made.binding);
    }
}

Test(binding_table, keeps_its_owner_and_finds_any_used_place) {
    int owner;
    sb_table_init(&world_table[1], world_places[1], WORLD_SIZE, &owner);
    cr_expect_eq(world_table[1].owner, &owner);
    uint32_t from = 1;
    cr_expect_null(sb_any(&world_table[1], &from));
    cr_expect_eq(from, WORLD_SIZE);
    from = 0;
    struct sb_made root = world_root();
    struct sb_binding *a = world_child(root.binding, 1).binding, *b = world_child(root.binding, 1).binding;
    cr_expect_eq(sb_any(&world_table[1], &from), a);
    sb_kill(a); // a dying one is not free yet
    cr_expect_eq(sb_any(&world_table[1], &from), a);
    cr_expect_eq(&world_places[1][from], a);
    sb_remove(a);
    cr_expect_eq(sb_any(&world_table[1], &from), b);
    cr_expect_eq(&world_places[1][from], b);
    world_drop(b);
    cr_expect_null(sb_any(&world_table[1], &from));
}

Test(binding_table, retires_a_place_whose_generations_are_used_up) {
    struct sb_made first = world_root();
    world_drop(first.binding);
    world_places[0][1].generation = SB_GENERATION_END - 4;
    world_table[0].search = 1;
    struct sb_made one = world_root();
    cr_assert_eq(one.handle.raw, (uint64_t)(SB_GENERATION_END - 4) << 16 | 1);
    world_drop(one.binding);
    world_table[0].search = 1;
    struct sb_made last = world_root();
    cr_assert_eq(last.handle.raw, (uint64_t)(SB_GENERATION_END - 2) << 16 | 1);
    world_drop(last.binding);
    world_table[0].search = 1;
    for (uint32_t used = 2; used < WORLD_SIZE; used++) cr_assert_neq(world_root().handle.raw & 0xffff, 1);
    cr_expect_eq(sb_root(&world_head, &world_table[0], EXO_KIND_FRAMES, 0, 1, EXO_READ, 0).error, EXO_FULL);
    // Nothing that was ever handed out for the place, nor what a wrapped counter would give, finds it.
    for (uint64_t generation = 0; generation < 4; generation++)
        cr_expect_eq(sb_find_any(&world_table[0], (exo_handle){generation << 16 | 1}).error, EXO_HANDLE);
    cr_expect_eq(sb_find_any(&world_table[0], last.handle).error, EXO_HANDLE);
    cr_expect_eq(sb_find_any(&world_table[0], (exo_handle){(uint64_t)SB_GENERATION_END << 16 | 1}).error, EXO_HANDLE);
}

Test(binding_table, leaves_nothing_of_a_binding_in_a_freed_place) {
    struct sb_made root = world_root();
    struct sb_made pe = sb_root(&world_head, &world_table[0], EXO_KIND_PE, 7, 1, EXO_ALL, 42);
    cr_assert_eq(pe.error, EXO_OK);
    world_drop(pe.binding);
    cr_expect_eq(pe.binding->kind, EXO_KIND_NONE);
    cr_expect_eq(pe.binding->first | pe.binding->count | pe.binding->tag | pe.binding->rights, 0);
    cr_expect_null(pe.binding->next);
    cr_expect_null(pe.binding->previous);
    cr_expect_not(pe.binding->dying);
    cr_expect_eq(sb_find_any(&world_table[0], root.handle).error, EXO_OK);
}
