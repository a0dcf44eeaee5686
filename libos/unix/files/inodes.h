// SPDX-License-Identifier: MIT
// What can be done with an inode, wherever it is: on the disk or special. inode_hold and inode_release are in file.h.
//
// /dev and /proc lie over the disk's root: their names there mean these trees, whatever the disk has.
#pragma once
#include "libos/unix/disk/filesystem.h"
#include "libos/unix/files/file.h"
#include <sys/stat.h>

extern struct filesystem *files_disk; // the mounted file system

// As fs_lookup; also "." and "..". *found gets a reference.
int inode_lookup(struct inode *directory, const char *name, size_t length, struct inode **found);
int inode_entry(struct inode *directory, uint64_t cursor, struct fs_entry *entry);
int64_t inode_target(struct inode *link, char *target, size_t room);
int inode_change(struct inode *inode, const struct fs_change *to); // -EPERM: one of /proc
uint64_t inode_device(const struct inode *inode);
void inode_status(const struct inode *inode, struct stat *status);

// Opens a file, for an inode and flags that were checked against each other. May sleep (named pipes). The file takes
// references of its own to `inode` and `from`.
int inode_open(struct inode *inode, uint32_t flags, const char *path, struct inode *from, struct file **file);

// ---- Permissions: those of the current process
enum access : uint32_t { ACCESS_EXECUTE = 1, ACCESS_WRITE = 2, ACCESS_READ = 4 }; // as of access(2)
int inode_access(const struct inode *inode, uint32_t wanted);                     // 0 or -EACCES
int inode_access_as(const struct inode *inode, uint32_t wanted, uint32_t uid, uint32_t gid);
bool inode_owned(const struct inode *inode); // by the current process, or it is the superuser

// ---- One writer at a time to a regular file: so that what is appended stays whole. For a moment, also by those who
// sleep for memory or the disk.
struct writing {
    struct inode *inode;
    struct writing *next;
    struct wait_queue waiting;
};
void writing_begin(struct writing *writing, struct inode *inode);
void writing_end(struct writing *writing);
