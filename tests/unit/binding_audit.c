// SPDX-License-Identifier: MIT
// The audit itself: each kind of damage is seen. Without this, the other tests' audits could pass by blindness.
#include <criterion/criterion.h>
#include <string.h>
#include "secure-bindings/bindings.h"
#include "secure-bindings/place.h"

static struct sb_binding head, places[8];
static struct sb_table table;
static struct sb_binding *root, *child;

static void begin(void) {
    sb_list_init(&head);
    sb_table_init(&table, places, 8, nullptr);
    root = sb_root(&head, &table, EXO_KIND_FRAMES, 100, 100, EXO_READ | EXO_GRANT, 0).binding;
    child = sb_derive(root, &table, 110, 10, EXO_READ).binding;
    cr_assert_null(sb_audit(&head));
    cr_assert_null(sb_audit_table(&table));
}

TestSuite(binding_audit, .init = begin);

static void list_says(const char *sentence) {
    const char *said = sb_audit(&head);
    cr_expect_not_null(said);
    if (said) cr_expect_str_eq(said, sentence);
}

static void table_says(const char *sentence) {
    const char *said = sb_audit_table(&table);
    cr_expect_not_null(said);
    if (said) cr_expect_str_eq(said, sentence);
}

Test(binding_audit, sees_added_rights) {
    child->rights |= EXO_WRITE;
    list_says("a binding has rights that its source has not");
}

Test(binding_audit, sees_a_widened_range) {
    child->count = 91;
    list_says("a binding covers what its source does not");
    child->count = 10;
    child->first = 99;
    list_says("a binding covers what its source does not");
}

Test(binding_audit, sees_a_widened_range_behind_a_dying_source) {
    struct sb_binding *grandchild = sb_derive(child, &table, 110, 10, EXO_READ).binding;
    child->dying = true;
    child->count = 0; // the kernel shrinks it as it takes back
    cr_assert_null(sb_audit(&head));
    grandchild->first = 99;
    list_says("a binding covers what its source does not");
}

Test(binding_audit, sees_a_range_that_wraps) {
    root->first = UINT64_MAX - 5;
    list_says("a binding's range wraps");
}

Test(binding_audit, sees_a_changed_kind) {
    child->kind = EXO_KIND_EXTENT;
    list_says("a binding has another kind than its source");
    child->kind = EXO_KIND_GATE + 1;
    list_says("a binding has a kind that is not defined");
    child->kind = EXO_KIND_NONE;
    list_says("a binding has a kind that is not defined");
}

Test(binding_audit, sees_a_changed_tag) {
    root->kind = child->kind = EXO_KIND_PE;
    child->tag = 5;
    list_says("a binding has another tag than its source");
}

Test(binding_audit, sees_rights_that_are_not_defined) {
    child->rights = 0;
    list_says("a binding has rights that are not defined");
    root->rights = 32;
    list_says("a binding has rights that are not defined");
}

Test(binding_audit, sees_wrong_depths) {
    child->depth = 3;
    list_says("a live binding is an orphan");
    child->dying = true;
    cr_expect_null(sb_audit(&head));
    child->depth = 0;
    list_says("a binding has the depth of the head");
}

Test(binding_audit, sees_wrong_generations) {
    child->generation = 0;
    list_says("a generation is out of range");
    child->generation = 4;
    list_says("a generation is out of range");
    child->generation = SB_GENERATION_END;
    list_says("a generation is out of range");
}

Test(binding_audit, sees_broken_links) {
    child->previous = &head;
    list_says("the list's links disagree");
    child->previous = root;
    child->next = nullptr;
    list_says("the list's links disagree");
}

Test(binding_audit, sees_a_damaged_head) {
    head.depth = 1;
    list_says("the head is damaged");
}

Test(binding_audit, sees_a_binding_out_of_its_table) {
    child->table = nullptr;
    list_says("a linked binding stands in no table");
    child->table = &table;
    table.size = 2;
    list_says("a binding stands outside its table");
}

Test(binding_audit, sees_place_0_used) {
    places[0] = *root;
    table.bindings = places;
    head.next = places[0].next->previous = &places[0];
    list_says("place 0 of a table is used");
}

Test(binding_audit, sees_damaged_markers) {
    cr_assert_not(sb_kill_descendants(root, 0)); // the marker stands behind root, which is in place 1
    cr_assert_null(sb_audit(&head));
    cr_assert_null(sb_audit_table(&table));
    places[0].depth = 2;
    list_says("a marker is not deeper than every binding");
    places[0].depth = UINT16_MAX;
    places[0].first = 5;
    list_says("a marker is nobody's");
    places[0].first = 2;
    list_says("a marker stands outside the descendants of its binding");
    places[0].first = 1;
    cr_assert(sb_kill_descendants(root, 5));
    cr_expect_null(places[0].next); // it has come to its end
    cr_expect_not_null(sb_derive(root, &table, 110, 10, EXO_READ).binding);
    cr_assert_not(sb_kill_descendants(root, 1));
    places[0].previous->dying = false;
    list_says("a live binding stands before the marker of its source");
}

Test(binding_audit, sees_what_is_settled_and_is_not) {
    root->settled = true;
    list_says("a live binding descends from one that is settled");
    child->dying = true;
    cr_expect_null(sb_audit(&head));
    places[5].settled = true;
    table_says("a free place is not empty");
}

Test(binding_audit, sees_damaged_tables) {
    places[5].rights = EXO_READ;
    table_says("a free place is not empty");
    places[5].rights = 0;
    places[5].uses = 1;
    table_says("a free place is not empty");
    places[5].uses = 0;
    places[5].kind = EXO_KIND_FRAMES;
    table_says("a place of a table says it stands in another");
    places[5].table = &table;
    table_says("a used place is in no list");
    places[5].next = places[5].previous = root;
    table_says("a place's links disagree");
    places[5] = (struct sb_binding){};
    table.search = 0;
    table_says("a table's search starts outside it");
}
