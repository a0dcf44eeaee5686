// SPDX-License-Identifier: MIT
// Fuzz target: random operations on three tables of bindings, each step compared with a model that is too simple to be
// wrong (an array of nodes with parent numbers), and audited.
//
//   clang-19 -std=gnu2x -I. -fsanitize=fuzzer,address,undefined tests/fuzz/bindings.c secure-bindings/*.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "secure-bindings/bindings.h"

constexpr unsigned TABLES = 3, SIZE = 12, NODES = TABLES * SIZE, STALE = 64;

// What the model says of the binding in place `number % SIZE` of table `number / SIZE`.
struct node {
    bool used, dying;
    int parent; // -1: none
    unsigned depth;
    exo_handle handle;
    enum exo_kind kind;
    uint64_t first, count, rights, tag;
};

static struct sb_binding head, places[TABLES][SIZE];
static struct sb_table tables[TABLES];
static struct node model[NODES];
static struct {
    unsigned table;
    exo_handle handle;
} stale[STALE];
static unsigned stale_count;

static const uint8_t *input, *input_end;
static const char *doing;

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: after %s: %s\n", __FILE__, __LINE__, doing, #condition);                           \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static uint8_t byte(void) {
    return input < input_end ? *input++ : 0;
}

// Numbers near the edges are likelier than others.
static uint64_t number(void) {
    const uint8_t b = byte();
    switch (b >> 6) {
    case 0: return b & 63;
    case 1: return UINT64_MAX - (b & 63);
    case 2: return 1ull << (b & 63);
    default: return (1ull << (b & 63)) - 1;
    }
}

static struct sb_binding *place_of(unsigned node) {
    return &places[node / SIZE][node % SIZE];
}
static struct sb_table *table_of(unsigned node) {
    return &tables[node / SIZE];
}
static unsigned node_of(const struct sb_binding *binding) {
    return (unsigned)(binding - &places[0][0]);
}

static bool descends(int node, int from) {
    while ((node = model[node].parent) >= 0)
        if (node == from) return true;
    return false;
}

static unsigned descendants(int of) {
    unsigned count = 0;
    for (unsigned i = 0; i < NODES; i++) count += model[i].used && descends((int)i, of);
    return count;
}

// The node that a table's marker stands for, or -1.
static int begun(unsigned table) {
    return places[table][0].next ? (int)(table * SIZE + places[table][0].first) : -1;
}

static bool table_full(unsigned table) {
    for (unsigned i = table * SIZE + 1; i < (table + 1) * SIZE; i++)
        if (!model[i].used) return false;
    return true;
}

static bool node_is(unsigned i, bool dying) {
    return model[i].used && model[i].dying == dying;
}

// Some node of the wanted state, or NODES.
static unsigned pick(bool dying) {
    const unsigned start = byte() % NODES;
    for (unsigned i = 0; i < NODES; i++)
        if (node_is((start + i) % NODES, dying)) return (start + i) % NODES;
    return NODES;
}

static void model_add(struct sb_made made, int parent, unsigned table, struct node node) {
    const unsigned i = node_of(made.binding);
    EXPECT(i / SIZE == table && i % SIZE != 0 && !model[i].used);
    EXPECT((made.handle.raw & 0xffff) == i % SIZE);
    node.used = true;
    node.parent = parent;
    node.depth = parent < 0 ? 1 : model[parent].depth + 1;
    node.handle = made.handle;
    // Orphans of the source come to stand under the new binding.
    for (unsigned k = 0; k < NODES && parent >= 0; k++)
        if (model[k].used && model[k].parent == parent && model[k].depth > model[parent].depth + 1) {
            EXPECT(model[k].dying);
            model[k].parent = (int)i;
        }
    model[i] = node;
}

static void model_remove(unsigned i) {
    stale[stale_count % STALE].table = i / SIZE;
    stale[stale_count++ % STALE].handle = model[i].handle;
    for (unsigned k = 0; k < NODES; k++)
        if (model[k].used && model[k].parent == (int)i) model[k].parent = model[i].parent;
    model[i] = (struct node){};
}

