// SPDX-License-Identifier: MIT
// Sharing tables and taking them as one's own. See tables.h.
//
#include "libos/unix/memory/tables.h"
#include "libos/unix/memory/supply.h"

constexpr uint64_t TABLE_RIGHTS = EXO_READ | EXO_EXECUTE;

unsigned bit_next(const uint64_t *bits, unsigned index) {
    if (index >= ENTRIES) return ENTRIES;
    unsigned word = index / 64;
    uint64_t rest = bits[word] & ~0ull << index % 64;
    while (rest == 0) {
        if (++word == ENTRIES / 64) return ENTRIES;
        rest = bits[word];
    }
    return word * 64 + (unsigned)__builtin_ctzl(rest);
}

// ---- giving back

static void leaf_release(struct leaf *leaf) {
    if (--leaf->references != 0) return;
    for (unsigned index = bit_next(leaf->known, 0); index < ENTRIES; index = bit_next(leaf->known, index + 1))
        entry_forget(leaf, index);
    leaf_put(leaf);
}

static void node_release(struct node *node) {
    if (--node->references != 0) return;
    for (unsigned index = bit_next(node->used, 0); index < ENTRIES; index = bit_next(node->used, index + 1)) {
        machine_put(&node->table, index, (exo_entry){0});
        leaf_release(node->leaf[index]);
        bit_clear(node->used, index);
        node->leaf[index] = nullptr;
    }
    node_put(node);
}

bool space_make(struct space *space) {
    return space->table.entry != nullptr || table_take(3, &space->table, nullptr);
}

void space_empty(struct space *space) {
    for (unsigned index = bit_next(space->used, 0); index < ENTRIES; index = bit_next(space->used, index + 1)) {
        machine_put(&space->table, index, (exo_entry){0});
        node_release(space->node[index]);
        bit_clear(space->used, index);
        space->node[index] = nullptr;
    }
    nodes_paid(space, UINT32_MAX);
    leaves_paid(space, UINT32_MAX);
    machine_commit(0);
}

// ---- entries for tables

static exo_entry entry_for_table(const struct table *table, bool write) {
    return exo_entry_for(table->frame, TABLE_RIGHTS | (write ? EXO_WRITE : 0));
}

static bool writes(const struct table *table, unsigned index) {
    return table->entry[index] & EXO_ENTRY_WRITE;
}

static void link_node(struct space *space, unsigned index, struct node *node) {
    bit_set(space->used, index);
    space->node[index] = node;
    machine_put(&space->table, index, entry_for_table(&node->table, node->references == 1));
}

static void link_leaf(struct node *node, unsigned index, struct leaf *leaf) {
    bit_set(node->used, index);
    node->leaf[index] = leaf;
    machine_put(&node->table, index, entry_for_table(&leaf->table, leaf->references == 1));
}

bool space_share(struct space *from, struct space *to) {
    uint32_t nodes = 0;
    for (unsigned index = bit_next(from->used, 0); index < ENTRIES; index = bit_next(from->used, index + 1)) nodes++;
    if (!supply_owe(to, nodes)) return false;
    for (unsigned index = bit_next(from->used, 0); index < ENTRIES; index = bit_next(from->used, index + 1)) {
        struct node *node = from->node[index];
        node->references++;
        link_node(to, index, node);
        if (writes(&from->table, index)) link_node(from, index, node);
    }
    return true;
}

static struct node *node_copy(struct space *space, struct node *node) {
    struct node *copy = node_take(true);
    if (copy == nullptr) return nullptr;
    nodes_paid(space, 1);
    for (unsigned index = bit_next(node->used, 0); index < ENTRIES; index = bit_next(node->used, index + 1)) {
        struct leaf *leaf = node->leaf[index];
        leaf->references++;
        link_leaf(copy, index, leaf);
        if (writes(&node->table, index)) link_leaf(node, index, leaf);
    }
    node->references--;
    return copy;
}

// The private pages, of which each is now known to two leaves. The copy maps none of them yet.
static struct leaf *leaf_copy(struct space *space, struct leaf *leaf) {
    struct leaf *copy = leaf_take(leaf->first, true);
    if (copy == nullptr) return nullptr;
    leaves_paid(space, 1);
    for (unsigned index = bit_next(leaf->known, 0); index < ENTRIES; index = bit_next(leaf->known, index + 1)) {
        const uint32_t page = leaf->page[index];
        if (page == PAGE_ZERO || memory.page[page].kind != PAGE_PRIVATE) continue;
        memory.page[page].references++;
        copy->page[index] = page;
        bit_set(copy->known, index);
        copy->unmapped++;
        const uint64_t entry = leaf->table.entry[index];
        if (entry & EXO_ENTRY_WRITE) machine_put(&leaf->table, index, (exo_entry){entry & ~EXO_ENTRY_WRITE});
    }
    leaf->references--;
    return copy;
}

