// SPDX-License-Identifier: MIT
// Changing what is mapped: map, unmap, protect, the break. See memory.h. Each first gets everything that may fail, and
// then cannot.
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/vm.h"
#include <errno.h>

// Mappings that can be changed and grow by `more`, and tables of a range that are the space's own.
static int own(struct vm *vm, uint64_t first, uint64_t end, uint32_t more, bool whole) {
    struct mappings *mappings = mappings_own(vm->mappings, more);
    if (mappings == nullptr) return -ENOMEM;
    vm->mappings = mappings;
    return space_own(&vm->space, first, end, whole) ? 0 : -ENOMEM;
}

// Whether a range of a user's whole pages was given; rounds its end up.
static bool range_end(uint64_t first, uint64_t bytes, uint64_t *end) {
    if (bytes > UNIX_USER_END || !unix_is_user(first, page_up(bytes))) return false;
    *end = first + page_up(bytes);
    return true;
}

// ---- map

static int64_t choose_address(struct vm *vm, const struct vm_map *what) {
    uint64_t end;
    if (what->fixed) {
        if (what->first % EXO_PAGE_SIZE != 0) return -EINVAL;
        if (!range_end(what->first, what->bytes, &end)) return -ENOMEM;
        if (what->first < UNIX_USER_FIRST) return -EPERM;
        if (what->keep && !mappings_free(vm->mappings, what->first, end)) return -EEXIST;
        return (int64_t)what->first;
    }
    const uint64_t hint = page_down(what->first);
    if (hint >= UNIX_USER_FIRST && range_end(hint, what->bytes, &end) && mappings_free(vm->mappings, hint, end))
        return (int64_t)hint;
    if (what->bytes > UNIX_USER_END) return -ENOMEM;
    const uint64_t gap = mappings_gap(vm->mappings, page_up(what->bytes), MAP_TOP);
    return gap == 0 ? -ENOMEM : (int64_t)gap;
}

// The object of what is to be mapped, with a reference; *object is null for anonymous private memory.
static int object_for(const struct vm_map *what, struct object **object) {
    *object = what->memory;
    if (what->file == nullptr && what->memory == nullptr && !what->shared) return 0;
    if (what->file != nullptr) *object = object_of(what->file);
    if (*object != nullptr)
        object_hold(*object);
    else if (what->file == nullptr)
        *object = object_new();
    return *object == nullptr ? -ENOMEM : 0;
}

int64_t vm_map(struct vm *vm, const struct vm_map *what) {
    if (what->bytes == 0 || what->offset % EXO_PAGE_SIZE != 0) return -EINVAL;
    if (what->offset + page_up(what->bytes) < what->offset) return -EOVERFLOW;
    const bool private_memory = what->shared ? what->file == nullptr : what->rights & VM_WRITE;
    if (private_memory && !what->reserves_none && !could_hold(what->bytes)) return -ENOMEM;
    const int64_t first = choose_address(vm, what);
    if (first < 0) return first;
    struct mapping mapping = {
        .first = (uint64_t)first,
        .end = (uint64_t)first + page_up(what->bytes),
        .offset = what->file == nullptr && what->memory == nullptr ? 0 : what->offset,
        .rights = what->rights,
        .flags = (what->shared ? MAPPING_SHARED : 0) | (what->stack ? MAPPING_STACK : 0)
                 | (what->never_writes ? MAPPING_NEVER_WRITES : 0),
    };
    int error = object_for(what, &mapping.object);
    if (error != 0) return error;
    error = own(vm, mapping.first, mapping.end, 3, true);
    if (error != 0) {
        if (mapping.object != nullptr) object_release(mapping.object);
        return error;
    }
    if (!mappings_free(vm->mappings, mapping.first, mapping.end)) {
        mappings_cut(vm->mappings, mapping.first, mapping.end);
        space_forget(&vm->space, mapping.first, mapping.end);
    }
    mappings_add(vm->mappings, &mapping);
    return first;
}

int vm_map_private(struct vm *vm, uint64_t first, uint64_t end, enum vm_rights rights, enum mapping_flags flags) {
    const int error = own(vm, first, end, 1, true);
    if (error != 0) return error;
    mappings_add(vm->mappings, &(struct mapping){.first = first, .end = end, .rights = rights, .flags = flags});
    return 0;
}