static void do_root(void) {
    const unsigned table = byte() % TABLES;
    struct node node = {.kind = 1 + byte() % 5, .first = number(), .rights = 1 + byte() % EXO_ALL, .tag = byte()};
    node.count = number();
    if (node.count && node.first + (node.count - 1) < node.first) node.count = UINT64_MAX - node.first;
    const struct sb_made made =
        sb_root(&head, &tables[table], node.kind, node.first, node.count, node.rights, node.tag);
    EXPECT(made.error == (table_full(table) ? EXO_FULL : EXO_OK));
    if (made.error == EXO_OK) model_add(made, -1, table, node);
}

static bool inside(const struct node *node, uint64_t first, uint64_t count) {
    const unsigned __int128 end = (unsigned __int128)first + count;
    return first >= node->first && end <= (unsigned __int128)node->first + node->count;
}

static void do_derive(void) {
    const unsigned source = pick(byte() % 8 == 0), table = byte() % TABLES;
    if (source == NODES) return;
    const struct node *from = &model[source];
    const uint8_t how = byte();
    const uint64_t first = how & 1 ? number() : from->first + (how & 2 ? number() % 4 : 0);
    const uint64_t count = how & 4 ? number() : from->count - (how & 8 ? number() % 4 : 0);
    const uint64_t rights = how & 16 ? number() : from->rights & (how & 32 ? byte() : EXO_ALL);
    const struct sb_made made = sb_derive(place_of(source), &tables[table], first, count, rights);
    enum exo_error expected = EXO_OK;
    if (from->dying)
        expected = EXO_HANDLE;
    else if (rights == 0 || rights > EXO_ALL || count == 0)
        expected = EXO_VALUE;
    else if (!inside(from, first, count))
        expected = EXO_RANGE;
    else if (rights & ~from->rights)
        expected = EXO_RIGHTS;
    else if (begun(source / SIZE) == (int)source)
        expected = EXO_BUSY;
    else if (table_full(table))
        expected = EXO_FULL;
    EXPECT(made.error == expected);
    if (expected != EXO_OK) return;
    model_add(made, (int)source, table,
              (struct node){.kind = from->kind, .first = first, .count = count, .rights = rights, .tag = from->tag});
}

static void do_forge(void) {
    const unsigned table = byte() % TABLES;
    uint64_t raw = number() << 16 | byte() % (SIZE + 2);
    const unsigned near = pick(false);
    if (near != NODES && (raw & 1)) raw = model[near].handle.raw ^ 1ull << byte() % 64;
    const enum exo_kind kind = 1 + byte() % 6;
    const uint64_t rights = byte() % 2 ? number() : byte() % 32;
    const uint64_t index = raw & 0xffff;
    const struct node *node = index < SIZE ? &model[table * SIZE + index] : nullptr;
    enum exo_error expected = EXO_OK;
    if (!node || !node->used || node->dying || node->handle.raw != raw) expected = EXO_HANDLE;
    const enum exo_error any = expected;
    if (expected == EXO_OK && node->kind != kind) expected = EXO_KIND;
    if (expected == EXO_OK && (rights & ~node->rights)) expected = EXO_RIGHTS;
    EXPECT(sb_find(&tables[table], (exo_handle){raw}, kind, rights).error == expected);
    EXPECT(sb_find_any(&tables[table], (exo_handle){raw}).error == any);
    const bool dying = node && node->used && node->dying && node->handle.raw == raw;
    EXPECT((sb_find_dying(&tables[table], (exo_handle){raw}) != nullptr) == dying);
}

// Kills some or all descendants, and if all are dying, removes some or all of them; as the kernel's revoke does.
static bool revoke(unsigned of, uint32_t limit, unsigned removals) {
    const int other = begun(of / SIZE); // whose walk goes first
    unsigned live = 0, after = 0, others = 0;
    for (unsigned i = 0; i < NODES; i++) live += node_is(i, false) && descends((int)i, (int)of);
    const bool all = sb_kill_descendants(place_of(of), limit);
    for (unsigned i = 0; i < NODES; i++) {
        if (!model[i].used || (!descends((int)i, (int)of) && (other < 0 || !descends((int)i, other)))) continue;
        EXPECT(!model[i].dying || place_of(i)->dying);
        others += !model[i].dying && place_of(i)->dying && other >= 0 && descends((int)i, other);
        model[i].dying = place_of(i)->dying;
        after += !model[i].dying && descends((int)i, (int)of);
    }
    EXPECT(after <= live && live - after <= (uint64_t)limit + others && others <= 2 * (uint64_t)limit);
    EXPECT(!all || after == 0);
    for (; all && removals > 0; removals--) {
        struct sb_binding *next = sb_descendant(place_of(of));
        if (!next) return true;
        const unsigned i = node_of(next);
        EXPECT(model[i].parent == (int)of);
        sb_remove(next);
        model_remove(i);
    }
    return all && !sb_descendant(place_of(of));
}

