// SPDX-License-Identifier: MIT
// Inodes that are not on the disk: of /dev, /proc, pipes, sockets. To those above they are inodes like others.
//
// A special inode is known by its null `fs`. It begins a larger struct of its kind's.
#pragma once
#include "libos/unix/disk/filesystem.h"

struct file;
struct special;

// A null operation gives the error beside it.
struct special_kind {
    int (*lookup)(struct special *directory, const char *name, size_t length, struct inode **found); // ENOTDIR
    int (*entry)(struct special *directory, uint64_t cursor, struct fs_entry *entry);                // ENOTDIR
    int64_t (*target)(struct special *link, char *target, size_t room);                              // EINVAL
    // Where a link leads that is more than its text (/proc/PID/fd/1). Null: where its text says.
    int (*follow)(struct special *link, struct inode **found);
    int (*open)(struct special *inode, uint32_t flags, struct file **file); // ENXIO
    void (*release)(struct special *inode);                                 // the last reference goes. Null: kept
    uint64_t device;                                                        // as st_dev
};

struct special {
    struct inode inode;
    const struct special_kind *kind;
};

static inline bool is_special(const struct inode *inode) {
    return inode->fs == nullptr;
}
static inline struct special *special_of(struct inode *inode) {
    return (struct special *)inode;
}

// The roots of the trees; no references.
struct inode *dev_root(void);
struct inode *proc_root(void);

const char *device_name(const struct inode *inode); // in /dev; null: it is none of there
