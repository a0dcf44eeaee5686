// SPDX-License-Identifier: MIT
// Handles: only the one that was handed out works, and only as long as its binding lives.
#include <stdlib.h>
#include "tests/unit/binding_world.h"

TestSuite(binding_handle, .init = world_begin, .fini = world_end);

static enum exo_error found(exo_handle handle) {
    return sb_find(&world_table[0], handle, EXO_KIND_FRAMES, EXO_READ).error;
}

Test(binding_handle, finds_the_binding_it_was_made_with) {
    struct sb_made root = world_root();
    struct sb_found found = sb_find(&world_table[0], root.handle, EXO_KIND_FRAMES, EXO_ALL);
    cr_assert_eq(found.error, EXO_OK);
    cr_assert_eq(found.binding, root.binding);
    cr_assert_eq(sb_find_any(&world_table[0], root.handle).binding, root.binding);
    cr_assert_eq(sb_handle(root.binding).raw, root.handle.raw);
}

Test(binding_handle, of_a_new_table_is_generation_1_from_index_1_on) {
    for (uint64_t index = 1; index < WORLD_SIZE; index++) cr_expect_eq(world_root().handle.raw, 1 << 16 | index);
}

Test(binding_handle, with_any_one_bit_flipped_finds_nothing) {
    for (uint32_t used = 0; used < 4; used++) {
        struct sb_made root = world_root();
        for (unsigned bit = 0; bit < 64; bit++) {
            exo_handle forged = {root.handle.raw ^ 1ull << bit};
            struct sb_found found = sb_find_any(&world_table[0], forged);
            // A flip in the index can name a neighbour, which is the caller's own as well; never anything else.
            if (found.error == EXO_OK)
                cr_expect_eq(sb_handle(found.binding).raw, forged.raw);
            else
                cr_expect_eq(found.error, EXO_HANDLE, "bit %u", bit);
            cr_expect_neq(found.binding, root.binding, "bit %u", bit);
            cr_expect_neq(sb_find(&world_table[0], forged, EXO_KIND_FRAMES, 0).binding, root.binding, "bit %u", bit);
        }
    }
}

Test(binding_handle, of_index_0_is_refused) {
    for (uint32_t used = 1; used < WORLD_SIZE; used++) (void)world_root();
    for (uint64_t generation = 0; generation < 3; generation++)
        cr_expect_eq(found((exo_handle){generation << 16}), EXO_HANDLE);
}

Test(binding_handle, past_the_table_is_refused_without_a_look) {
    // On the heap, so that the sanitizer sees any look past the end.
    struct sb_binding *places = calloc(WORLD_SIZE, sizeof *places);
    struct sb_table table;
    sb_table_init(&table, places, WORLD_SIZE, nullptr);
    for (uint64_t index = WORLD_SIZE; index <= 0xffff; index++) {
        for (uint64_t generation = 0; generation < 2; generation++) {
            const exo_handle handle = {generation << 16 | index};
            cr_assert_eq(sb_find(&table, handle, EXO_KIND_FRAMES, 0).error, EXO_HANDLE);
            cr_assert_eq(sb_find_any(&table, handle).error, EXO_HANDLE);
            cr_assert_null(sb_find_dying(&table, handle));
        }
    }
    free(places);
}

Test(binding_handle, of_a_place_never_used_is_refused) {
    for (uint64_t generation = 0; generation < 3; generation++) {
        cr_expect_eq(found((exo_handle){generation << 16 | 3}), EXO_HANDLE);
        cr_expect_eq(sb_find_any(&world_table[0], (exo_handle){generation << 16 | 3}).error, EXO_HANDLE);
    }
}

Test(binding_handle, is_good_in_no_other_table) {
    struct sb_made root = world_root();
    cr_expect_eq(sb_find(&world_table[1], root.handle, EXO_KIND_FRAMES, EXO_READ).error, EXO_HANDLE);
    cr_expect_eq(sb_find_any(&world_table[1], root.handle).error, EXO_HANDLE);
}

Test(binding_handle, of_another_kind_is_refused_whatever_the_rights) {
    struct sb_made root = world_root();
    for (enum exo_kind kind = EXO_KIND_EXTENT; kind <= EXO_KIND_PE; kind++) {
        cr_expect_eq(sb_find(&world_table[0], root.handle, kind, EXO_READ).error, EXO_KIND);
        cr_expect_eq(sb_find(&world_table[0], root.handle, kind, ~0ull).error, EXO_KIND);
        cr_expect_null(sb_find(&world_table[0], root.handle, kind, EXO_READ).binding);
    }
}

