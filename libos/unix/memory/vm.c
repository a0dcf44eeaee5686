// SPDX-License-Identifier: MIT
// Address spaces as wholes: made, forked, entered, given up. See memory.h.
#include "libos/unix/memory/vm.h"
#include "libos/unix/memory/advice.h"
#include "libos/core/heap.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/supply.h"
#include <errno.h>

constexpr uint64_t STACK_MOST = 8ull << 20;

struct vm *vm_entered;
static struct vm *free_vms; // with their tables
static uint32_t free_count;
constexpr uint32_t FREE_MOST = 32;

void vms_start(void) {
    vm_entered = free_vms = nullptr;
    free_count = 0;
}

static struct vm *vm_take(void) {
    struct vm *vm = free_vms;
    if (vm != nullptr) {
        free_vms = vm->free;
        free_count--;
    } else {
        if ((vm = heap_allocate_zeroed(sizeof *vm)) == nullptr) return nullptr;
        if (!space_make(&vm->space)) {
            heap_release(vm);
            return nullptr;
        }
    }
    vm->references = 1;
    vm->break_first = vm->break_now = 0;
    vm->stack_most = STACK_MOST;
    vm->keeps = false;
    return vm;
}

int vm_new(struct vm **made) {
    struct mappings *mappings = mappings_new();
    if (mappings == nullptr) return -ENOMEM;
    struct vm *vm = vm_take();
    if (vm == nullptr) {
        mappings_release(mappings);
        return -ENOMEM;
    }
    vm->mappings = mappings;
    *made = vm;
    return 0;
}

// Takes mappings that the parent keeps for itself out of the child.
static int drop_kept(const struct vm *from, struct vm *vm) {
    for (uint32_t i = 0; i < from->mappings->count; i++) {
        const struct mapping *each = &from->mappings->mapping[i];
        if (!(each->flags & MAPPING_NO_FORK)) continue;
        const int error = vm_unmap(vm, each->first, each->end - each->first);
        if (error != 0) return error;
    }
    return 0;
}

int vm_fork(struct vm *from, struct vm **made) {
    struct vm *vm = vm_take();
    if (vm == nullptr) return -ENOMEM;
    vm->mappings = from->mappings;
    vm->mappings->references++;
    vm->break_first = from->break_first;
    vm->break_now = from->break_now;
    vm->stack_most = from->stack_most;
    if (!space_share(&from->space, &vm->space)) {
        vm_release(vm);
        return -ENOMEM;
    }
    machine_commit(from == vm_entered ? MACHINE_FLUSH_ALL : 0);
    memory.count.forks++;
    const int error = from->keeps ? drop_kept(from, vm) : 0;
    if (error != 0) {
        vm_release(vm);
        return error;
    }
    *made = vm;
    return 0;
}

void vm_hold(struct vm *vm) {
    vm->references++;
}

void vm_release(struct vm *vm) {
    if (--vm->references != 0) return;
    if (vm == vm_entered) {
        machine_enter(nullptr);
        vm_entered = nullptr;
    }
    space_empty(&vm->space);
    mappings_release(vm->mappings);
    vm->mappings = nullptr;
    if (free_count == FREE_MOST && table_put(3, &vm->space.table, 0)) {
        heap_release(vm);
        return;
    }
    vm->free = free_vms;
    free_vms = vm;
    free_count++;
}

void vm_enter(struct vm *vm) {
    if (vm == vm_entered) return;
    machine_enter(vm == nullptr ? nullptr : &vm->space.table);
    vm_entered = vm;
}

void vm_stack_limit(struct vm *vm, uint64_t bytes) {
    vm->stack_most = bytes;
}

bool vm_next(const struct vm *vm, uint64_t address, struct vm_line *line) {
    const uint32_t at = mappings_from(vm->mappings, address);
    if (at == vm->mappings->count) return false;
    const struct mapping *mapping = &vm->mappings->mapping[at];
    *line = (struct vm_line){
        .first = mapping->first,
        .end = mapping->end,
        .offset = mapping->object == nullptr ? 0 : mapping->offset,
        .rights = mapping->rights,
        .shared = mapping->flags & MAPPING_SHARED,
        .heap = mapping->flags & MAPPING_HEAP,
        .stack = mapping->flags & MAPPING_STACK,
        .file = mapping->object == nullptr ? nullptr : mapping->object->inode,
    };
    return true;
}

