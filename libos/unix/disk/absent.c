// SPDX-License-Identifier: MIT
// Names that a directory surely doesn't have, so that making a new one in a large directory reads none of it: a Bloom
// filter of all its names. It is made when a search has gone through more than a block in vain, and given up with the
// node, or when so many names have come since that it says little. A name that goes leaves its bits.
#include "libos/unix/disk/internal.h"

constexpr uint32_t LEAST = 256, MOST = 16384; // names for which there is one
constexpr uint32_t BITS = 16;                 // for each name at first; twice as many names may come
constexpr unsigned PROBES = 3;

struct absent {
    uint32_t names, most;
    uint64_t mask; // number of bits - 1
    uint64_t word[];
};

static uint64_t hash_of(const char *name, size_t length) {
    uint64_t hash = length;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (uint8_t)name[i]) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 29;
}

void absent_start(struct node *directory, uint32_t names) {
    uint64_t bits = (uint64_t)LEAST * BITS;
    absent_forget(directory);
    if (names > MOST) return;
    while (bits < (uint64_t)names * BITS) bits *= 2;
    struct absent *absent = fs_heap_calloc(1, sizeof *absent + bits / 8);
    if (!absent) return;
    absent->most = (uint32_t)(bits / BITS * 2);
    absent->mask = bits - 1;
    directory->absent = absent;
}

void absent_add(struct node *directory, const char *name, size_t length) {
    struct absent *absent = directory->absent;
    if (!absent) return;
    if (++absent->names > absent->most) {
        absent_forget(directory);
        return;
    }
    uint64_t hash = hash_of(name, length);
    for (unsigned i = 0; i < PROBES; i++, hash >>= 20) absent->word[(hash & absent->mask) / 64] |= 1ull << hash % 64;
}

bool absent_is(const struct node *directory, const char *name, size_t length) {
    const struct absent *absent = directory->absent;
    if (!absent) return false;
    uint64_t hash = hash_of(name, length);
    for (unsigned i = 0; i < PROBES; i++, hash >>= 20)
        if (!(absent->word[(hash & absent->mask) / 64] & 1ull << hash % 64)) return true;
    return false;
}

void absent_forget(struct node *directory) {
    fs_heap_free(directory->absent);
    directory->absent = nullptr;
}