static void do_revoke(void) {
    const unsigned of = pick(false);
    if (of == NODES) return;
    const uint32_t limit = 1 + byte() % 16;
    const unsigned removals = byte() % 16;
    if (byte() % 2) {
        revoke(of, limit, removals);
        return;
    }
    // To its end. Each step but the last looks at `limit` bindings and markers, none twice.
    for (unsigned steps = 1; !revoke(of, limit, removals + 1); steps++)
        EXPECT(steps <= 2 * (NODES + TABLES) / limit + NODES / (removals + 1) + 3);
}

static void do_drop(void) {
    const unsigned i = pick(byte() % 2);
    if (i == NODES || descendants((int)i) != 0) return;
    sb_kill(place_of(i));
    sb_remove(place_of(i));
    model_remove(i);
}

static void do_end_table(void) {
    struct sb_table *table = &tables[byte() % TABLES];
    struct sb_binding *each;
    uint32_t from = 1;
    while ((each = sb_any(table, &from))) {
        sb_kill(each);
        model[node_of(each)].dying = true;
        EXPECT(revoke(node_of(each), UINT32_MAX, NODES));
        const unsigned i = node_of(each);
        sb_remove(each);
        model_remove(i);
    }
}

static void compare(void) {
    unsigned used = 0, linked = 0;
    for (unsigned i = 0; i < NODES; i++) {
        const struct node *node = &model[i];
        const struct sb_binding *binding = place_of(i);
        used += node->used;
        EXPECT((binding->kind != EXO_KIND_NONE) == node->used);
        if (!node->used) continue;
        EXPECT(binding->kind == node->kind && binding->rights == node->rights && binding->tag == node->tag);
        EXPECT(binding->first == node->first && binding->count == node->count && binding->dying == node->dying);
        EXPECT(sb_handle(binding).raw == node->handle.raw);
        EXPECT(sb_find_any(table_of(i), node->handle).error == (node->dying ? EXO_HANDLE : EXO_OK));
        EXPECT(sb_find(table_of(i), node->handle, node->kind, node->rights).error
               == (node->dying ? EXO_HANDLE : EXO_OK));
        unsigned run = 0;
        for (const struct sb_binding *d = binding->next; d->depth > binding->depth; d = d->next) {
            if (d->kind == EXO_KIND_NONE) continue; // a marker
            EXPECT(descends((int)node_of(d), (int)i));
            run++;
        }
        EXPECT(run == descendants((int)i));
    }
    for (const struct sb_binding *each = head.next; each != &head; each = each->next)
        linked += each->kind != EXO_KIND_NONE;
    EXPECT(linked == used);
    for (unsigned i = 0; i < STALE && i < stale_count; i++)
        EXPECT(sb_find_any(&tables[stale[i].table], stale[i].handle).error == EXO_HANDLE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct {
        const char *name;
        void (*act)(void);
    } operations[] = {
        {"root", do_root},   {"derive", do_derive}, {"derive", do_derive}, {"derive", do_derive},
        {"forge", do_forge}, {"revoke", do_revoke}, {"drop", do_drop},     {"end of a table", do_end_table},
    };
    input = data;
    input_end = data + size;
    memset(places, 0, sizeof places);
    memset(model, 0, sizeof model);
    stale_count = 0;
    sb_list_init(&head);
    for (unsigned t = 0; t < TABLES; t++) sb_table_init(&tables[t], places[t], SIZE, nullptr);
    while (input < input_end) {
        const unsigned which = byte() % 32;
        const unsigned operation = which == 31 ? 7 : which % 7;
        doing = operations[operation].name;
        operations[operation].act();
        compare();
        const char *wrong = sb_audit(&head);
        for (unsigned t = 0; t < TABLES && !wrong; t++) wrong = sb_audit_table(&tables[t]);
        if (wrong) fprintf(stderr, "audit: %s\n", wrong);
        EXPECT(wrong == nullptr);
    }
    return 0;
}
