// SPDX-License-Identifier: MIT
// Random operations on a file system, and a model of what they must do. Contents of files go through a small page
// cache, as a library OS's would: a page is written when it is evicted, for fsync, or when the file system asks.
//
// Each page of a file is filled with a number that says which file, which page and which version it is, so that it is
// known of every sector on the disk how it got there.
#pragma once
#include "tests/unit/disk_model.h"

constexpr unsigned OBJECTS = 40, NAMES = 10, PAGES = 24;

struct object {
    bool used, opened; // opened: the test holds a reference
    uint32_t unique;   // of all objects ever made
    uint16_t mode;
    uint32_t uid, links;
    uint64_t size;
    uint8_t entries[NAMES];  // of a directory: object number + 1
    uint16_t target;         // of a link: how long, and what
    uint32_t version[PAGES]; // last written; 0: a hole
    uint32_t least[PAGES];   // an older one must not come back after a crash
    unsigned changed_at;     // the operation that last changed more than contents in their place
};

struct world {
    struct object objects[OBJECTS]; // 0: the root
    uint32_t next_unique, next_version;
};

struct run {
    struct filesystem *fs;
    struct world world;      // now
    struct world *snapshots; // after each operation; null: none are kept
    unsigned count;          // operations done
    unsigned synced;         // everything up to this one must survive
    bool full;               // ENOSPC is allowed
    bool eager;              // everything is synced after each operation
    struct inode *open[OBJECTS];
    struct {
        struct inode *inode;
        uint64_t page;
        uint64_t tag;
        bool used;
    } cached[64];
};

extern struct run run;
extern const char *const world_names[NAMES];

void run_start(struct filesystem *fs, struct world *snapshots);
// One random operation. False: the disk failed (as it does when its power is cut).
bool run_operation(void);
void run_write_cached(void);
void run_release(void); // the cached pages, and what the test holds

// The page cache: holds a reference to what it has pages of.
int run_put(struct inode *inode, uint64_t page, uint64_t tag);
// Writes (or, without `write`, drops) the cached pages of an inode, or of all, from a page on.
int run_clean(struct inode *inode, uint64_t from, bool write);
int run_write_fresh(void *context, struct inode *inode);

// Whether the mounted file system is this world. `now`: versions up to this world's may be in files; null: exactly
// those of `world`.
bool world_matches(struct filesystem *fs, const struct world *world, const struct world *now);
extern char world_difference[256]; // why not