// ---- unmap

int vm_unmap(struct vm *vm, uint64_t first, uint64_t bytes) {
    uint64_t end;
    if (first % EXO_PAGE_SIZE != 0 || bytes == 0 || !range_end(first, bytes, &end)) return -EINVAL;
    if (mappings_free(vm->mappings, first, end)) return 0;
    const int error = own(vm, first, end, 2, false);
    if (error != 0) return error;
    mappings_cut(vm->mappings, first, end);
    space_forget(&vm->space, first, end);
    return 0;
}

// ---- protect

struct leaf *leaf_next(const struct space *space, uint64_t *at, uint64_t end, uint64_t *last) {
    while (*at < end) {
        const struct node *node = space->node[index_in_space(*at)];
        const uint64_t span = node == nullptr ? NODE_SPAN : LEAF_SPAN;
        *last = (*at & ~(span - 1)) + span;
        if (*last > end) *last = end;
        if (node != nullptr && node->leaf[index_in_node(*at)] != nullptr) return node->leaf[index_in_node(*at)];
        *at = *last;
    }
    return nullptr;
}

// What is present gets no more rights than its mapping and its page allow.
static void lower_entries(struct vm *vm, uint64_t first, uint64_t end) {
    uint64_t at = first, last;
    struct leaf *leaf;
    for (; (leaf = leaf_next(&vm->space, &at, end, &last)) != nullptr; at = last) {
        const unsigned stop = (unsigned)((last - leaf->first) / EXO_PAGE_SIZE);
        for (unsigned index = bit_next(leaf->known, index_in_leaf(at)); index < stop;
             index = bit_next(leaf->known, index + 1)) {
            if (!entry_present(leaf, index)) continue;
            const struct mapping *mapping = mappings_at(vm->mappings, leaf_address(leaf, index));
            if (mapping->rights == 0)
                entry_unbind(leaf, index);
            else
                entry_rights(leaf, index, rights_allowed(mapping, leaf->page[index]));
        }
    }
    machine_commit(MACHINE_FLUSH_ALL);
}

// Whether a range is mapped without a hole, and every part may get the rights.
static int may_protect(const struct vm *vm, uint64_t first, uint64_t end, enum vm_rights rights) {
    for (uint64_t at = first; at < end;) {
        const struct mapping *mapping = mappings_at(vm->mappings, at);
        if (mapping == nullptr) return -ENOMEM;
        if ((rights & VM_WRITE) && (mapping->flags & MAPPING_NEVER_WRITES)) return -EACCES;
        at = mapping->end;
    }
    return 0;
}

int vm_protect(struct vm *vm, uint64_t first, uint64_t bytes, enum vm_rights rights) {
    uint64_t end;
    if (first % EXO_PAGE_SIZE != 0) return -EINVAL;
    if (bytes == 0) return 0;
    if (!range_end(first, bytes, &end)) return -ENOMEM;
    int error = may_protect(vm, first, end, rights);
    if (error == 0) error = own(vm, first, end, 2, true);
    if (error != 0) return error;
    mappings_split(vm->mappings, first);
    mappings_split(vm->mappings, end);
    for (uint32_t i = mappings_from(vm->mappings, first);
         i < vm->mappings->count && vm->mappings->mapping[i].first < end; i++)
        vm->mappings->mapping[i].rights = rights;
    mappings_join(vm->mappings, first, end);
    lower_entries(vm, first, end);
    return 0;
}

// ---- the break

void vm_break_at(struct vm *vm, uint64_t first) {
    vm->break_first = vm->break_now = first;
}

uint64_t vm_break(struct vm *vm, uint64_t wanted) {
    if (wanted < vm->break_first) return vm->break_now;
    const uint64_t end = page_up(wanted), now = page_up(vm->break_now);
    int error = 0;
    if (end > now) {
        const bool fits =
            unix_is_user(now, end - now) && could_hold(end - now) && mappings_free(vm->mappings, now, end);
        error = fits ? vm_map_private(vm, now, end, VM_READ | VM_WRITE, MAPPING_HEAP) : -ENOMEM;
    } else if (end < now)
        error = vm_unmap(vm, end, now - end);
    if (error == 0) vm->break_now = wanted;
    return vm->break_now;
}