Test(binding_handle, carries_exactly_the_rights_of_its_binding) {
    for (uint64_t rights = 1; rights <= EXO_ALL; rights++) {
        struct sb_made root = sb_root(&world_head, &world_table[0], EXO_KIND_EXTENT, 0, 1, rights, 0);
        cr_assert_eq(root.error, EXO_OK);
        for (uint64_t asked = 0; asked <= EXO_ALL; asked++) {
            enum exo_error expected = asked & ~rights ? EXO_RIGHTS : EXO_OK;
            cr_expect_eq(sb_find(&world_table[0], root.handle, EXO_KIND_EXTENT, asked).error, expected);
        }
        world_drop(root.binding);
    }
}

Test(binding_handle, asking_for_undefined_rights_is_refused) {
    struct sb_made root = world_root();
    for (unsigned bit = 5; bit < 64; bit++)
        cr_expect_eq(sb_find(&world_table[0], root.handle, EXO_KIND_FRAMES, 1ull << bit).error, EXO_RIGHTS);
}

Test(binding_handle, of_a_killed_binding_finds_nothing_at_once) {
    struct sb_made root = world_root();
    sb_kill(root.binding);
    cr_expect_eq(found(root.handle), EXO_HANDLE);
    cr_expect_null(sb_find(&world_table[0], root.handle, EXO_KIND_FRAMES, 0).binding);
    cr_expect_eq(sb_find_any(&world_table[0], root.handle).error, EXO_HANDLE);
    sb_remove(root.binding);
    cr_expect_eq(found(root.handle), EXO_HANDLE);
}

Test(binding_handle, of_a_dying_binding_is_known_to_the_kernel_alone) {
    struct sb_made root = world_root(), other = world_root();
    cr_expect_null(sb_find_dying(&world_table[0], root.handle));
    sb_kill(root.binding);
    cr_expect_eq(sb_find_dying(&world_table[0], root.handle), root.binding);
    cr_expect_null(sb_find_dying(&world_table[0], other.handle));
    cr_expect_null(sb_find_dying(&world_table[1], root.handle));
    for (unsigned bit = 16; bit < 64; bit++)
        cr_expect_null(sb_find_dying(&world_table[0], (exo_handle){root.handle.raw ^ 1ull << bit}));
    sb_remove(root.binding);
    cr_expect_null(sb_find_dying(&world_table[0], root.handle));
    struct sb_binding *again = nullptr;
    while (again != root.binding) again = world_root().binding;
    sb_kill(again);
    cr_expect_null(sb_find_dying(&world_table[0], root.handle)); // a later use of the place
    sb_remove(again);
}

Test(binding_handle, stays_stale_when_its_place_is_used_again) {
    exo_handle old[100];
    for (unsigned use = 0; use < 100; use++) {
        struct sb_made root = world_root();
        old[use] = root.handle;
        for (unsigned earlier = 0; earlier < use; earlier++) cr_assert_eq(found(old[earlier]), EXO_HANDLE);
        cr_assert_eq(found(root.handle), EXO_OK);
        world_drop(root.binding);
    }
    cr_expect_eq(old[99].raw & 0xffff, old[99 - (WORLD_SIZE - 1)].raw & 0xffff); // places were reused
}

Test(binding_handle, of_the_largest_table_reaches_every_place) {
    static struct sb_binding places[65536];
    struct sb_table table;
    sb_table_init(&table, places, 65536, nullptr);
    for (uint64_t index = 1; index < 65536; index++) {
        struct sb_made made = sb_root(&world_head, &table, EXO_KIND_DEVICE, EXO_CONSOLE, 1, EXO_READ, 0);
        cr_assert_eq(made.handle.raw, 1 << 16 | index);
    }
    cr_expect_eq(sb_root(&world_head, &table, EXO_KIND_DEVICE, EXO_CONSOLE, 1, EXO_READ, 0).error, EXO_FULL);
    cr_expect_eq(sb_find_any(&table, (exo_handle){1 << 16 | 65535}).binding, &places[65535]);
    sb_list_init(&world_head); // the places go with this function
}
