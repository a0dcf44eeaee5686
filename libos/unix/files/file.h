// SPDX-License-Identifier: MIT
// An open file: what a descriptor stands for. A read is the same call on a disk file, the console, a pipe or memory.
//
// A file is an object with operations, after Plan 9's devices and Unix's file structure: the caller knows no kind.
// Every file has an inode: the disk's, or a special one (files/special.h) of /dev, /proc, a pipe.
#pragma once
#include "libos/unix/files/lock.h"
#include "libos/unix/process/wait.h"
#include "pe/types.h"

struct file;
struct fs_entry;
struct inode;
struct poll_watch;

// A null operation gives the error beside it.
struct file_operations {
    int64_t (*read)(struct file *file, uint64_t offset, void *to, size_t bytes);          // EINVAL
    int64_t (*write)(struct file *file, uint64_t offset, const void *from, size_t bytes); // EINVAL
    // The next entry at or after a cursor, as fs_readdir.
    int (*entry)(struct file *directory, uint64_t cursor, struct fs_entry *entry); // ENOTDIR
    int64_t (*control)(struct file *file, uint64_t request, uint64_t argument);    // ENOTTY: ioctl
    // Which of POLLIN, POLLOUT, POLLERR, POLLHUP hold now. The queues that are woken when that may change are given to
    // poll_add, unless `watch` is null (files/poll.h). Null: always ready.
    uint32_t (*poll)(struct file *file, struct poll_watch *watch);
    int (*set_size)(struct file *file, uint64_t size); // EINVAL
    int (*sync)(struct file *file, bool data);         // EINVAL
    void (*release)(struct file *file);                // the last reference goes
    bool seeks; // has an offset; others give ESPIPE, and are read and written with offset 0
    bool stays; // lseek goes nowhere, and is no error
};

struct file {
    const struct file_operations *operations;
    uint32_t references;
    uint32_t flags;         // O_ACCMODE, O_APPEND, O_NONBLOCK, …
    uint64_t offset;
    struct lock position;   // held while `offset` is in use
    struct inode *inode;    // a reference
    void *own;
    struct inode *from;     // where `path` goes from, if it is relative; a reference, or null
    char path[];            // as it was opened, for /proc/PID/fd; may be empty
};

// `to` and `from` of read and write are addresses of the user's or of the library OS: the page cache and copy_out and
// copy_in (files/copy.h) take both. That a user's buffer does not reach into the library OS is checked before.

struct file *file_hold(struct file *file);
void file_release(struct file *file);

// For mmap: whether a file can be mapped with these rights (vm_rights; `shared` as in vm_map). *inode is the file to
// give to vm_map, without a reference; null: anonymous memory (/dev/zero). -EACCES, -ENODEV.
int file_mapping(const struct file *file, uint32_t rights, bool shared, struct inode **inode);

// ---- Inodes. References to one are taken and given back by these two and not by fs_hold and fs_release, as inodes of
// /dev and /proc are none of the file system's, and the page cache keeps references of its own.
struct inode *inode_hold(struct inode *inode);
void inode_release(struct inode *inode); // null is allowed

// What exec and others need of paths. A path of the current process; *inode gets a reference.
int path_find(const char *path, bool follow, struct inode **inode);

// For exec: the program's file, which must be a regular one and executable: EACCES, ENOENT, ENOTDIR, ELOOP …
int path_program(const char *path, struct inode **inode);

// The absolute path of a directory, with its zero byte. Returns its length with that, or -ENOENT (it was removed),
// -ERANGE (no room).
int64_t path_of_directory(struct inode *directory, char *to, size_t room);

// ---- Descriptors of a process: made with the three of the console; copied by fork; those with close-on-exec closed
struct descriptors;
int descriptors_new(struct descriptors **made);
int descriptors_fork(const struct descriptors *from, struct descriptors **made);
void descriptors_hold(struct descriptors *descriptors);
void descriptors_release(struct descriptors *descriptors);
void descriptors_exec(struct descriptors *descriptors);
struct file *descriptor_find(const struct descriptors *descriptors, int number); // null: EBADF. No new reference

// RLIMIT_NOFILE: descriptors below this number can be made. At most DESCRIPTORS_MOST.
constexpr uint32_t DESCRIPTORS_MOST = 4096;
uint32_t descriptors_limit(const struct descriptors *descriptors);
void descriptors_set_limit(struct descriptors *descriptors, uint32_t limit);

// Mounts the disk, makes /dev and /proc, the console. Called once, before the first process.
int files_start(void);
int files_stop(void); // everything is on the disk, which is clean
struct inode *files_root(void); // of the disk; no reference

// The console: called when the slice begins or the CPU is idle; true: a byte came, and somebody may be woken.
bool console_look(void);

// Whether somebody waits for the console: then the CPU is not given away for long while it is idle.
bool console_awaited(void);

// The leader of a session has ended: a terminal of its is nobody's any more.
void terminal_leave(int32_t session);
