// SPDX-License-Identifier: MIT
// The file system's heap: pieces of a range of memory that is given at the mount.
//
// Sizes are rounded up to a class, 4 to each power of two; a released piece goes to its class's list and serves the
// next of that class. Pieces are never split or joined: what the file system asks for is either asked for once (tables
// whose size comes from the disk's) or comes back in the same few sizes (inodes, libext2fs's walks of extent trees). So
// every call takes a few instructions, and whoever alone uses a size can be promised pieces of it (heap_prime).
#include "libos/unix/disk/internal.h"

constexpr unsigned CLASSES = 4 * 40;

struct piece { // 16 bytes, so that what follows is 16-aligned
    uint64_t class;
    struct piece *next; // while free
};
static_assert(sizeof(struct piece) == 16);

static struct {
    char *next, *end;
    struct piece *free[CLASSES];
} heap;

void heap_start(void *memory, size_t bytes) {
    memset(&heap, 0, sizeof heap);
    heap.next = memory;
    heap.end = heap.next + bytes / 16 * 16;
}

static size_t class_bytes(unsigned class) {
    return ((size_t)(4 + class % 4) << (class / 4)) * 16;
}

// The smallest class that holds so many bytes. Classes 0 to 3 have 64 to 112 bytes.
static unsigned class_of(size_t bytes) {
    const size_t units = (bytes + 15) / 16;
    if (units <= 4) return 0;
    const unsigned shift = 61 - (unsigned)__builtin_clzl(units); // units >> shift is 4 to 7
    const unsigned class = shift * 4 + (unsigned)(units >> shift) - 4;
    return class_bytes(class) < bytes ? class + 1 : class;
}

void *fs_heap_malloc(size_t bytes) {
    if (bytes > (size_t)1 << 40) return nullptr;
    const unsigned class = class_of(bytes + sizeof(struct piece));
    const size_t size = class_bytes(class);
    struct piece *piece = heap.free[class];
    if (piece) {
        heap.free[class] = piece->next;
    } else {
        if ((size_t)(heap.end - heap.next) < size) return nullptr;
        piece = (struct piece *)heap.next;
        heap.next += size;
        piece->class = class;
    }
    return piece + 1;
}

void *fs_heap_calloc(size_t count, size_t bytes) {
    if (bytes && count > ((size_t)1 << 40) / bytes) return nullptr;
    void *memory = fs_heap_malloc(count * bytes);
    return memory ? memset(memory, 0, count * bytes) : nullptr;
}

void fs_heap_free(void *memory) {
    if (!memory) return;
    struct piece *piece = (struct piece *)memory - 1;
    piece->next = heap.free[piece->class];
    heap.free[piece->class] = piece;
}

void *fs_heap_realloc(void *memory, size_t bytes) {
    if (!memory) return fs_heap_malloc(bytes);
    const size_t room = class_bytes((unsigned)((struct piece *)memory - 1)->class) - sizeof(struct piece);
    if (bytes <= room) return memory;
    void *larger = fs_heap_malloc(bytes);
    if (!larger) return nullptr;
    memcpy(larger, memory, room);
    fs_heap_free(memory);
    return larger;
}

bool heap_prime(size_t bytes, unsigned count) {
    void *pieces = nullptr;
    for (unsigned i = 0; i < count; i++) {
        void **piece = fs_heap_malloc(bytes);
        if (!piece) return false;
        *piece = pieces;
        pieces = piece;
    }
    while (pieces) {
        void *next = *(void **)pieces;
        fs_heap_free(pieces);
        pieces = next;
    }
    return true;
}
