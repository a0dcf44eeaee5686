// SPDX-License-Identifier: MIT
// mremap: a mapping becomes longer or shorter where it is, or moves with its pages. No contents are copied: the pages'
// numbers go from leaf to leaf, and are mapped again when they are touched.
#include "libos/unix/memory/advice.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/vm.h"
#include <errno.h>

// Everything that may fail of a move: tables of both ranges that are the space's own, and leaves at the new place for
// all that there are at the old one.
static int own_both(struct vm *vm, uint64_t from, uint64_t bytes, uint64_t to, uint64_t wanted) {
    struct mappings *mappings = mappings_own(vm->mappings, 4);
    if (mappings == nullptr) return -ENOMEM;
    vm->mappings = mappings;
    if (!space_own(&vm->space, from, from + bytes, true) || !space_own(&vm->space, to, to + wanted, true))
        return -ENOMEM;
    const uint64_t end = from + (bytes < wanted ? bytes : wanted);
    uint64_t at = from, last;
    for (; leaf_next(&vm->space, &at, end, &last) != nullptr; at = last)
        if (leaf_own(&vm->space, to + (at - from)) == nullptr
            || leaf_own(&vm->space, to + (last - 1 - from)) == nullptr)
            return -ENOMEM;
    return 0;
}

static void move_pages(struct vm *vm, uint64_t from, uint64_t bytes, uint64_t to) {
    uint64_t at = from, last;
    struct leaf *leaf;
    for (; (leaf = leaf_next(&vm->space, &at, from + bytes, &last)) != nullptr; at = last) {
        const unsigned stop = (unsigned)((last - leaf->first) / EXO_PAGE_SIZE);
        for (unsigned index = bit_next(leaf->known, index_in_leaf(at)); index < stop;
             index = bit_next(leaf->known, index + 1)) {
            entry_unbind(leaf, index);
            if (!entry_known(leaf, index)) continue;
            const uint64_t place = to + (leaf_address(leaf, index) - from);
            struct leaf *other = leaf_find(&vm->space, place);
            bit_clear(leaf->known, index);
            leaf->unmapped--;
            other->unmapped++;
            bit_set(other->known, index_in_leaf(place));
            other->page[index_in_leaf(place)] = leaf->page[index];
        }
    }
    machine_commit(MACHINE_FLUSH_ALL);
}

// A part of a mapping as one of its own, elsewhere. It takes a reference to the object.
static struct mapping part_of(const struct mapping *mapping, uint64_t from, uint64_t to, uint64_t bytes) {
    struct mapping part = *mapping;
    part.first = to;
    part.end = to + bytes;
    if (part.object != nullptr) {
        part.offset += from - mapping->first;
        object_hold(part.object);
    }
    return part;
}

static int64_t move(struct vm *vm, uint64_t from, uint64_t bytes, uint64_t to, uint64_t wanted) {
    const int error = own_both(vm, from, bytes, to, wanted);
    if (error != 0) return error;
    const struct mapping moved = part_of(mappings_at(vm->mappings, from), from, to, wanted);
    mappings_cut(vm->mappings, from, from + bytes);
    mappings_add(vm->mappings, &moved);
    move_pages(vm, from, bytes < wanted ? bytes : wanted, to);
    space_forget(&vm->space, from, from + bytes);
    return (int64_t)to;
}

// A second mapping of the same shared pages.
static int64_t repeat(struct vm *vm, uint64_t from, uint64_t to, uint64_t wanted) {
    struct mappings *mappings = mappings_own(vm->mappings, 2);
    if (mappings == nullptr) return -ENOMEM;
    vm->mappings = mappings;
    if (!space_own(&vm->space, to, to + wanted, true)) return -ENOMEM;
    const struct mapping second = part_of(mappings_at(mappings, from), from, to, wanted);
    mappings_add(mappings, &second);
    return (int64_t)to;
}

static bool grows_in_place(struct vm *vm, const struct mapping *mapping, uint64_t end, uint64_t wanted_end) {
    return mapping->end == end && unix_is_user(end, wanted_end - end) && mappings_free(vm->mappings, end, wanted_end);
}

static int64_t grow(struct vm *vm, uint64_t first, uint64_t end, uint64_t wanted_end) {
    struct mappings *mappings = mappings_own(vm->mappings, 1);
    if (mappings == nullptr) return -ENOMEM;
    vm->mappings = mappings;
    if (!space_own(&vm->space, end, wanted_end, true)) return -ENOMEM;
    const struct mapping more = part_of(mappings_at(mappings, first), end, end, wanted_end - end);
    mappings_add(mappings, &more);
    return (int64_t)first;
}

static bool overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes) {
    return a < b + b_bytes && b < a + a_bytes;
}

// The new place: the one that was asked for, emptied, or a free one. An error is negative.
static int64_t place_for(struct vm *vm, const struct vm_remap *what, uint64_t bytes, uint64_t wanted) {
    if (!what->fixed) {
        const uint64_t gap = mappings_gap(vm->mappings, wanted, MAP_TOP);
        return gap == 0 ? -ENOMEM : (int64_t)gap;
    }
    if (what->to % EXO_PAGE_SIZE != 0 || what->to < UNIX_USER_FIRST || !unix_is_user(what->to, wanted)) return -EINVAL;
    if (overlap(what->first, bytes, what->to, wanted)) return -EINVAL;
    const int error = vm_unmap(vm, what->to, wanted);
    return error != 0 ? error : (int64_t)what->to;
}

int64_t vm_remap(struct vm *vm, const struct vm_remap *what) {
    if (what->first % EXO_PAGE_SIZE != 0 || what->wanted == 0) return -EINVAL;
    if (what->wanted > UNIX_USER_END || what->bytes > UNIX_USER_END) return -ENOMEM;
    const uint64_t first = what->first, bytes = page_up(what->bytes), wanted = page_up(what->wanted);
    const struct mapping *mapping = mappings_at(vm->mappings, first);
    if (mapping == nullptr || bytes > mapping->end - first) return -EFAULT;
    if (bytes == 0 && !(mapping->flags & MAPPING_SHARED)) return -EINVAL;
    if (!what->fixed && bytes != 0) {
        if (wanted == bytes) return (int64_t)first;
        if (wanted < bytes) {
            const int error = vm_unmap(vm, first + wanted, bytes - wanted);
            return error != 0 ? error : (int64_t)first;
        }
        if (mapping->object == nullptr && (mapping->rights & VM_WRITE) && !could_hold(wanted - bytes)) return -ENOMEM;
        if (grows_in_place(vm, mapping, first + bytes, first + wanted))
            return grow(vm, first, first + bytes, first + wanted);
    }
    if (!what->may_move) return -ENOMEM;
    const int64_t to = place_for(vm, what, bytes, wanted);
    if (to < 0) return to;
    return bytes == 0 ? repeat(vm, first, (uint64_t)to, wanted) : move(vm, first, bytes, (uint64_t)to, wanted);
}
