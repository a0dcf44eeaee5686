// SPDX-License-Identifier: MIT
// The file system on a disk extent: ext4's format, with a journal, in library code.
//
//   fs_mount(&options, &fs);                                     // replays the journal, frees what a crash left
//   fs_lookup(fs_root(fs), "etc", 3, &etc);                      // a reference, to be given back by fs_release
//   fs_create(etc, "motd", 4, &(struct fs_new){.mode = S_IFREG | 0644}, &motd);
//   fs_block(motd, 0, FS_ALLOCATE, &at);                         // where page 0 lies; the caller moves the data itself
//   … write the page to block at.block …  fs_set_size(motd, 5);
//   fs_fsync(motd, false);                                       // now both survive a power cut
//
// Results are 0 or a negative errno value of Linux. What fails changes nothing, except that a disk which fails to write
// stops the file system: everything after that gives -EROFS, and the disk keeps the last state that was committed.
//
// File *contents* never pass through here: the page cache above asks where a page lies and moves it between disk and
// its own frame. Everything else (directories, inodes, maps) goes through a bounded cache of blocks and is written to
// the journal first. An operation is in the journal whole or not at all; operations get there in their order.
//
// Not re-entrant: one caller at a time. Only the hooks are called back, and they may call fs_block without FS_ALLOCATE
// and nothing else.
#pragma once
#include <stddef.h>
#include <stdint.h>

constexpr uint32_t FS_BLOCK = 4096;
constexpr uint32_t FS_NAME_MOST = 255;
constexpr uint64_t FS_SIZE_MOST = (uint64_t)16 << 40; // a file's bytes (whole blocks below it)
constexpr uint32_t FS_LINKS_MOST = 65000;

// The disk. Every function returns 0 or -EIO. Blocks are counted from the start of the file system.
struct fs_disk {
    uint64_t blocks;
    int (*read)(struct fs_disk *disk, uint64_t block, void *memory);
    // `count` pages of memory to blocks in a row. Need not be on the disk, nor be there in order, before `flush`.
    int (*write)(struct fs_disk *disk, uint64_t block, void *const memory[], uint32_t count);
    // Everything whose write has returned, also file contents written by the page cache, is on the disk for good.
    int (*flush)(struct fs_disk *disk);
};

struct inode;

// What the file system asks of those above it. `context` is that of the options.
struct fs_hooks {
    // Write every dirty page of this file whose block was fresh (fs_block) since the last commit, and wait. Called
    // before a commit that makes those blocks part of the file, so that nobody ever finds what was in them before.
    // 0 or -EIO. Null: the caller writes a fresh block before it calls anything else.
    int (*write_fresh)(void *context, struct inode *inode);
    uint64_t (*now)(void *context); // nanoseconds since 1970
};

struct fs_options {
    struct fs_disk *disk;
    struct fs_hooks hooks;
    void *context;
    void *blocks;         // page-aligned: the cache of blocks, which the disk's functions are given
    uint32_t block_count; // at least FS_CACHE_LEAST
    void *heap;           // 16-aligned: everything else that is remembered
    size_t heap_bytes;    // at least fs_heap_least(disk->blocks)
    uint32_t inodes;      // how many inodes without references are remembered at most
};

constexpr uint32_t FS_CACHE_LEAST = 128;
size_t fs_heap_least(uint64_t blocks);

// An inode in memory. At most one exists of each number, so pointers can be compared. To be read by everybody and
// changed by the file system only, except `owner`.
struct inode {
    struct filesystem *fs;
    uint32_t number;
    uint32_t references;
    uint16_t mode; // type and permissions, as in stat
    uint32_t links;
    uint32_t uid, gid;
    uint32_t device; // of device files: major << 8 | minor, minor's upper bits from 20 on
    uint32_t generation;
    uint64_t size;
    uint64_t sectors;                     // of 512 bytes, as st_blocks counts
    uint64_t accessed, modified, changed; // nanoseconds since 1970
    void *owner;                          // the upper layer's own; null again before the last reference is released
};

struct filesystem;

// Errors: EIO the disk failed; EINVAL this is no file system or a damaged one; EOPNOTSUPP it has features that are not
// served; ENOMEM the heap is too small. `fs_reason` then has one sentence.
int fs_mount(const struct fs_options *options, struct filesystem **fs);
const char *fs_reason(void);

// Writes everything and leaves the disk clean. All references but the root's must be released; those that are not are
// as after a crash. The memory is the caller's again, also after an error (-EIO, -EROFS).
int fs_unmount(struct filesystem *fs);

// Everything that was done before is on the disk. (Dirty pages of files are the caller's: it writes them first.)
int fs_sync(struct filesystem *fs);

// What was done to this inode before, and how it is reached, is on the disk. `data`: as fdatasync, times may be
// missing.
int fs_fsync(struct inode *inode, bool data);

struct inode *fs_root(struct filesystem *fs); // no reference: it lives as long as the file system
struct inode *fs_hold(struct inode *inode);   // one more reference
// One reference less. A file without links and references is freed; that may take many steps, and goes on at the next
// mount if the power fails.
void fs_release(struct inode *inode);

