// SPDX-License-Identifier: MIT
// Entries of leaves, and from a page to all entries that map it. See tables.h.
#include "libos/unix/memory/tables.h"

extern struct leaf **leaves; // supply.c

constexpr unsigned INDEX_BITS = 9;
static_assert(1u << INDEX_BITS == ENTRIES);

uint64_t leaf_address(const struct leaf *leaf, unsigned index) {
    return leaf->first + (uint64_t)index * EXO_PAGE_SIZE;
}

static struct leaf *leaf_of(uint32_t place) {
    return leaves[place >> INDEX_BITS];
}
static unsigned index_of(uint32_t place) {
    return place & (ENTRIES - 1);
}

static void note_bits(struct page *page, uint64_t entry) {
    if (entry & EXO_ENTRY_ACCESSED) page->flags |= PAGE_ACCESSED;
    if (entry & EXO_ENTRY_DIRTY) page->flags |= PAGE_DIRTY;
}

void entry_bind(struct leaf *leaf, unsigned index, uint32_t page, uint64_t rights) {
    machine_put(&leaf->table, index, exo_entry_for(frame_of(page), rights));
    leaf->unmapped -= entry_known(leaf, index);
    bit_set(leaf->known, index);
    leaf->page[index] = page;
    if (page == PAGE_ZERO) return;
    leaf->next[index] = memory.page[page].map;
    memory.page[page].map = leaf->number << INDEX_BITS | index;
}

void entry_rights(struct leaf *leaf, unsigned index, uint64_t rights) {
    constexpr uint64_t changing = EXO_ENTRY_WRITE | EXO_ENTRY_NO_EXECUTE;
    const uint64_t entry = leaf->table.entry[index];
    const uint64_t wanted = (entry & ~changing) | (exo_entry_for((exo_frame){0}, rights).raw & changing);
    if (wanted != entry) machine_put(&leaf->table, index, (exo_entry){wanted});
}

// Takes an entry out of its page's chain. Chains are short but for pages of programs that many run.
static void unchain(struct leaf *leaf, unsigned index, struct page *page) {
    const uint32_t place = leaf->number << INDEX_BITS | index;
    uint32_t *link = &page->map;
    while (*link != place) link = &leaf_of(*link)->next[index_of(*link)];
    *link = leaf->next[index];
}

void entry_unbind(struct leaf *leaf, unsigned index) {
    const uint64_t entry = leaf->table.entry[index];
    if (!(entry & EXO_ENTRY_PRESENT)) return;
    machine_put(&leaf->table, index, (exo_entry){0});
    const uint32_t number = leaf->page[index];
    struct page *page = &memory.page[number];
    if (number != PAGE_ZERO) {
        note_bits(page, entry);
        unchain(leaf, index, page);
        if (page->kind == PAGE_PRIVATE) {
            leaf->unmapped++;
            return;
        }
    }
    bit_clear(leaf->known, index);
}

void entry_forget(struct leaf *leaf, unsigned index) {
    entry_unbind(leaf, index);
    if (!entry_known(leaf, index)) return;
    bit_clear(leaf->known, index);
    leaf->unmapped--;
    page_release(leaf->page[index]);
}

// ---- all entries of a page

static uint32_t place_next(uint32_t place) {
    return leaf_of(place)->next[index_of(place)];
}

// Commits a change to some entries of a page; with one, only its address is flushed.
static void commit_changed(unsigned changed, uint32_t last) {
    if (changed == 0) return;
    machine_commit(changed == 1 ? leaf_address(leaf_of(last), index_of(last)) : MACHINE_FLUSH_ALL);
}

uint64_t page_bits(uint32_t number) {
    const struct page *page = &memory.page[number];
    uint64_t bits = 0;
    for (uint32_t place = page->map; place != NONE; place = place_next(place))
        bits |= leaf_of(place)->table.entry[index_of(place)];
    return bits & (EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY);
}

// Takes bits from all entries that have one of them.
static void take_bits(struct page *page, uint64_t bits) {
    unsigned changed = 0;
    uint32_t last = NONE;
    for (uint32_t place = page->map; place != NONE; place = place_next(place)) {
        const struct leaf *leaf = leaf_of(place);
        const uint64_t entry = leaf->table.entry[index_of(place)];
        if (!(entry & bits)) continue;
        machine_put(&leaf->table, index_of(place), (exo_entry){entry & ~bits});
        changed++;
        last = place;
    }
    commit_changed(changed, last);
}

void page_clear_accessed(uint32_t page) {
    memory.page[page].flags &= (uint8_t)~PAGE_ACCESSED;
    take_bits(&memory.page[page], EXO_ENTRY_ACCESSED);
}

void page_write_protect(uint32_t page) {
    take_bits(&memory.page[page], EXO_ENTRY_WRITE | EXO_ENTRY_DIRTY);
}

void page_unmap(uint32_t number) {
    struct page *page = &memory.page[number];
    unsigned changed = 0;
    uint32_t last = NONE;
    for (uint32_t place = page->map; place != NONE; place = place_next(place)) {
        struct leaf *leaf = leaf_of(place);
        const unsigned index = index_of(place);
        note_bits(page, leaf->table.entry[index]);
        machine_put(&leaf->table, index, (exo_entry){0});
        if (page->kind == PAGE_HELD)
            bit_clear(leaf->known, index);
        else
            leaf->unmapped++;
        changed++;
        last = place;
    }
    page->map = NONE;
    commit_changed(changed, last);
}
