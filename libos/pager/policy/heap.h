// SPDX-License-Identifier: MIT
// A binary heap of slots with the smallest key first, for policies that rank pages by numbers: O(log frames) a change.
// Keys are compared by `major`, then by `minor`; users keep them distinct, so the order never depends on the heap.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct heap_key {
    uint64_t major, minor;
};

struct heap {
    uint32_t count;
    struct heap_key *keys; // of each slot
    uint32_t *slots;       // at each place; the parent of place i is (i - 1) / 2
    uint32_t *places;      // of each slot; heap_absent if it is not in the heap
};

constexpr uint32_t heap_absent = UINT32_MAX;

static inline size_t heap_size(uint32_t slots) {
    return slots * (sizeof(struct heap_key) + 2 * sizeof(uint32_t));
}

// `memory` has heap_size(slots) bytes and is aligned for 64-bit numbers.
static inline void heap_start(struct heap *h, void *memory, uint32_t slots) {
    h->count = 0;
    h->keys = memory;
    h->slots = (uint32_t *)(h->keys + slots);
    h->places = h->slots + slots;
    for (uint32_t slot = 0; slot < slots; slot++) h->places[slot] = heap_absent;
}

static inline bool heap_before(const struct heap *h, uint32_t a, uint32_t b) {
    const struct heap_key *x = &h->keys[a], *y = &h->keys[b];
    return x->major != y->major ? x->major < y->major : x->minor < y->minor;
}

static inline void heap_put(struct heap *h, uint32_t place, uint32_t slot) {
    h->slots[place] = slot;
    h->places[slot] = place;
}

// Finds the place of a slot that is not at one, from the free place `place` on: upwards, else downwards.
static inline void heap_settle(struct heap *h, uint32_t place, uint32_t slot) {
    while (place > 0 && heap_before(h, slot, h->slots[(place - 1) / 2])) {
        heap_put(h, place, h->slots[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        uint64_t child = 2ull * place + 1;
        if (child + 1 < h->count && heap_before(h, h->slots[child + 1], h->slots[child])) child++;
        if (child >= h->count || !heap_before(h, h->slots[child], slot)) break;
        heap_put(h, place, h->slots[child]);
        place = (uint32_t)child;
    }
    heap_put(h, place, slot);
}

// The slot with the smallest key; there is one.
static inline uint32_t heap_first(const struct heap *h) {
    return h->slots[0];
}

// Gives a slot a key, in the heap before or not.
static inline void heap_set(struct heap *h, uint32_t slot, struct heap_key key) {
    h->keys[slot] = key;
    heap_settle(h, h->places[slot] == heap_absent ? h->count++ : h->places[slot], slot);
}

// Takes a slot out that is in.
static inline void heap_remove(struct heap *h, uint32_t slot) {
    const uint32_t place = h->places[slot], last = h->slots[--h->count];
    h->places[slot] = heap_absent;
    if (last != slot) heap_settle(h, place, last);
}
