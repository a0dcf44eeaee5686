// SPDX-License-Identifier: MIT
// Page tables that address spaces share, and what they say of pages.
//
//   vm ── node (1 GiB: a level-2 table) ── leaf (2 MiB: a level-1 table) ── page
//
// Each of the three can be shared; who wants to write below one takes it as its own first, by a copy unless it is the
// only user. A fork shares the nodes and nothing below, so its price does not depend on what is mapped.
//
// A leaf also knows pages that it doesn't map now: private ones that were evicted, or that its original mapped when it
// was copied. What is not known has never been written to: it is zero, or the file's.
//
// Invariants
//   - an entry for a table has the right to write only if that table has one user: so nobody writes through a table
//     that is shared, whatever the entries in it say
//   - an entry for a private page has the right to write only if the page has one reference
//   - an entry for a held page has it only if the page is PAGE_DIRTY, and some mapping of it is shared
//   - all users of a table have the same mappings (mapping.h) where it lies: who changes its own takes it first
//   - an entry is present only if its page is in memory; all entries of a page are in its chain, which starts at
//     page.map and goes on by leaf.next; the page of zeros has none
#pragma once
#include "libos/unix/memory/machine.h"
#include "libos/unix/memory/page.h"

constexpr uint64_t LEAF_SPAN = 1ull << 21, NODE_SPAN = 1ull << 30;
constexpr unsigned ENTRIES = EXO_TABLE_ENTRIES;

struct leaf {
    struct table table;
    uint32_t number;     // in `leaves`
    uint32_t references; // nodes that name it
    uint64_t first;      // address
    struct leaf *free;
    uint32_t unmapped;            // entries that are known and not present
    uint64_t known[ENTRIES / 64]; // bit: page[i] is valid
    uint32_t page[ENTRIES];
    uint32_t next[ENTRIES]; // the next entry that maps the same page: leaf number * 512 + index; NONE
};

struct node {
    struct table table;
    uint32_t references; // address spaces that name it
    struct node *free;
    uint64_t used[ENTRIES / 64];
    struct leaf *leaf[ENTRIES];
};

struct space {
    struct table table;
    uint64_t used[ENTRIES / 64];
    struct node *node[ENTRIES];
    uint32_t nodes_owed, leaves_owed; // tables that are kept for copies of what it shares (supply.c)
};

static inline unsigned index_in_leaf(uint64_t address) {
    return address >> 12 & 511;
}
static inline unsigned index_in_node(uint64_t address) {
    return address >> 21 & 511;
}
static inline unsigned index_in_space(uint64_t address) {
    return address >> 30 & 511;
}

static inline bool bit_is_set(const uint64_t *bits, unsigned index) {
    return bits[index / 64] >> index % 64 & 1;
}
static inline void bit_set(uint64_t *bits, unsigned index) {
    bits[index / 64] |= 1ull << index % 64;
}
static inline void bit_clear(uint64_t *bits, unsigned index) {
    bits[index / 64] &= ~(1ull << index % 64);
}
// The first set bit from `index` on, or ENTRIES.
unsigned bit_next(const uint64_t *bits, unsigned index);

// A new, empty space. False: no memory.
[[nodiscard]] bool space_make(struct space *space);
// Shares all of `from`. Part of the change waits for a commit, which must flush if `from` is entered. False: there is
// no memory for the tables that either of them will need when it writes.
[[nodiscard]] bool space_share(struct space *from, struct space *to);
// Empties it. Nobody has it entered. It keeps its table.
void space_empty(struct space *space);

// The leaf of an address, shared or not; null: there is none.
struct leaf *leaf_find(const struct space *space, uint64_t address);
// The same, and makes it if there is none. Null: no memory.
struct leaf *leaf_make(struct space *space, uint64_t address);
// The same, and this space's own; all changes are committed, those to entries of upper tables flushed.
struct leaf *leaf_own(struct space *space, uint64_t address);

// Makes the tables that are there of a range this space's own, so that its mappings may change; without `whole` not the
// leaves that lie wholly in the range. False: no memory; nothing is lost.
[[nodiscard]] bool space_own(struct space *space, uint64_t first, uint64_t end, bool whole);
// Forgets everything in a range that is this space's own, but for leaves that lie wholly in it.
void space_forget(struct space *space, uint64_t first, uint64_t end);

// ---- Entries of a leaf. Changes wait for a commit.

static inline bool entry_known(const struct leaf *leaf, unsigned index) {
    return bit_is_set(leaf->known, index);
}
static inline bool entry_present(const struct leaf *leaf, unsigned index) {
    return leaf->table.entry[index] & EXO_ENTRY_PRESENT;
}

// Maps a page where nothing is present. A private page must be known there already, or its reference be given to it.
void entry_bind(struct leaf *leaf, unsigned index, uint32_t page, uint64_t rights);
// Gives a present entry other rights; A and D stay.
void entry_rights(struct leaf *leaf, unsigned index, uint64_t rights);
// Unmaps what is present, and notes its A and D bits at the page. What is private stays known.
void entry_unbind(struct leaf *leaf, unsigned index);
// Unmaps what is known, and gives its reference back.
void entry_forget(struct leaf *leaf, unsigned index);

// ---- All entries that map a page

uint64_t page_bits(uint32_t page); // the A and D bits of all of them, together
void page_clear_accessed(uint32_t page);
void page_unmap(uint32_t page);         // unbinds all, flushed
void page_write_protect(uint32_t page); // takes the right to write and the D bit from all, flushed

uint64_t leaf_address(const struct leaf *leaf, unsigned index);
