// SPDX-License-Identifier: MIT
// See heap.h. Blocks lie end to end from `low` to `top`; each knows its own size and that of the one below, so that
// both neighbours are found. Free blocks hang in one list per power of two of their size. What lies past `top` is
// handed out last; past `high` it was never handed out. Invariant: no two free blocks are neighbours, and the block
// below `top` is in use.
#include "libos/core/heap.h"
#include <string.h>

struct block {
    size_t size;                   // header included, a multiple of 16; bit 0: in use
    size_t below;                  // size of the block below; 0: this is the lowest
    struct block *next, *previous; // in its list, while free
};

constexpr size_t HEADER = 16;
constexpr size_t SMALLEST = sizeof(struct block);
constexpr size_t USED = 1;
constexpr unsigned LISTS = 48;

static struct {
    char *low, *top, *high, *end;
    size_t below_top; // size of the block below top
    bool zeroed;
    struct block *list[LISTS];
} heap;

static size_t size_of(const struct block *block) {
    return block->size & ~USED;
}
static void *memory_of(struct block *block) {
    return (char *)block + HEADER;
}
static struct block *block_of(void *memory) {
    return (struct block *)((char *)memory - HEADER);
}
static struct block *above(struct block *block) {
    return (struct block *)((char *)block + size_of(block));
}
static bool is_top(const struct block *block) {
    return (const char *)block == heap.top;
}
static unsigned list_of(size_t size) {
    return 63 - (unsigned)__builtin_clzl(size);
}

static void insert(struct block *block) {
    struct block **list = &heap.list[list_of(block->size)];
    block->next = *list;
    block->previous = nullptr;
    if (*list != nullptr) (*list)->previous = block;
    *list = block;
}

static void unlink(struct block *block) {
    if (block->next != nullptr) block->next->previous = block->previous;
    if (block->previous != nullptr)
        block->previous->next = block->next;
    else
        heap.list[list_of(block->size)] = block->next;
}

// Tells the block above (or the top) how large the one below it is.
static void set_below(struct block *block) {
    if (is_top(above(block)))
        heap.below_top = size_of(block);
    else
        above(block)->below = size_of(block);
}

void heap_init(void *first, size_t bytes, bool zeroed) {
    memset(&heap, 0, sizeof(heap));
    heap.low = heap.top = heap.high = first;
    heap.end = heap.low + bytes;
    heap.zeroed = zeroed;
}

// Makes a block that is not in use, and in no list, free: joins it with free neighbours, or lowers the top.
static void set_free(struct block *block) {
    struct block *next = above(block);
    if (!is_top(next) && !(next->size & USED)) {
        unlink(next);
        block->size += next->size;
    }
    if (block->below != 0) {
        struct block *before = (struct block *)((char *)block - block->below);
        if (!(before->size & USED)) {
            unlink(before);
            before->size += block->size;
            block = before;
        }
    }
    if (is_top(above(block))) {
        heap.top = (char *)block;
        heap.below_top = block->below;
        return;
    }
    set_below(block);
    insert(block);
}

// Cuts what a used block doesn't need off its end.
static void trim(struct block *block, size_t size) {
    const size_t rest = size_of(block) - size;
    if (rest < SMALLEST) return;
    block->size = size | USED;
    struct block *tail = above(block);
    tail->size = rest;
    tail->below = size;
    if (is_top(above(tail))) heap.below_top = rest;
    set_free(tail);
}

static struct block *from_lists(size_t size) {
    for (unsigned i = list_of(size); i < LISTS; i++)
        for (struct block *block = heap.list[i]; block != nullptr; block = block->next)
            if (block->size >= size) {
                unlink(block);
                block->size |= USED;
                trim(block, size);
                return block;
            }
    return nullptr;
}

static struct block *from_top(size_t size) {
    if (size > (size_t)(heap.end - heap.top)) return nullptr;
    struct block *block = (struct block *)heap.top;
    heap.top += size;
    if (heap.top > heap.high) heap.high = heap.top;
    block->size = size | USED;
    block->below = heap.below_top;
    heap.below_top = size;
    return block;
}

