// SPDX-License-Identifier: MIT
// An open file: what a descriptor stands for. A read is the same call on a disk file, the console, a pipe or memory.
//
// A file is an object with operations, after Plan 9's devices and Unix's file structure: the caller knows no kind.
#pragma once
#include "libos/unix/process/wait.h"
#include "pe/types.h"

struct file;
struct inode;
struct thread;
struct unix_stat; // Linux's struct stat (files/stat.h)

// A null operation gives the error beside it.
struct file_operations {
    int64_t (*read)(struct file *file, uint64_t offset, void *to, size_t bytes);          // EINVAL
    int64_t (*write)(struct file *file, uint64_t offset, const void *from, size_t bytes); // EINVAL
    int (*entry)(struct file *directory, uint64_t *cursor, void *to, size_t room);        // ENOTDIR: getdents64
    int64_t (*control)(struct file *file, uint64_t request, uint64_t argument);           // ENOTTY: ioctl
    // Which of POLLIN, POLLOUT, POLLERR, POLLHUP hold now; *queue is woken when that may change. Null: always ready.
    uint32_t (*poll)(struct file *file, struct wait_queue **queue);
    int (*set_size)(struct file *file, uint64_t size);         // EINVAL
    int (*sync)(struct file *file, bool data);                 // EINVAL
    int (*stat)(struct file *file, struct unix_stat *status);  // from the inode if there is one
    void (*release)(struct file *file);                        // the last reference goes
    bool seeks; // has an offset; others give ESPIPE, and are read and written with offset 0
};

struct file {
    const struct file_operations *operations;
    uint32_t references;
    uint32_t flags; // O_ACCMODE, O_APPEND, O_NONBLOCK, …
    uint64_t offset;
    struct inode *inode; // null: a pipe's or a device's end without one
    void *own;
    char path[]; // as it was opened, for /proc/PID/fd; may be empty
};

// `to` and `from` of read and write are addresses of the user's or of the library OS: the page cache and user_read take
// both.

struct file *file_hold(struct file *file);
void file_release(struct file *file);

// What exec and others need of paths. A path of the current process; *inode gets a reference.
int path_find(const char *path, bool follow, struct inode **inode);

// For exec: the program's file, which must be a regular one and executable: EACCES, ENOENT, ENOTDIR, ELOOP …
int path_program(const char *path, struct inode **inode);

// ---- Descriptors of a process: made with the three of the console; copied by fork; those with close-on-exec closed
struct descriptors;
int descriptors_new(struct descriptors **made);
int descriptors_fork(const struct descriptors *from, struct descriptors **made);
void descriptors_hold(struct descriptors *descriptors);
void descriptors_release(struct descriptors *descriptors);
void descriptors_exec(struct descriptors *descriptors);
struct file *descriptor_find(const struct descriptors *descriptors, int number); // null: EBADF. No new reference

// Mounts the disk, makes /dev and /proc, the console. Called once, before the first process.
int files_start(void);
int files_stop(void); // everything is on the disk

// The console: called when the slice begins or the CPU is idle; true: a byte came, and somebody may be woken.
bool console_look(void);
