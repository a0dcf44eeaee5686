// SPDX-License-Identifier: MIT
// See supply.h. A table's frame never changes its type, so tables stay tables for ever; but what belongs to them in the
// heap, a hundred times as much as a note of a table, goes back there when many are free.
#include "libos/unix/memory/supply.h"
#include "libos/core/heap.h"

constexpr uint32_t LEAVES_OWED = 4; // a stack, data, and what else is written to first
constexpr uint32_t MARGIN = 4;      // of each that a fork leaves over, for processes that grow
constexpr uint32_t PAGES_OWED = 4;  // what a new process and its parent write to before anything else
constexpr uint32_t KEPT = 64;       // of each that are free and not owed

struct leaf **leaves; // by number
static uint32_t leaf_count, leaf_most;
static struct leaf *free_leaves;
static struct node *free_nodes;
static struct supply {
    uint32_t free; // in the list
    uint32_t owed;
} leaf_supply, node_supply;

static struct spare {
    struct spare *next;
    struct table table;
    uint32_t number;
} *spares[4]; // by level

bool supply_start(uint32_t leaves_most) {
    leaves = machine_memory(leaves_most * sizeof *leaves);
    leaf_most = leaves_most;
    leaf_count = 0;
    free_leaves = nullptr;
    free_nodes = nullptr;
    leaf_supply = node_supply = (struct supply){};
    for (unsigned level = 0; level < 4; level++) spares[level] = nullptr;
    return leaves != nullptr;
}

// ---- tables

bool table_take(unsigned level, struct table *table, uint32_t *number) {
    struct spare *spare = spares[level];
    if (spare != nullptr) {
        *table = spare->table;
        if (number != nullptr) *number = spare->number;
        spares[level] = spare->next;
        heap_release(spare);
        return true;
    }
    if (number != nullptr && leaf_count == leaf_most) return false;
    if (!machine_table(level, table)) return false;
    if (number != nullptr) *number = leaf_count++;
    return true;
}

bool table_put(unsigned level, const struct table *table, uint32_t number) {
    struct spare *spare = heap_allocate(sizeof *spare);
    if (spare == nullptr) return false;
    *spare = (struct spare){spares[level], *table, number};
    spares[level] = spare;
    return true;
}

// ---- nodes and leaves

static struct leaf *leaf_new(void) {
    struct leaf *leaf = heap_allocate_zeroed(sizeof *leaf);
    if (leaf == nullptr) return nullptr;
    if (table_take(1, &leaf->table, &leaf->number)) return leaves[leaf->number] = leaf;
    heap_release(leaf);
    return nullptr;
}

static struct node *node_new(void) {
    struct node *node = heap_allocate_zeroed(sizeof *node);
    if (node == nullptr) return nullptr;
    if (table_take(2, &node->table, nullptr)) return node;
    heap_release(node);
    return nullptr;
}

void leaf_put(struct leaf *leaf) {
    if (leaf_supply.free >= leaf_supply.owed + KEPT && table_put(1, &leaf->table, leaf->number)) {
        leaves[leaf->number] = nullptr;
        heap_release(leaf);
        return;
    }
    leaf->free = free_leaves;
    free_leaves = leaf;
    leaf_supply.free++;
}

void node_put(struct node *node) {
    if (node_supply.free >= node_supply.owed + KEPT && table_put(2, &node->table, 0)) {
        heap_release(node);
        return;
    }
    node->free = free_nodes;
    free_nodes = node;
    node_supply.free++;
}

struct leaf *leaf_take(uint64_t first, bool copies) {
    struct leaf *leaf = free_leaves;
    if (leaf_supply.free > (copies ? 0 : leaf_supply.owed)) {
        free_leaves = leaf->free;
        leaf_supply.free--;
    } else if ((leaf = leaf_new()) == nullptr)
        return nullptr;
    leaf->references = 1;
    leaf->first = first;
    return leaf;
}

struct node *node_take(bool copies) {
    struct node *node = free_nodes;
    if (node_supply.free > (copies ? 0 : node_supply.owed)) {
        free_nodes = node->free;
        node_supply.free--;
    } else if ((node = node_new()) == nullptr)
        return nullptr;
    node->references = 1;
    return node;
}

// ---- what is owed

static bool supply(uint32_t nodes, uint32_t leaves_more) {
    while (node_supply.free < node_supply.owed + nodes + MARGIN) {
        struct node *node = node_new();
        if (node == nullptr) return false;
        node_put(node);
    }
    while (leaf_supply.free < leaf_supply.owed + leaves_more + MARGIN) {
        struct leaf *leaf = leaf_new();
        if (leaf == nullptr) return false;
        leaf_put(leaf);
    }
    return true;
}

// Pages are not kept, but only counted: for each space that has not copied its leaves some must be left.
static bool pages_are_left(void) {
    const uint32_t spaces = leaf_supply.owed / LEAVES_OWED + MARGIN;
    return memory.private_most - memory.private_count >= PAGES_OWED * spaces;
}

bool supply_owe(struct space *space, uint32_t nodes) {
    if (!pages_are_left() || !supply(nodes, LEAVES_OWED)) return false;
    node_supply.owed += space->nodes_owed = nodes;
    leaf_supply.owed += space->leaves_owed = LEAVES_OWED;
    return true;
}

static void paid(uint32_t *owed, struct supply *from, uint32_t count) {
    if (count > *owed) count = *owed;
    *owed -= count;
    from->owed -= count;
}

void nodes_paid(struct space *space, uint32_t count) {
    paid(&space->nodes_owed, &node_supply, count);
}

void leaves_paid(struct space *space, uint32_t count) {
    paid(&space->leaves_owed, &leaf_supply, count);
}
