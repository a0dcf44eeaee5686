// SPDX-License-Identifier: MIT
// Page faults of users. What was touched decides:
//
//   private, written            the page itself if nobody else has it; else a copy of it, of the file's page, or zeros
//   private, read               the page; else the file's page, or the page of zeros, without the right to write
//   shared                      the object's page; written: it is dirty from then on, and has a block in its file
//
// A read changes tables that are shared, too: it means the same for all who share them. A write takes them first.
// Entries that only gain something are not flushed: the processor keeps none that are absent, and looks anew before it
// says that one lacks a right.
//
// Neighbours in memory are mapped along with the page, as far as that takes no memory: their A bits stay clear, so the
// policy still sees who is used.
#include "libos/unix/memory/instruction.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/slots.h"
#include "libos/unix/memory/vm.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

constexpr unsigned AROUND = 16;                   // entries
constexpr int MAPERR = 1, ACCERR = 2, ADRERR = 2; // si_code: SEGV_MAPERR, SEGV_ACCERR; BUS_ADRERR
enum fault_error : uint64_t { FAULT_WRITE = 2, FAULT_FETCH = 16 };

struct fault {
    struct vm *vm;
    const struct mapping *mapping;
    uint64_t address; // of the page
};

uint64_t rights_allowed(const struct mapping *mapping, uint32_t number) {
    const struct page *page = &memory.page[number];
    const uint64_t rights = mapping->rights | EXO_READ;
    bool writes = false;
    if (number == PAGE_ZERO)
        writes = false;
    else if (page->kind == PAGE_PRIVATE)
        writes = page->references == 1;
    else
        writes = (mapping->flags & MAPPING_SHARED) && (page->flags & PAGE_DIRTY) && page->chunk->object->version == 0;
    return writes ? rights : rights & ~EXO_WRITE;
}

static uint64_t page_index(const struct fault *fault) {
    return (fault->mapping->offset + (fault->address - fault->mapping->first)) / EXO_PAGE_SIZE;
}

// Whether the address is in a file's mapping, and behind the page with the file's end.
static bool is_behind_end(const struct fault *fault) {
    const struct object *object = fault->mapping->object;
    return object != nullptr && object->inode != nullptr
           && page_index(fault) >= page_up(object->inode->size) / EXO_PAGE_SIZE;
}

// ---- neighbours

// Maps a page at an address if that is in the leaf, in the mapping, and nothing is known there.
static void bind_near(const struct fault *fault, struct leaf *leaf, uint64_t address, uint32_t page) {
    if (address < fault->mapping->first || address >= fault->mapping->end) return;
    if (address - leaf->first >= LEAF_SPAN) return;
    const unsigned index = index_in_leaf(address);
    if (!entry_known(leaf, index)) entry_bind(leaf, index, page, rights_allowed(fault->mapping, page));
}

// The pages of the same chunk that are in memory, and in the file.
static void bind_chunk(const struct fault *fault, struct leaf *leaf) {
    const uint64_t index = page_index(fault);
    struct object *object = fault->mapping->object;
    const struct chunk *chunk = object_chunk(object, index);
    const uint64_t base = index & ~(uint64_t)(CHUNK_PAGES - 1);
    const uint64_t pages = object->inode == nullptr ? UINT64_MAX : page_up(object->inode->size) / EXO_PAGE_SIZE;
    for (unsigned i = 0; i < CHUNK_PAGES && base + i < pages; i++) {
        const uint32_t page = chunk->page[i];
        if (page == NONE || base + i == index || !page_resident(page)) continue;
        bind_near(fault, leaf, fault->address + (base + i - index) * EXO_PAGE_SIZE, page);
    }
}

// Private pages that are known near the address, in memory and not mapped.
static void bind_known(const struct fault *fault, struct leaf *leaf) {
    if (leaf->unmapped == 0) return;
    const unsigned own = index_in_leaf(fault->address), first = own & ~(AROUND - 1);
    for (unsigned index = bit_next(leaf->known, first); index < first + AROUND;
         index = bit_next(leaf->known, index + 1)) {
        const uint64_t address = leaf_address(leaf, index);
        if (index == own || address < fault->mapping->first || address >= fault->mapping->end) continue;
        const uint32_t page = leaf->page[index];
        if (page == PAGE_ZERO || !page_resident(page) || entry_present(leaf, index)) continue;
        entry_bind(leaf, index, page, rights_allowed(fault->mapping, page));
    }
}

