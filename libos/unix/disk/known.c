// SPDX-License-Identifier: MIT
// Names that were looked up or made lately, and those that were found absent: a table in which each name has one place,
// so that the last that came there counts. An entry never moves, so its place stays good until it is removed.
//
// A directory is told from a later one of the same inode number by its generation.
#include "libos/unix/disk/internal.h"

constexpr uint32_t KNOWN = 512, KNOWN_LENGTH = 39;

struct known {
    uint32_t directory, generation; // directory 0: nothing is known
    struct place place;             // inode 0: there is no such name
    uint8_t length;
    char name[KNOWN_LENGTH];
};
static_assert(sizeof(struct known) <= 72);

int known_init(struct filesystem *fs) {
    fs->known = fs_heap_calloc(KNOWN, sizeof *fs->known);
    return fs->known ? 0 : -ENOMEM;
}

void known_forget(struct filesystem *fs) {
    memset(fs->known, 0, KNOWN * sizeof *fs->known);
}

static struct known *slot(const struct node *directory, const char *name, size_t length) {
    uint64_t hash = directory->inode.number;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (uint8_t)name[i]) * 0x9e3779b97f4a7c15;
    return &directory->inode.fs->known[hash >> 32 & (KNOWN - 1)];
}

bool known_find(const struct node *directory, const char *name, size_t length, struct place *place) {
    if (length > KNOWN_LENGTH) return false;
    const struct known *known = slot(directory, name, length);
    if (known->directory != directory->inode.number || known->generation != directory->inode.generation
        || known->length != length || memcmp(known->name, name, length) != 0)
        return false;
    *place = known->place;
    return true;
}

void known_put(const struct node *directory, const char *name, size_t length, const struct place *place) {
    if (length > KNOWN_LENGTH) return;
    struct known *known = slot(directory, name, length);
    known->directory = directory->inode.number;
    known->generation = directory->inode.generation;
    known->place = *place;
    known->length = (uint8_t)length;
    memcpy(known->name, name, length);
}