// The size of the block for so many bytes; 0: more than any heap has.
static size_t block_size(size_t bytes) {
    if (bytes > (size_t)(heap.end - heap.low)) return 0;
    const size_t size = (bytes + HEADER + 15) & ~(size_t)15;
    return size < SMALLEST ? SMALLEST : size;
}

void *heap_allocate(size_t bytes) {
    const size_t size = block_size(bytes);
    if (size == 0) return nullptr;
    struct block *block = from_lists(size);
    if (block == nullptr) block = from_top(size);
    return block == nullptr ? nullptr : memory_of(block);
}

void *heap_allocate_zeroed(size_t bytes) {
    const char *never_used = heap.high;
    char *memory = heap_allocate(bytes);
    if (memory == nullptr) return nullptr;
    size_t dirty = bytes;
    if (heap.zeroed && memory + bytes > never_used) dirty = memory < never_used ? (size_t)(never_used - memory) : 0;
    memset(memory, 0, dirty);
    return memory;
}

void *heap_allocate_aligned(size_t alignment, size_t bytes) {
    if (alignment <= 16) return heap_allocate(bytes);
    char *memory = bytes + alignment + SMALLEST < bytes ? nullptr : heap_allocate(bytes + alignment + SMALLEST);
    if (memory == nullptr) return nullptr;
    struct block *block = block_of(memory);
    if ((uintptr_t)memory % alignment != 0) {
        // The lower part must itself be a block, so skip to an aligned place with room for one below.
        const uintptr_t aligned = ((uintptr_t)memory + SMALLEST + alignment - 1) & ~(alignment - 1);
        const size_t skipped = aligned - (uintptr_t)memory;
        struct block *lower = block;
        const size_t whole = size_of(block);
        block = (struct block *)((char *)lower + skipped);
        block->size = (whole - skipped) | USED;
        block->below = skipped;
        set_below(block);
        lower->size = skipped;
        set_free(lower);
    }
    trim(block, block_size(bytes));
    return memory_of(block);
}

// The block of a pointer that the program has given us. Headers are checked as far as they can be.
static struct block *used_block_of(void *memory) {
    struct block *block = block_of(memory);
    if ((uintptr_t)memory % 16 != 0 || (char *)block < heap.low || (char *)block >= heap.top || !(block->size & USED)
        || size_of(block) > (size_t)(heap.top - (char *)block))
        heap_broken(memory);
    return block;
}

void heap_release(void *memory) {
    if (memory == nullptr) return;
    struct block *block = used_block_of(memory);
    block->size &= ~USED;
    set_free(block);
}

// Nobody counts on the way, so that handing out blocks costs no more for those who never ask.
size_t heap_used(void) {
    size_t used = 0;
    for (const char *at = heap.low; at < heap.top; at += size_of((const struct block *)at))
        if (((const struct block *)at)->size & USED) used += size_of((const struct block *)at);
    return used;
}

// Makes a used block larger without moving it, from a free neighbour above or the top.
static bool grow(struct block *block, size_t size) {
    const size_t more = size - size_of(block);
    struct block *next = above(block);
    if (is_top(next)) {
        if (more > (size_t)(heap.end - heap.top)) return false;
        heap.top += more;
        if (heap.top > heap.high) heap.high = heap.top;
        block->size += more;
        heap.below_top = size;
        return true;
    }
    if ((next->size & USED) || next->size < more) return false;
    unlink(next);
    block->size += next->size;
    set_below(block);
    trim(block, size);
    return true;
}

void *heap_reallocate(void *memory, size_t bytes) {
    if (memory == nullptr) return heap_allocate(bytes);
    struct block *block = used_block_of(memory);
    const size_t size = block_size(bytes);
    if (size == 0) return nullptr;
    if (size <= size_of(block)) {
        trim(block, size);
        return memory;
    }
    if (grow(block, size)) return memory;
    void *larger = heap_allocate(bytes);
    if (larger == nullptr) return nullptr;
    memcpy(larger, memory, size_of(block) - HEADER);
    heap_release(memory);
    return larger;
}