// ---- serving

// Makes an entry mean a page which it knows or may know, and that is in memory.
static void bind(const struct fault *fault, struct leaf *leaf, uint32_t page) {
    const unsigned index = index_in_leaf(fault->address);
    const uint64_t rights = rights_allowed(fault->mapping, page);
    if (entry_known(leaf, index) && entry_present(leaf, index))
        entry_rights(leaf, index, rights);
    else
        entry_bind(leaf, index, page, rights);
}

// The object's page of the address, in memory.
static int bring_held(const struct fault *fault, uint32_t *page) {
    *page = object_page(fault->mapping->object, page_index(fault));
    return *page == NONE ? -ENOMEM : page_bring(*page, FILL_CONTENTS);
}

// A page of the writer's own in the place of what is there: a copy of `source`, or zeros if that is PAGE_ZERO.
static int replace(const struct fault *fault, struct leaf *leaf, uint32_t source) {
    const uint32_t page = page_new_private();
    if (page == NONE) return -ENOMEM;
    const bool copies = source != PAGE_ZERO;
    if (copies) page_pin(source);
    const int error = page_bring(page, copies ? FILL_NOTHING : FILL_CONTENTS);
    if (copies) page_unpin(source);
    if (error != 0) {
        page_release(page);
        return error;
    }
    if (copies) {
        page_copy(page_memory(page), page_memory(source));
        memory.page[page].flags |= PAGE_DIRTY;
        memory.page[source].flags |= PAGE_ACCESSED;
        memory.count.copied++;
    }
    const unsigned index = index_in_leaf(fault->address);
    entry_forget(leaf, index);
    entry_bind(leaf, index, page, rights_allowed(fault->mapping, page));
    machine_commit(fault->address);
    bind_known(fault, leaf);
    machine_commit(0);
    return 0;
}

static int write_private(const struct fault *fault) {
    struct leaf *leaf = leaf_own(&fault->vm->space, fault->address);
    if (leaf == nullptr) return -ENOMEM;
    const unsigned index = index_in_leaf(fault->address);
    uint32_t page = entry_known(leaf, index) ? leaf->page[index] : PAGE_ZERO;
    int error;
    if (page == PAGE_ZERO || memory.page[page].kind == PAGE_HELD) {
        page = PAGE_ZERO;
        if (fault->mapping->object != nullptr && (error = bring_held(fault, &page)) != 0) return error;
        return replace(fault, leaf, page);
    }
    if ((error = page_bring(page, FILL_CONTENTS)) != 0) return error;
    if (memory.page[page].references > 1) return replace(fault, leaf, page);
    bind(fault, leaf, page);
    bind_known(fault, leaf);
    machine_commit(0);
    return 0;
}

static int write_shared(const struct fault *fault) {
    uint32_t page;
    int error = bring_held(fault, &page);
    if (error != 0) return error;
    if (fault->mapping->object->inode != nullptr && (error = object_allocate(page)) != 0) return error;
    struct leaf *leaf = leaf_own(&fault->vm->space, fault->address);
    if (leaf == nullptr) return -ENOMEM;
    object_dirty(page);
    bind(fault, leaf, page);
    bind_chunk(fault, leaf);
    machine_commit(0);
    return 0;
}

// The page that a read finds, in memory: what the leaf knows, or the object's, or the page of zeros.
static int find_page(const struct fault *fault, const struct leaf *leaf, uint32_t *page) {
    const unsigned index = index_in_leaf(fault->address);
    *page = leaf != nullptr && entry_known(leaf, index) ? leaf->page[index] : PAGE_ZERO;
    if (*page != PAGE_ZERO && memory.page[*page].kind == PAGE_PRIVATE) return page_bring(*page, FILL_CONTENTS);
    *page = PAGE_ZERO;
    return fault->mapping->object == nullptr ? 0 : bring_held(fault, page);
}

