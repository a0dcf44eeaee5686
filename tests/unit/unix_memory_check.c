// SPDX-License-Identifier: MIT
// What is always so in the memory of processes, checked over everything there is: see tables.h, page.h, object.h.
#include "tests/unit/unix_memory_fake.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

extern struct leaf **leaves; // libos/unix/memory/tables.c

struct count {
    uint32_t *references; // of private pages, by entries of leaves
    uint32_t *mapped;     // entries that are present
    uint32_t leaf_users[2048];
    const struct node *node[64];
    uint32_t node_users[64];
    unsigned nodes;
};

static void check_entry(struct count *count, const struct leaf *leaf, unsigned index) {
    const uint64_t entry = leaf->table.entry[index];
    if (!entry_known(leaf, index)) {
        cr_assert_eq(entry, 0, "an entry is present of which nothing is known");
        return;
    }
    const uint32_t number = leaf->page[index];
    const struct page *page = &memory.page[number];
    const bool present = entry & EXO_ENTRY_PRESENT, writes = entry & EXO_ENTRY_WRITE;
    cr_assert(page->kind == PAGE_PRIVATE || page->kind == PAGE_HELD, "an entry knows page %u of kind %u", number,
              page->kind);
    if (present) cr_assert_eq((entry & EXO_ENTRY_FRAME) >> EXO_PAGE_SHIFT, frame_of(number).raw);
    if (number == PAGE_ZERO) {
        cr_assert(present && !writes);
        return;
    }
    count->references[number] += page->kind == PAGE_PRIVATE;
    count->mapped[number] += present;
    if (page->kind == PAGE_PRIVATE)
        cr_assert(!writes || page->references == 1, "page %u has %u references and can be written to", number,
                  page->references);
    else
        cr_assert(present && (!writes || (page->flags & PAGE_DIRTY)), "page %u can be written to unseen", number);
}

static void check_leaf(struct count *count, const struct leaf *leaf) {
    cr_assert_gt(leaf->references, 0);
    if (count->leaf_users[leaf->number]++ != 0) return;
    unsigned unmapped = 0;
    for (unsigned index = 0; index < ENTRIES; index++) {
        check_entry(count, leaf, index);
        unmapped += entry_known(leaf, index) && !entry_present(leaf, index);
    }
    cr_assert_eq(leaf->unmapped, unmapped);
}

// An entry for a table with that many users.
static void check_link(uint64_t entry, const struct table *table, uint32_t users) {
    cr_assert(entry & EXO_ENTRY_PRESENT);
    cr_assert_eq((entry & EXO_ENTRY_FRAME) >> EXO_PAGE_SHIFT, table->frame.raw);
    cr_assert(!(entry & EXO_ENTRY_WRITE) || users == 1, "a table with %u users can be written through", users);
}

static void check_node(struct count *count, const struct node *node) {
    for (unsigned i = 0; i < count->nodes; i++)
        if (count->node[i] == node) {
            count->node_users[i]++;
            return;
        }
    cr_assert_lt(count->nodes, 64);
    count->node[count->nodes] = node;
    count->node_users[count->nodes++] = 1;
    for (unsigned index = 0; index < ENTRIES; index++) {
        cr_assert_eq(bit_is_set(node->used, index), node->leaf[index] != nullptr);
        if (node->leaf[index] == nullptr) {
            cr_assert_eq(node->table.entry[index], 0);
            continue;
        }
        check_link(node->table.entry[index], &node->leaf[index]->table, node->leaf[index]->references);
        check_leaf(count, node->leaf[index]);
    }
}

static void check_space(struct count *count, const struct space *space) {
    for (unsigned index = 0; index < ENTRIES; index++) {
        cr_assert_eq(bit_is_set(space->used, index), space->node[index] != nullptr);
        if (space->node[index] == nullptr) {
            cr_assert_eq(space->table.entry[index], 0);
            continue;
        }
        check_link(space->table.entry[index], &space->node[index]->table, space->node[index]->references);
        check_node(count, space->node[index]);
    }
}

static void check_mappings(const struct mappings *mappings) {
    for (uint32_t i = 0; i < mappings->count; i++) {
        const struct mapping *each = &mappings->mapping[i];
        cr_assert_lt(each->first, each->end);
        cr_assert(unix_is_user(each->first, each->end - each->first));
        if (i > 0) cr_assert_leq(each[-1].end, each->first);
    }
}

static unsigned chain_length(const struct page *page, uint32_t number) {
    unsigned length = 0;
    for (uint32_t place = page->map; place != NONE; place = leaves[place / ENTRIES]->next[place % ENTRIES]) {
        const struct leaf *leaf = leaves[place / ENTRIES];
        cr_assert(entry_known(leaf, place % ENTRIES) && leaf->page[place % ENTRIES] == number);
        cr_assert(entry_present(leaf, place % ENTRIES), "a chain has an entry that is not present");
        length++;
    }
    return length;
}

static void check_pages(const struct count *count) {
    uint32_t privates = 0, swapped = 0;
    for (uint32_t number = 1; number < memory.page_count; number++) {
        const struct page *page = &memory.page[number];
        if (page->kind == PAGE_FREE || page->kind == PAGE_DEAD) continue;
        const bool is_private = page->kind == PAGE_PRIVATE, swaps = is_private || page->chunk->object->inode == nullptr;
        privates += swaps;
        swapped += swaps && page->block != 0;
        cr_assert_eq(page->pins, 0, "page %u is pinned", number);
        if (is_private)
            cr_assert_eq(page->references, count->references[number], "page %u: %u references, %u entries", number,
                         page->references, count->references[number]);
        else
            cr_assert_eq(page->chunk->page[page->index], number);
        if (!is_private) cr_assert_eq(!(page->flags & PAGE_DIRTY), !(page->chunk->dirty >> page->index & 1));
        if (page->slot != NONE) {
            cr_assert_eq(memory.slot[page->slot].page, number);
            cr_assert_eq(chain_length(page, number), count->mapped[number], "page %u is mapped %u times", number,
                         count->mapped[number]);
        } else
            cr_assert(count->mapped[number] == 0 && (swaps || !(page->flags & PAGE_DIRTY)));
    }
    cr_assert_eq(privates, memory.private_count);
    cr_assert_eq(swapped, swap_size() - swap_left());
}

void fake_check(struct vm *const vms[], unsigned vm_count) {
    struct count *count = calloc(1, sizeof *count);
    count->references = calloc(memory.page_count, sizeof *count->references);
    count->mapped = calloc(memory.page_count, sizeof *count->mapped);
    for (unsigned i = 0; i < vm_count; i++) {
        if (vms[i] == nullptr) continue;
        check_space(count, &vms[i]->space);
        check_mappings(vms[i]->mappings);
    }
    for (unsigned i = 0; i < count->nodes; i++) {
        cr_assert_eq(count->node[i]->references, count->node_users[i]);
        for (unsigned index = 0; index < ENTRIES; index++) {
            const struct leaf *leaf = count->node[i]->leaf[index];
            if (leaf == nullptr) continue;
            unsigned users = 0;
            for (unsigned k = 0; k < count->nodes; k++) users += count->node[k]->leaf[index] == leaf;
            cr_assert_eq(leaf->references, users, "a leaf has %u users and counts %u", users, leaf->references);
        }
    }
    check_pages(count);
    free(count->references);
    free(count->mapped);
    free(count);
}
