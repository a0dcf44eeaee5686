// SPDX-License-Identifier: MIT
// Revocation: descendants are exactly the deeper run behind a binding, and all of them end.
#include "tests/unit/binding_world.h"

TestSuite(binding_revoke, .init = world_begin, .fini = world_end);

// a ─ b ─ c, d   and   a ─ e ─ f; g is another root. Spread over all three tables.
static struct sb_binding *a, *b, *c, *d, *e, *f, *g;

static void forest(void) {
    g = world_root().binding;
    a = world_root().binding;
    e = world_child(a, 2).binding;
    f = world_child(e, 0).binding;
    b = world_child(a, 1).binding;
    d = world_child(b, 0).binding;
    c = world_child(b, 2).binding;
}

static unsigned descendants(const struct sb_binding *binding) {
    unsigned count = 0;
    for (struct sb_binding *each = binding->next; each->depth > binding->depth; each = each->next)
        count += each->kind != EXO_KIND_NONE; // not markers
    return count;
}

Test(binding_revoke, descendants_are_the_run_of_deeper_bindings) {
    forest();
    cr_expect_eq(descendants(a), 5);
    cr_expect_eq(descendants(b), 2);
    cr_expect_eq(descendants(e), 1);
    cr_expect_eq(descendants(c) + descendants(d) + descendants(f) + descendants(g), 0);
    cr_expect_eq(sb_descendant(a), b);
    cr_expect_eq(sb_descendant(b), c);
    cr_expect_eq(sb_descendant(e), f);
    cr_expect_null(sb_descendant(c));
    cr_expect_null(sb_descendant(f));
    cr_expect_null(sb_descendant(g));
}

Test(binding_revoke, a_new_child_has_no_descendants_and_takes_none_over) {
    forest();
    struct sb_binding *n = world_child(a, 1).binding;
    cr_expect_null(sb_descendant(n));
    cr_expect_eq(sb_descendant(a), n);
    cr_expect_eq(descendants(a), 6);
    cr_expect_eq(descendants(b), 2);
}

Test(binding_revoke, a_new_root_has_no_descendants_and_is_nobodys) {
    forest();
    struct sb_binding *root = world_root().binding;
    cr_expect_null(sb_descendant(root));
    cr_expect_eq(descendants(a), 5);
    cr_expect_eq(root->depth, 1);
}

Test(binding_revoke, kills_all_descendants_and_nothing_else) {
    forest();
    cr_expect(sb_kill_descendants(b, 100));
    cr_expect(c->dying && d->dying);
    cr_expect_not(a->dying || b->dying || e->dying || f->dying || g->dying);
    cr_expect_eq(sb_find_any(c->table, sb_handle(c)).error, EXO_HANDLE);
    cr_expect_eq(sb_find_any(b->table, sb_handle(b)).error, EXO_OK);
    cr_expect(sb_kill_descendants(a, 100));
    cr_expect(b->dying && e->dying && f->dying);
    cr_expect_not(a->dying || g->dying);
}

Test(binding_revoke, kills_at_most_the_limit_and_says_whether_it_is_through) {
    forest();
    cr_expect_not(sb_kill_descendants(a, 0));
    cr_expect_not(b->dying || c->dying || d->dying || e->dying || f->dying);
    cr_expect_not(sb_kill_descendants(a, 2));
    cr_expect(b->dying && c->dying);
    cr_expect_not(d->dying || e->dying || f->dying);
    cr_expect_not(sb_kill_descendants(a, 2)); // it does not look at the two that are dying again
    cr_expect(sb_kill_descendants(a, 1));
    cr_expect(b->dying && c->dying && d->dying && e->dying && f->dying);
    cr_expect(sb_kill_descendants(a, 0));
    cr_expect(sb_kill_descendants(g, 0));
}

Test(binding_revoke, a_live_child_of_a_dying_binding_is_found_by_the_next_call) {
    forest();
    cr_expect_not(sb_kill_descendants(a, 1));         // b
    struct sb_binding *n = world_child(d, 1).binding; // d lives still
    cr_expect(sb_kill_descendants(a, 100));
    cr_expect(n->dying);
    cr_expect_eq(descendants(a), 6);
}

Test(binding_revoke, removing_front_to_back_keeps_the_rest_as_descendants) {
    forest();
    cr_assert(sb_kill_descendants(a, 100));
    for (unsigned left = 5; left > 0; left--) {
        cr_assert_eq(descendants(a), left);
        cr_assert_null(sb_audit(&world_head), "%s", sb_audit(&world_head));
        sb_remove(sb_descendant(a));
    }
    cr_expect_null(sb_descendant(a));
    cr_expect_eq(a->next, g);
    cr_expect_eq(sb_find_any(a->table, sb_handle(a)).error, EXO_OK);
}

Test(binding_revoke, a_binding_made_while_orphans_are_left_outlasts_them_unharmed) {
    forest();
    cr_assert(sb_kill_descendants(b, 100));
    cr_assert(sb_kill_descendants(a, 100));
    sb_remove(b); // c and d are orphans now
    struct sb_binding *n = world_child(a, 1).binding;
    cr_assert_null(sb_audit(&world_head), "%s", sb_audit(&world_head));
    cr_expect_not(sb_kill_descendants(n, 1)); // c and d, which are dying already, are looked at once
    cr_expect(sb_kill_descendants(n, 1));
    cr_expect_not(n->dying);
    while (sb_descendant(n)) sb_remove(sb_descendant(n));
    cr_assert_null(sb_audit(&world_head), "%s", sb_audit(&world_head));
    cr_expect_eq(sb_find_any(n->table, sb_handle(n)).error, EXO_OK);
    cr_expect_eq(descendants(a), 3); // n, e, f
}

