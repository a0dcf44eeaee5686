// SPDX-License-Identifier: MIT
// Advice about ranges of an address space, and questions about them: madvise, msync, mincore, mlock. See advice.h.
#include "libos/unix/memory/advice.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/slots.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/memory/vm.h"
#include <errno.h>
#include <sys/mman.h>

// A range of whole pages, as all calls here take it.
static int range(uint64_t first, uint64_t bytes, uint64_t *end) {
    if (first % EXO_PAGE_SIZE != 0) return -EINVAL;
    if (bytes > UNIX_USER_END || !unix_is_user(first, page_up(bytes))) return -ENOMEM;
    *end = first + page_up(bytes);
    return 0;
}

// Whether all of a range is mapped: 0 or -ENOMEM.
static int all_mapped(const struct vm *vm, uint64_t first, uint64_t end) {
    while (first < end) {
        const struct mapping *mapping = mappings_at(vm->mappings, first);
        if (mapping == nullptr) return -ENOMEM;
        first = mapping->end;
    }
    return 0;
}

int vm_will_need(struct vm *vm, uint64_t first, uint64_t bytes) {
    uint64_t end;
    const int error = range(page_down(first), bytes, &end);
    if (error != 0) return error;
    for (uint64_t at = first; at < end && slots_any_free(); at += EXO_PAGE_SIZE) {
        const struct mapping *mapping = mappings_at(vm->mappings, at);
        if (mapping == nullptr) return -ENOMEM;
        struct object *object = mapping->object;
        if (object == nullptr || object->inode == nullptr) continue;
        const uint64_t index = (mapping->offset + (at - mapping->first)) / EXO_PAGE_SIZE;
        if (index >= page_up(object->inode->size) / EXO_PAGE_SIZE) continue;
        const uint32_t page = object_page(object, index);
        if (page == NONE || page_bring(page, FILL_CONTENTS) != 0) break;
    }
    return 0;
}

// Pages that only this space has are gone: they read as zeros, or as the file, from now on.
static int dont_need(struct vm *vm, uint64_t first, uint64_t end) {
    for (uint64_t at = first; at < end;) {
        const struct mapping *mapping = mappings_at(vm->mappings, at);
        if (mapping == nullptr) break;
        if (mapping->flags & MAPPING_LOCKED) return -EINVAL;
        at = mapping->end;
    }
    if (!space_own(&vm->space, first, end, false)) return -ENOMEM;
    space_forget(&vm->space, first, end);
    return 0;
}

static int change_flags(struct vm *vm, uint64_t first, uint64_t end, enum mapping_flags set, enum mapping_flags clear) {
    struct mappings *mappings = mappings_own(vm->mappings, 2);
    if (mappings == nullptr) return -ENOMEM;
    vm->mappings = mappings;
    mappings_split(mappings, first);
    mappings_split(mappings, end);
    for (uint32_t i = mappings_from(mappings, first); i < mappings->count && mappings->mapping[i].first < end; i++)
        mappings->mapping[i].flags = (mappings->mapping[i].flags & ~clear) | set;
    mappings_join(mappings, first, end);
    return 0;
}

static int keep_from_forks(struct vm *vm, uint64_t first, uint64_t end) {
    const int error = change_flags(vm, first, end, MAPPING_NO_FORK, 0);
    if (error == 0) vm->keeps = true;
    return error;
}

int vm_advise(struct vm *vm, uint64_t first, uint64_t bytes, int advice) {
    constexpr int cold = 20, page_out = 21; // MADV_COLD, MADV_PAGEOUT
    uint64_t end;
    if (range(first, bytes, &end) != 0) return -EINVAL;
    const int hole = all_mapped(vm, first, end);
    int error = 0;
    switch (advice) {
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_DONTDUMP:
    case MADV_DODUMP:
    case cold:
    case page_out: break; // the policy finds that out by itself
    case MADV_WILLNEED: error = vm_will_need(vm, first, bytes); break;
    case MADV_DONTNEED:
    case MADV_FREE: error = dont_need(vm, first, end); break;
    case MADV_DONTFORK: error = keep_from_forks(vm, first, end); break;
    case MADV_DOFORK: error = change_flags(vm, first, end, 0, MAPPING_NO_FORK); break;
    default: return -EINVAL;
    }
    return error != 0 ? error : hole;
}

int vm_sync(struct vm *vm, uint64_t first, uint64_t bytes, bool wait) {
    uint64_t end;
    int error = range(first, bytes, &end);
    if (error == 0) error = all_mapped(vm, first, end);
    for (uint64_t at = first; error == 0 && wait && at < end;) {
        const struct mapping *mapping = mappings_at(vm->mappings, at);
        const bool is_file = mapping->object != nullptr && mapping->object->inode != nullptr;
        at = mapping->end;
        if (is_file && (mapping->flags & MAPPING_SHARED)) error = cache_sync(mapping->object->inode, true);
    }
    return error;
}

static bool in_core(const struct vm *vm, const struct mapping *mapping, uint64_t address) {
    const struct leaf *leaf = leaf_find(&vm->space, address);
    const unsigned index = index_in_leaf(address);
    if (leaf != nullptr && entry_known(leaf, index))
        return leaf->page[index] == PAGE_ZERO || page_resident(leaf->page[index]);
    if (mapping->object == nullptr) return false;
    const uint32_t page = object_find(mapping->object, (mapping->offset + (address - mapping->first)) / EXO_PAGE_SIZE);
    return page != NONE && page_resident(page);
}

int vm_in_core(struct vm *vm, uint64_t first, uint64_t bytes, uint64_t to) {
    uint64_t end;
    const int error = range(first, bytes, &end);
    if (error != 0) return error;
    for (uint64_t at = first; at < end; at += EXO_PAGE_SIZE) {
        const struct mapping *mapping = mappings_at(vm->mappings, at);
        if (mapping == nullptr) return -ENOMEM;
        const uint8_t is = in_core(vm, mapping, at);
        if (user_write(to + (at - first) / EXO_PAGE_SIZE, &is, 1) != 0) return -EFAULT;
    }
    return 0;
}

int vm_lock(struct vm *vm, uint64_t first, uint64_t bytes, bool locked) {
    uint64_t end;
    const uint64_t from = page_down(first);
    int error = range(from, bytes + (first - from), &end);
    if (error == 0) error = all_mapped(vm, from, end);
    if (error != 0) return error;
    return change_flags(vm, from, end, locked ? MAPPING_LOCKED : 0, locked ? 0 : MAPPING_LOCKED);
}

int vm_lock_all(struct vm *vm, bool locked) {
    return change_flags(vm, 0, UNIX_USER_END, locked ? MAPPING_LOCKED : 0, locked ? 0 : MAPPING_LOCKED);
}
