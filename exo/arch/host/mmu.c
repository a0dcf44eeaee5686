// SPDX-License-Identifier: MIT
// The simulated MMU: walks the kernel's real tables, sets A and D, and caches translations.
//
// The cache is the least helpful that a processor may be (Intel SDM vol. 3, 4.10): nothing ever leaves it but by a
// flush; entries of tables of levels 2 to 4 are cached as well, so that a walk can begin below the root; a flush of one
// page drops that page's translation and every cached upper entry. A write through a translation that was not dirty
// walks again. A fault drops what is cached for its address.
#include <string.h>
#include "exo/arch/host/machine.h"
#include "pe/layout.h"
#include "pe/tlb.h"

// A cached entry: of level 1, a translation; of a higher level, where the next table is.
struct cached {
    bool used;
    unsigned level;
    uint64_t prefix; // the address without what the levels below decide
    uint64_t entry;  // as the walk found it
    uint64_t rights; // W and user are what all levels so far allow; no-execute what any forbids
    uint32_t use;    // memory_use of the frame it names, when it was cached
};

constexpr unsigned CACHE_SIZE = 4096;
static struct cached cache[CACHE_SIZE];
static unsigned cached_count;
static exo_frame walk_root;

constexpr uint64_t RIGHTS_ALL = EXO_ENTRY_WRITE | EXO_ENTRY_USER; // no-execute is clear

static uint64_t combine(uint64_t rights, uint64_t entry) {
    return (rights & entry & RIGHTS_ALL) | ((rights | entry) & EXO_ENTRY_NO_EXECUTE);
}

static uint64_t prefix_of(exo_vaddr address, unsigned level) {
    return address.raw >> (EXO_PAGE_SHIFT + 9 * (level - 1));
}

static struct cached *find(exo_vaddr address, unsigned level) {
    const uint64_t prefix = prefix_of(address, level);
    for (unsigned i = 0; i < cached_count; i++)
        if (cache[i].used && cache[i].level == level && cache[i].prefix == prefix) return &cache[i];
    return nullptr;
}

static void insert(exo_vaddr address, unsigned level, uint64_t entry, uint64_t rights) {
    struct cached *at = find(address, level);
    if (at == nullptr) {
        HOST_REQUIRE(cached_count < CACHE_SIZE);
        at = &cache[cached_count++];
    }
    const exo_frame frame = exo_entry_frame((exo_entry){entry});
    *at = (struct cached){true, level, prefix_of(address, level), entry, rights, memory_use(frame)};
}

void mmu_flush_all(void) {
    cached_count = 0;
}

void arch_flush_all(void) {
    mmu_flush_all();
    frame_tlb_flushed();
}

void arch_flush_page(exo_vaddr address) {
    for (unsigned i = 0; i < cached_count; i++)
        if (cache[i].level > 1 || cache[i].prefix == prefix_of(address, 1)) cache[i].used = false;
}

void mmu_load(struct pe *pe) {
    walk_root = (exo_frame){pe->root >> EXO_PAGE_SHIFT};
}

static bool fault(exo_vaddr address) {
    for (unsigned level = 1; level <= 4; level++) {
        struct cached *cached = find(address, level);
        if (cached != nullptr) cached->used = false;
    }
    return false;
}

// The frame behind an address for an access that needs `needed` (W) and no `forbidden` (NX). A walk as in the AMD64 APM
// vol. 2, 5.3: A is set in every entry that is used, D in the last if the access writes.
static bool translate(exo_vaddr address, uint64_t needed, uint64_t forbidden, exo_frame *frame) {
    needed |= EXO_ENTRY_USER;
    const struct cached *hit = find(address, 1);
    if (hit != nullptr && (!(needed & EXO_ENTRY_WRITE) || (hit->entry & EXO_ENTRY_DIRTY))) {
        if ((hit->rights & needed) != needed || (hit->rights & forbidden)) return fault(address);
        *frame = exo_entry_frame((exo_entry){hit->entry});
        return true;
    }

    exo_frame table = walk_root;
    uint64_t rights = RIGHTS_ALL;
    unsigned level = 4;
    for (unsigned cached_level = 2; cached_level <= 4; cached_level++) {
        const struct cached *upper = find(address, cached_level);
        if (upper == nullptr) continue;
        table = exo_entry_frame((exo_entry){upper->entry});
        rights = upper->rights;
        level = cached_level - 1;
        break;
    }
    for (;; level--) {
        uint64_t *entry = (uint64_t *)arch_frame(table) + exo_table_index(address, level);
        if (!(*entry & EXO_ENTRY_PRESENT)) return fault(address);
        rights = combine(rights, *entry);
        if (level == 1) {
            if ((rights & needed) != needed || (rights & forbidden)) return fault(address);
            *entry |= EXO_ENTRY_ACCESSED | (needed & EXO_ENTRY_WRITE ? EXO_ENTRY_DIRTY : 0);
            insert(address, 1, *entry, rights);
            *frame = exo_entry_frame((exo_entry){*entry});
            return true;
        }
        *entry |= EXO_ENTRY_ACCESSED;
        insert(address, level, *entry, rights);
        table = exo_entry_frame((exo_entry){*entry});
    }
}

static struct host_access access(struct pe *pe, exo_vaddr address, uint64_t needed, uint64_t forbidden,
                                 const uint64_t *stored) {
    const uint64_t high = address.raw >> 47;
    exo_frame frame;
    HOST_REQUIRE(address.raw % 8 == 0);
    host_run(pe);
    if (high != 0 && high != 0x1ffff) return (struct host_access){false, 0}; // not canonical
    if (!translate(address, needed, forbidden, &frame)) return (struct host_access){false, 0};
    uint64_t *word = (uint64_t *)arch_frame(frame) + address.raw % EXO_PAGE_SIZE / 8;
    if (stored != nullptr) *word = *stored;
    return (struct host_access){true, *word};
}

struct host_access host_load(struct pe *pe, exo_vaddr address) {
    return access(pe, address, 0, 0, nullptr);
}

struct host_access host_store(struct pe *pe, exo_vaddr address, uint64_t value) {
    return access(pe, address, EXO_ENTRY_WRITE, 0, &value);
}

struct host_access host_execute(struct pe *pe, exo_vaddr address) {
    return access(pe, address, 0, EXO_ENTRY_NO_EXECUTE, nullptr);
}

const char *mmu_audit(void) {
    for (unsigned i = 0; i < cached_count; i++) {
        const struct cached *each = &cache[i];
        const exo_frame frame = exo_entry_frame((exo_entry){each->entry});
        const enum exo_frame_type type = frame_info(frame)->type;
        if (!each->used || type == EXO_FRAME_KERNEL) continue;
        if (each->use != memory_use(frame)) return "a TLB holds an entry of what a frame was before";
        if (type == EXO_FRAME_FREE && frame_info(frame)->maps == 0) return "a TLB holds an entry of a free frame";
        if (each->level > 1 && frame_level(type) != each->level - 1) return "a TLB holds a table that is none";
    }
    return nullptr;
}
