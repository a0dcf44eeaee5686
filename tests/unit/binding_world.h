// SPDX-License-Identifier: MIT
// What the binding tests share: a derivation list and three small tables, audited at the end of every test.
#pragma once
#include <criterion/criterion.h>
#include "secure-bindings/bindings.h"

constexpr uint32_t WORLD_TABLES = 3;
constexpr uint32_t WORLD_SIZE = 8; // places of each table; 7 can be used

static struct sb_binding world_head;
static struct sb_binding world_places[WORLD_TABLES][WORLD_SIZE];
static struct sb_table world_table[WORLD_TABLES];

static void world_begin(void) {
    sb_list_init(&world_head);
    for (uint32_t t = 0; t < WORLD_TABLES; t++) sb_table_init(&world_table[t], world_places[t], WORLD_SIZE, nullptr);
}

static void world_end(void) {
    cr_expect_null(sb_audit(&world_head), "%s", sb_audit(&world_head));
    for (uint32_t t = 0; t < WORLD_TABLES; t++)
        cr_expect_null(sb_audit_table(&world_table[t]), "%s", sb_audit_table(&world_table[t]));
}

// A root over frames 100 … 199 with all rights, in table 0.
static inline struct sb_made world_root(void) {
    struct sb_made made = sb_root(&world_head, &world_table[0], EXO_KIND_FRAMES, 100, 100, EXO_ALL, 0);
    cr_assert_eq(made.error, EXO_OK);
    return made;
}

// A child that must succeed.
static inline struct sb_made world_child(struct sb_binding *source, uint32_t table) {
    struct sb_made made = sb_derive(source, &world_table[table], source->first, source->count, source->rights);
    cr_assert_eq(made.error, EXO_OK);
    return made;
}

static inline void world_drop(struct sb_binding *binding) {
    sb_kill(binding);
    sb_remove(binding);
}
