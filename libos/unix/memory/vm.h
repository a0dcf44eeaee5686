// SPDX-License-Identifier: MIT
// An address space as the files of this folder see it: tables and mappings.
#pragma once
#include "libos/unix/map.h"
#include "libos/unix/memory/mapping.h"
#include "libos/unix/memory/tables.h"

struct vm {
    uint32_t references;
    struct space space;
    struct mappings *mappings;
    uint64_t break_first, break_now;
    uint64_t stack_most;
    bool keeps; // some mapping is MAPPING_NO_FORK
    struct vm *free;
};

// Stacks are above this, in the same GiB, so that they share a node with mappings.
constexpr uint64_t MAP_TOP = UNIX_USER_END - 0x400'0000;
constexpr uint64_t STACK_GAP = 256 * EXO_PAGE_SIZE; // below a stack nothing grows or is mapped so near

static inline uint64_t page_down(uint64_t address) {
    return address & ~(EXO_PAGE_SIZE - 1);
}
static inline uint64_t page_up(uint64_t address) {
    return page_down(address + EXO_PAGE_SIZE - 1);
}

extern struct vm *vm_entered;
void vms_start(void); // there are none

// Whether so many bytes of memory could ever be had, if there were nobody else.
static inline bool could_hold(uint64_t bytes) {
    return bytes / EXO_PAGE_SIZE <= memory.private_most;
}

// What an entry for a page may allow, where it is mapped so.
uint64_t rights_allowed(const struct mapping *mapping, uint32_t page);

// Maps anonymous memory at a place where nothing is.
[[nodiscard]] int vm_map_private(struct vm *vm, uint64_t first, uint64_t end, enum vm_rights rights,
                                 enum mapping_flags flags);

// The next leaf that lies in a range and is there, from *at on; *at is set to the first address in the range that is
// its, *last to the end of that part. Null: no more.
struct leaf *leaf_next(const struct space *space, uint64_t *at, uint64_t end, uint64_t *last);
