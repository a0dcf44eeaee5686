// SPDX-License-Identifier: MIT
// Comparing a file system with a model of it.
#include "tests/unit/disk_world.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

char world_difference[256];

static bool differs(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world_difference, sizeof world_difference, format, arguments);
    va_end(arguments);
    return false;
}

static bool page_matches(struct inode *inode, const struct object *object, uint32_t newest, unsigned page) {
    struct fs_place place;
    if (fs_block(inode, page, 0, &place)) return differs("page %u can't be found", page);
    if (!object->version[page]) return !place.block || differs("page %u should be a hole", page);
    if (!place.block) return differs("page %u is a hole", page);
    for (unsigned sector = 0; sector < FS_BLOCK / SECTOR; sector++) {
        uint64_t first, last;
        const uint8_t *at = model.seen + place.block * FS_BLOCK + sector * SECTOR;
        memcpy(&first, at, 8);
        memcpy(&last, at + SECTOR - 8, 8);
        const uint32_t version = (uint32_t)first;
        if (first != last || first >> 40 != object->unique || (first >> 32 & 255) != page)
            return differs("page %u of inode %u holds what was never written to it: %lx", page, inode->number, first);
        if (version < object->least[page] || version > newest)
            return differs("page %u of inode %u has version %u, not %u to %u", page, inode->number, version,
                           object->least[page], newest);
    }
    return true;
}

static bool link_matches(struct inode *inode, const struct object *object) {
    char target[400], want[400];
    memset(want, 'a' + object->target % 26, sizeof want);
    return fs_readlink(inode, target, sizeof target) == object->target && !memcmp(target, want, object->target);
}

static bool matches(struct inode *inode, const struct world *world, const struct world *now, unsigned number);

static bool directory_matches(struct inode *inode, const struct world *world, const struct world *now,
                              const struct object *object) {
    unsigned entries = 0, wanted = 0;
    struct fs_entry entry;
    int more;
    for (uint64_t cursor = 0; (more = fs_readdir(inode, cursor, &entry)) == 1; cursor = entry.cursor)
        entries += strcmp(entry.name, ".") && strcmp(entry.name, "..") && strcmp(entry.name, "lost+found");
    if (more) return differs("a directory can't be read: %d", more);
    for (unsigned i = 0; i < NAMES; i++) {
        if (!object->entries[i]) continue;
        wanted++;
        struct inode *child;
        const int error = fs_lookup(inode, world_names[i], strlen(world_names[i]), &child);
        if (error) return differs("%s in inode %u: %d", world_names[i], inode->number, error);
        const bool good = matches(child, world, now, object->entries[i] - 1u);
        fs_release(child);
        if (!good) return false;
    }
    return entries == wanted || differs("inode %u has %u entries, not %u", inode->number, entries, wanted);
}

static bool matches(struct inode *inode, const struct world *world, const struct world *now, unsigned number) {
    const struct object *object = &world->objects[number];
    const uint32_t links = object->links + (number == 0); // lost+found
    if (inode->mode != object->mode || inode->links != links || (number && inode->uid != object->uid)
        || (!S_ISDIR(object->mode) && inode->size != object->size))
        return differs("inode %u: mode %o, links %u, uid %u, size %lu; wanted %o, %u, %u, %lu", inode->number,
                       inode->mode, inode->links, inode->uid, inode->size, object->mode, links, object->uid,
                       object->size);
    if (S_ISDIR(object->mode)) return directory_matches(inode, world, now, object);
    if (S_ISLNK(object->mode)) return link_matches(inode, object) || differs("inode %u links elsewhere", inode->number);
    for (unsigned page = 0; S_ISREG(object->mode) && page < PAGES; page++)
        if (!page_matches(inode, object, now ? now->next_version : object->version[page], page)) return false;
    return true;
}

bool world_matches(struct filesystem *fs, const struct world *world, const struct world *now) {
    return matches(fs_root(fs), world, now, 0);
}