// ---- finding and owning

struct leaf *leaf_find(const struct space *space, uint64_t address) {
    const struct node *node = space->node[index_in_space(address)];
    return node == nullptr ? nullptr : node->leaf[index_in_node(address)];
}

struct leaf *leaf_make(struct space *space, uint64_t address) {
    const unsigned at = index_in_space(address), below = index_in_node(address);
    struct node *node = space->node[at];
    if (node == nullptr) {
        if ((node = node_take(false)) == nullptr) return nullptr;
        link_node(space, at, node);
    }
    struct leaf *leaf = node->leaf[below];
    if (leaf != nullptr) return leaf;
    if ((leaf = leaf_take(address & ~(LEAF_SPAN - 1), false)) != nullptr) link_leaf(node, below, leaf);
    machine_commit(0);
    return leaf;
}

// Makes a node that is there the space's own.
static struct node *node_own(struct space *space, unsigned at) {
    struct node *node = space->node[at];
    if (node->references > 1) {
        if ((node = node_copy(space, node)) == nullptr) return nullptr;
        link_node(space, at, node);
    } else if (!writes(&space->table, at))
        link_node(space, at, node);
    return node;
}

// The same for a leaf of a node that is owned.
static struct leaf *leaf_own_in(struct space *space, struct node *node, unsigned at) {
    struct leaf *leaf = node->leaf[at];
    if (leaf->references > 1) {
        if ((leaf = leaf_copy(space, leaf)) == nullptr) return nullptr;
        link_leaf(node, at, leaf);
    } else if (!writes(&node->table, at))
        link_leaf(node, at, leaf);
    return leaf;
}

struct leaf *leaf_own(struct space *space, uint64_t address) {
    const unsigned at = index_in_space(address), below = index_in_node(address);
    struct leaf *leaf = leaf_make(space, address);
    if (leaf == nullptr) return nullptr;
    struct node *node = space->node[at];
    if (writes(&space->table, at) && writes(&node->table, below)) return leaf;
    node = node_own(space, at);
    machine_commit(address); // what is copied next reads the entries written here
    leaf = node == nullptr ? nullptr : leaf_own_in(space, node, below);
    machine_commit(address);
    return leaf;
}

// ---- ranges

static uint64_t lesser(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

bool space_own(struct space *space, uint64_t first, uint64_t end, bool whole) {
    bool done = true;
    for (unsigned at = bit_next(space->used, index_in_space(first)); at < ENTRIES && at * NODE_SPAN < end;
         at = bit_next(space->used, at + 1)) {
        struct node *node = node_own(space, at);
        machine_commit(MACHINE_FLUSH_ALL);
        if (node == nullptr) return false;
        const uint64_t base = at * NODE_SPAN;
        const unsigned from = first > base ? index_in_node(first) : 0;
        for (unsigned each = bit_next(node->used, from); each < ENTRIES && base + each * LEAF_SPAN < end;
             each = bit_next(node->used, each + 1)) {
            const uint64_t begin = base + each * LEAF_SPAN;
            if (!whole && first <= begin && begin + LEAF_SPAN <= end) continue;
            done = leaf_own_in(space, node, each) != nullptr && done;
        }
        machine_commit(MACHINE_FLUSH_ALL);
    }
    return done;
}

static void leaf_forget(struct leaf *leaf, uint64_t first, uint64_t end) {
    const unsigned last = (unsigned)((end - leaf->first) >> EXO_PAGE_SHIFT);
    for (unsigned index = bit_next(leaf->known, index_in_leaf(first)); index < last;
         index = bit_next(leaf->known, index + 1)) {
        entry_forget(leaf, index);
    }
}

void space_forget(struct space *space, uint64_t first, uint64_t end) {
    for (uint64_t at = first; at < end;) {
        const uint64_t next = lesser((at & ~(LEAF_SPAN - 1)) + LEAF_SPAN, end);
        struct node *node = space->node[index_in_space(at)];
        const unsigned below = index_in_node(at);
        if (node == nullptr) {
            at = lesser((at & ~(NODE_SPAN - 1)) + NODE_SPAN, end);
            continue;
        }
        struct leaf *leaf = node->leaf[below];
        if (leaf != nullptr && next - at == LEAF_SPAN) {
            machine_put(&node->table, below, (exo_entry){0});
            bit_clear(node->used, below);
            node->leaf[below] = nullptr;
            leaf_release(leaf);
        } else if (leaf != nullptr)
            leaf_forget(leaf, at, next);
        at = next;
    }
    machine_commit(MACHINE_FLUSH_ALL);
}