Test(binding_revoke, dropping_a_leaf_leaves_its_relatives_alone) {
    forest();
    exo_handle handle = sb_handle(c);
    world_drop(c);
    cr_expect_eq(sb_find_any(&world_table[2], handle).error, EXO_HANDLE);
    cr_expect_eq(descendants(a), 4);
    cr_expect_eq(sb_descendant(b), d);
    world_drop(g);
    cr_expect_eq(descendants(a), 4);
}

Test(binding_revoke, ending_a_table_ends_what_was_derived_from_it_elsewhere) {
    forest();
    // As a PE's end does it: table 1 holds b alone, whose children stand in tables 0 and 2.
    struct sb_binding *each;
    uint32_t from = 1;
    while ((each = sb_any(&world_table[1], &from))) {
        sb_kill(each);
        cr_assert(sb_kill_descendants(each, 100));
        while (sb_descendant(each)) sb_remove(sb_descendant(each));
        sb_remove(each);
    }
    cr_expect_eq(descendants(a), 2);
    cr_expect_eq(c->kind, EXO_KIND_NONE);
    cr_expect_eq(d->kind, EXO_KIND_NONE);
    cr_expect_eq(sb_find_any(f->table, sb_handle(f)).error, EXO_OK);
}

Test(binding_revoke, looks_at_no_more_than_the_limit_in_a_step_dying_ones_included) {
    forest();
    while (!sb_kill_descendants(a, 1)) continue;
    world_child(a, 1); // the walk begins anew, over five that are dying and one that is not
    unsigned calls = 1;
    while (!sb_kill_descendants(a, 1)) calls++;
    cr_expect_eq(calls, 6);
    cr_assert_null(sb_audit(&world_head), "%s", sb_audit(&world_head));
}

Test(binding_revoke, nothing_is_derived_from_a_binding_in_the_middle) {
    forest();
    cr_expect_not(sb_kill_descendants(a, 2));
    cr_expect_eq(sb_derive(a, &world_table[2], a->first, 1, EXO_READ).error, EXO_BUSY);
    cr_expect_eq(sb_gate(a, &world_table[2], 0, 1, EXO_EXECUTE, 0).error, EXO_BUSY);
    cr_expect_eq(world_child(g, 2).error, EXO_OK);
    cr_expect(sb_kill_descendants(a, 3)); // it goes on where it stopped
    struct sb_binding *n = world_child(a, 2).binding;
    cr_expect_not(n->dying);
    cr_assert_null(sb_audit(&world_head), "%s", sb_audit(&world_head));
    cr_expect(sb_kill_descendants(a, 100));
    cr_expect(n->dying);
}

// Whoever alternates two of a table's comes to the end of both, and keeps nobody else from it.
Test(binding_revoke, of_another_of_the_same_table_waits_for_the_first_one) {
    forest();
    struct sb_binding *under_g = world_child(g, 1).binding;
    cr_expect_not(sb_kill_descendants(a, 2));
    cr_expect_not(sb_kill_descendants(g, 2));
    cr_expect_not(under_g->dying);
    cr_assert_null(sb_audit(&world_head), "%s", sb_audit(&world_head));
    cr_expect(sb_kill_descendants(g, 2));
    cr_expect(under_g->dying && f->dying);
    cr_expect(sb_kill_descendants(a, 0));
}

Test(binding_revoke, within_another_one_hides_nobody_from_it) {
    forest();
    cr_expect_not(sb_kill_descendants(b, 1)); // c dies; b's marker stands behind it
    cr_expect_not(sb_kill_descendants(a, 2)); // b and c; it takes b's marker out
    cr_expect(b->dying && c->dying && !d->dying);
    cr_expect_eq(sb_descendant(c), nullptr);
    cr_assert_null(sb_audit(&world_head), "%s", sb_audit(&world_head));
    cr_expect(sb_kill_descendants(a, 3));
    cr_expect(d->dying && e->dying && f->dying);
    for (unsigned left = 5; left > 0; left--) sb_remove(sb_descendant(a));
    cr_expect_null(sb_descendant(a));
}

Test(binding_revoke, leaves_nothing_of_a_table_that_ends_in_the_middle) {
    forest();
    cr_expect_not(sb_kill_descendants(b, 1));
    sb_kill(b);
    cr_expect(sb_kill_descendants(b, 100));
    while (sb_descendant(b)) sb_remove(sb_descendant(b));
    sb_remove(b);
    cr_expect_null(world_places[1][0].next); // no marker of b's any more
    cr_assert_null(sb_audit(&world_head), "%s", sb_audit(&world_head));
}

Test(binding_revoke, of_a_long_chain_is_bounded_per_step) {
    static struct sb_binding places[4096];
    static struct sb_table table;
    sb_table_init(&table, places, 4096, nullptr);
    struct sb_binding *root = world_root().binding, *each = root;
    for (unsigned depth = 1; depth < 4096; depth++) {
        struct sb_made made = sb_derive(each, &table, 100, 100, EXO_ALL);
        cr_assert_eq(made.error, EXO_OK);
        cr_assert_eq(made.binding->depth, depth + 1);
        each = made.binding;
    }
    unsigned calls = 1;
    while (!sb_kill_descendants(root, 64)) calls++;
    cr_expect_eq(calls, 64);
    unsigned removed = 0;
    for (; sb_descendant(root); removed++) sb_remove(sb_descendant(root));
    cr_expect_eq(removed, 4095);
    cr_expect_null(sb_any(&table, &(uint32_t){1}));
    cr_expect_null(sb_audit_table(&table));
}