uint64_t vm_total(const struct vm *vm) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < vm->mappings->count; i++)
        bytes += vm->mappings->mapping[i].end - vm->mappings->mapping[i].first;
    return bytes;
}

uint64_t vm_break_first(const struct vm *vm) {
    return vm->break_first;
}

struct vm_sizes vm_sizes(const struct vm *vm) {
    struct vm_sizes sizes = {.total = vm_total(vm)};
    uint64_t at = 0, last;
    const struct leaf *leaf;
    for (; (leaf = leaf_next(&vm->space, &at, UNIX_USER_END, &last)) != nullptr; at = last)
        for (unsigned index = bit_next(leaf->known, 0); index < ENTRIES; index = bit_next(leaf->known, index + 1)) {
            const uint32_t page = leaf->page[index];
            if (page == PAGE_ZERO || !page_resident(page)) continue;
            sizes.resident++;
            sizes.shared += memory.page[page].kind == PAGE_HELD;
        }
    return sizes;
}

// ---- when no memory is left

// Of shared memory, the pages that a mapping covers.
static uint64_t shared_pages(const struct mapping *mapping) {
    uint64_t pages = 0;
    const uint64_t first = mapping->offset / EXO_PAGE_SIZE;
    const uint64_t end = first + (mapping->end - mapping->first) / EXO_PAGE_SIZE;
    for (const struct chunk *chunk = mapping->object->chunks; chunk != nullptr; chunk = chunk->next)
        for (unsigned at = 0; at < CHUNK_PAGES; at++) {
            const uint64_t index = chunk->index * CHUNK_PAGES + at;
            pages += chunk->page[at] != NONE && index >= first && index < end;
        }
    return pages;
}

uint64_t vm_private(const struct vm *vm) {
    uint64_t pages = 0, at = 0, last;
    const struct leaf *leaf;
    for (; (leaf = leaf_next(&vm->space, &at, UNIX_USER_END, &last)) != nullptr; at = last)
        for (unsigned index = bit_next(leaf->known, 0); index < ENTRIES; index = bit_next(leaf->known, index + 1)) {
            const uint32_t page = leaf->page[index];
            pages += page != PAGE_ZERO && memory.page[page].kind == PAGE_PRIVATE;
        }
    for (uint32_t i = 0; i < vm->mappings->count; i++) {
        const struct mapping *mapping = &vm->mappings->mapping[i];
        if ((mapping->flags & MAPPING_SHARED) && mapping->object->inode == nullptr) pages += shared_pages(mapping);
    }
    return pages;
}

// No reference to a file is given back: its last one would write to the disk.
void vm_reap(struct vm *vm) {
    static struct mappings nothing = {.references = 1};
    space_empty(&vm->space);
    if (vm->mappings->references > 1) { // others go on with them
        vm->mappings->references--;
        nothing.references++;
        vm->mappings = &nothing;
    }
    for (uint32_t i = 0; i < vm->mappings->count; i++) {
        struct mapping *mapping = &vm->mappings->mapping[i];
        if (mapping->object == nullptr || mapping->object->inode != nullptr) continue;
        object_release(mapping->object);
        mapping->object = nullptr;
        mapping->flags &= (uint16_t)~MAPPING_SHARED;
    }
}

int vm_key(struct vm *vm, uint64_t address, struct vm_key *key) {
    const struct mapping *mapping = mappings_at(vm->mappings, address);
    if (mapping == nullptr) return -EFAULT;
    *key = mapping->flags & MAPPING_SHARED
               ? (struct vm_key){mapping->object, mapping->offset + (address - mapping->first)}
               : (struct vm_key){vm, address};
    return 0;
}