static int read(const struct fault *fault) {
    struct leaf *leaf = leaf_make(&fault->vm->space, fault->address);
    if (leaf == nullptr) return -ENOMEM;
    uint32_t page;
    const int error = find_page(fault, leaf, &page);
    if (error != 0) return error;
    bind(fault, leaf, page);
    if (memory.page[page].kind == PAGE_HELD)
        bind_chunk(fault, leaf);
    else
        bind_known(fault, leaf);
    machine_commit(0);
    return 0;
}

// ---- which mapping

// A stack grows down to the address, unless it would become too large or come near another mapping.
static const struct mapping *grow_stack(struct vm *vm, uint64_t address) {
    const uint32_t at = mappings_from(vm->mappings, address);
    if (at == vm->mappings->count || !unix_is_user(address, EXO_PAGE_SIZE)) return nullptr;
    const struct mapping *stack = &vm->mappings->mapping[at];
    if (!(stack->flags & MAPPING_STACK) || stack->end - address > vm->stack_most) return nullptr;
    if (at > 0 && stack[-1].end + STACK_GAP > address) return nullptr;
    struct mappings *mappings = mappings_own(vm->mappings, 0);
    if (mappings == nullptr) return nullptr;
    vm->mappings = mappings;
    if (!space_own(&vm->space, address, mappings->mapping[at].first, true)) return nullptr;
    mappings->mapping[at].first = address;
    return &mappings->mapping[at];
}

static struct vm_refusal refusal_of(int error) {
    switch (error) {
    case 0: return (struct vm_refusal){};
    case -ENOMEM: return (struct vm_refusal){SIGKILL, 0};
    default: return (struct vm_refusal){SIGBUS, ADRERR};
    }
}

static struct vm_refusal serve(struct vm *vm, uint64_t address, uint64_t error) {
    struct fault fault = {.vm = vm, .address = page_down(address)};
    memory.count.faults++;
    fault.mapping = mappings_at(vm->mappings, address);
    if (fault.mapping == nullptr && (fault.mapping = grow_stack(vm, fault.address)) == nullptr)
        return (struct vm_refusal){SIGSEGV, MAPERR};
    const struct mapping *mapping = fault.mapping;
    const uint64_t needed = error & FAULT_WRITE   ? VM_WRITE
                            : error & FAULT_FETCH ? VM_EXECUTE
                                                  : VM_READ | VM_WRITE | VM_EXECUTE; // any of them can be read
    if (!(mapping->rights & needed)) return (struct vm_refusal){SIGSEGV, ACCERR};
    if (is_behind_end(&fault)) return (struct vm_refusal){SIGBUS, ADRERR};
    if (!(error & FAULT_WRITE)) return refusal_of(read(&fault));
    return refusal_of(mapping->flags & MAPPING_SHARED ? write_shared(&fault) : write_private(&fault));
}

struct vm_refusal vm_fault(struct vm *vm, uint64_t address, uint64_t error, const struct exo_context *registers) {
    instruction_faults(registers);
    const struct vm_refusal refusal = serve(vm, address, error);
    instruction_faults(nullptr);
    return refusal;
}

int vm_read(struct vm *vm, uint64_t address, void *to, size_t bytes) {
    while (bytes != 0) {
        const uint64_t within = address % EXO_PAGE_SIZE, rest = EXO_PAGE_SIZE - within;
        const size_t part = bytes < rest ? bytes : rest;
        const struct fault place = {vm, mappings_at(vm->mappings, address), page_down(address)};
        if (place.mapping == nullptr || is_behind_end(&place)) return -EFAULT;
        uint32_t page;
        if (find_page(&place, leaf_find(&vm->space, address), &page) != 0) return -EFAULT;
        memcpy(to, (page == PAGE_ZERO ? frame_memory(memory.zero_frame) : page_memory(page)) + within, part);
        to = (char *)to + part;
        address += part;
        bytes -= part;
    }
    return 0;
}