// ---- Names. `length` bytes, without '/' and zero bytes, 1 to FS_NAME_MOST (else ENAMETOOLONG, or ENOENT for 0).
// The caller checks permissions. Common errors: ENOTDIR the directory is none, ENOENT it has been removed, ENOSPC,
// EIO, EROFS, ENOMEM, EUCLEAN (damaged contents).

// ENOENT: no such name. "." and ".." are found like others.
int fs_lookup(struct inode *directory, const char *name, size_t length, struct inode **found);

struct fs_new {
    uint16_t mode; // with the type, S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO or S_IFSOCK
    uint32_t uid, gid;
    uint32_t device; // as in struct inode
};

// EEXIST: the name is there. *made gets a reference; null: none is wanted.
int fs_create(struct inode *directory, const char *name, size_t length, const struct fs_new *as, struct inode **made);
int fs_mkdir(struct inode *directory, const char *name, size_t length, const struct fs_new *as, struct inode **made);
int fs_symlink(struct inode *directory, const char *name, size_t length, const struct fs_new *as, const char *target,
               size_t target_length, struct inode **made); // ENAMETOOLONG: a target of 4096 bytes or more

// A file without a name (O_TMPFILE), which fs_link can give one.
int fs_create_nameless(struct filesystem *fs, const struct fs_new *as, struct inode **made);

int fs_link(struct inode *directory, const char *name, size_t length, struct inode *to); // EPERM a directory; EMLINK
int fs_unlink(struct inode *directory, const char *name, size_t length);                 // EISDIR
int fs_rmdir(struct inode *directory, const char *name, size_t length); // ENOTEMPTY, ENOTDIR, EINVAL for ".", EBUSY

// As rename(2): replaces what has the new name, in one step. EINVAL: into itself; ENOTEMPTY, EISDIR, ENOTDIR;
// FS_NOREPLACE: EEXIST. Nothing happens if both names are the same file.
enum fs_rename_flags : uint32_t { FS_NOREPLACE = 1 };
int fs_rename(struct inode *from, const char *name, size_t length, struct inode *to, const char *new_name,
              size_t new_length, uint32_t flags);

// Copies a link's target, without a zero byte at its end. Returns its length (at most `room` are copied) or an error.
int64_t fs_readlink(struct inode *link, char *target, size_t room);

struct fs_entry {
    uint64_t cursor; // of what follows: a later fs_readdir from here goes on, whatever was added or removed between
    uint32_t inode;
    uint8_t type; // DT_REG and so on
    uint8_t length;
    char name[FS_NAME_MOST + 1]; // zero-terminated
};

// The next entry at or after a cursor; 0 is the start. 1: there is one; 0: no more; or an error.
int fs_readdir(struct inode *directory, uint64_t cursor, struct fs_entry *entry);

// ---- Attributes

enum fs_change_mask : uint32_t {
    FS_MODE = 1,  // permissions only; the type stays
    FS_OWNER = 2, // uid and gid
    FS_ACCESSED = 4,
    FS_MODIFIED = 8,
    FS_CHANGED = 16, // set to `changed`; without it, FS_MODE and FS_OWNER set it to now
};
struct fs_change {
    uint32_t mask;
    uint16_t mode;
    uint32_t uid, gid;
    uint64_t accessed, modified, changed;
};
int fs_change(struct inode *inode, const struct fs_change *to);

// A cheap way to say that contents were read (FS_ACCESSED) or written (FS_MODIFIED | FS_CHANGED) now.
void fs_touch(struct inode *inode, uint32_t mask);

// Makes a file longer (what is between reads as zeros; no block is taken) or shorter (blocks past the end are freed).
// The page cache has dropped the pages past the new end, and zeroed and marked dirty what it keeps of the last one.
// EFBIG; EISDIR, EINVAL: no regular file.
int fs_set_size(struct inode *inode, uint64_t size);

// ---- Contents

enum fs_block_flags : uint32_t { FS_ALLOCATE = 1 };

struct fs_place {
    uint64_t block; // 0: a hole, which reads as zeros
    uint32_t run;   // how many pages from this one on lie (or are holes) in a row; at least 1
    bool fresh;     // the block was taken just now: what is in it is no content of the file, and must be overwritten
};

// Where page `index` of a file lies. FS_ALLOCATE: takes a block if it is a hole (never more than that page).
int fs_block(struct inode *file, uint64_t index, uint32_t flags, struct fs_place *place);

// Takes blocks for the holes among `pages` pages from `index` on, near each other: each is fresh, and `write_fresh`
// must write zeros where the caller has nothing else. May give fewer than wanted: *taken says how many pages from
// `index` on have blocks now. ENOSPC: none.
int fs_allocate(struct inode *file, uint64_t index, uint64_t pages, uint64_t *taken);

// Makes holes of whole pages (fallocate's FALLOC_FL_PUNCH_HOLE); the page cache has dropped them.
int fs_punch(struct inode *file, uint64_t index, uint64_t pages);

struct fs_statistics {
    uint64_t blocks, free, available; // of FS_BLOCK bytes; available: to all but root
    uint64_t inodes, inodes_free;
    uint64_t commits, logged, checkpoints, cache_misses, reads, writes, flushes; // since the mount; blocks and times
};
void fs_statistics(const struct filesystem *fs, struct fs_statistics *statistics);
