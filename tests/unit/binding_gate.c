// SPDX-License-Identifier: MIT
// Gates as bindings: children of another kind, with the word by which the kernel's short path knows them.
#include "tests/unit/binding_world.h"

TestSuite(binding_gate, .init = world_begin, .fini = world_end);

static struct sb_made pe(void) {
    return sb_root(&world_head, &world_table[0], EXO_KIND_PE, 50, 1, EXO_ALL, 9);
}

static struct sb_made gate(struct sb_binding *source, uint64_t rights) {
    return sb_gate(source, &world_table[1], 1000, 20, rights, 77);
}

Test(binding_gate, descends_from_a_pe_and_is_revoked_with_it) {
    struct sb_made root = pe(), made = gate(root.binding, EXO_EXECUTE | EXO_WRITE);
    cr_assert_eq(made.error, EXO_OK);
    cr_expect_eq(sb_descendant(root.binding), made.binding);
    cr_expect(made.binding->kind == EXO_KIND_GATE && made.binding->first == 1000 && made.binding->count == 20);
    cr_expect_eq(made.binding->tag, 77);
    cr_expect_null(sb_audit(&world_head));
    cr_expect(sb_kill_descendants(root.binding, 100));
    cr_expect_eq(sb_find_any(&world_table[1], made.handle).error, EXO_HANDLE);
}

Test(binding_gate, can_be_called_while_it_lives_and_has_the_right) {
    struct sb_made root = pe(), made = gate(root.binding, EXO_EXECUTE | EXO_WRITE);
    struct sb_made narrow = sb_derive(made.binding, &world_table[1], 1005, 1, EXO_EXECUTE);
    struct sb_made post = sb_derive(made.binding, &world_table[1], 1005, 1, EXO_WRITE);
    cr_expect_eq(made.binding->callable, ~(int32_t)(made.binding->generation / 2));
    cr_expect_eq(narrow.binding->callable, ~(int32_t)(narrow.binding->generation / 2));
    cr_expect_eq(narrow.binding->tag, 77);
    cr_expect_eq(post.binding->callable, 0);
    cr_expect_eq(root.binding->callable, 0);
    sb_kill(narrow.binding);
    cr_expect_eq(narrow.binding->callable, 0);
    cr_expect_null(sb_audit(&world_head));
}

Test(binding_gate, leaves_nothing_callable_in_its_place) {
    struct sb_made root = pe(), made = gate(root.binding, EXO_EXECUTE);
    struct sb_binding *place = made.binding;
    world_drop(place);
    cr_expect_eq(place->callable, 0);
    place->callable = 1;
    cr_expect_not_null(sb_audit_table(&world_table[1]));
    place->callable = 0;
}

Test(binding_gate, is_audited) {
    struct sb_made root = pe(), made = gate(root.binding, EXO_EXECUTE);
    struct sb_made child = sb_derive(made.binding, &world_table[1], 1005, 1, EXO_EXECUTE);
    made.binding->callable++;
    cr_expect_not_null(sb_audit(&world_head));
    made.binding->callable--;
    child.binding->tag++;
    cr_expect_not_null(sb_audit(&world_head));
    child.binding->tag--;
    root.binding->rights &= ~EXO_EXECUTE;
    cr_expect_not_null(sb_audit(&world_head));
    root.binding->rights |= EXO_EXECUTE;
    cr_expect_null(sb_audit(&world_head));
}
