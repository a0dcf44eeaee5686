// SPDX-License-Identifier: MIT
// The vector table of the library OS `dos`: every service goes through it, and the application may replace any entry
// while it runs, keeping the old one to call it on, as programs did with MS-DOS's interrupt vectors.
//
//   static ssize_t (*old_write)(int, const void *, size_t);
//   static ssize_t shouting(int handle, const void *bytes, size_t count) { …; return old_write(handle, copy, count); }
//   …
//   old_write = dos_vectors.write;
//   dos_vectors.write = shouting;
//
// A service is a procedure call: write(1, "x", 1) is one indirect call of dos_vectors.write. There is no protection
// between the application and its OS, in either direction. Results and errno are as POSIX has them.
#pragma once
#include <stddef.h>
#include <sys/types.h>

struct dos_vectors {
    // Files and console. Handles 0, 1 and 2 are the console.
    int (*open)(const char *name, int flags);               // ENOENT, EMFILE, EINVAL, ENODEV, EIO; EROFS: for writing
    ssize_t (*read)(int handle, void *bytes, size_t count); // EBADF, EIO
    ssize_t (*write)(int handle, const void *bytes, size_t count); // EBADF: not the console; EIO
    off_t (*seek)(int handle, off_t offset, int whence);           // EBADF, ESPIPE, EINVAL
    int (*close)(int handle);                                      // EBADF
    // Memory: all of it is there from the start.
    void *(*allocate)(size_t bytes); // null: none left
    void *(*allocate_zeroed)(size_t bytes);
    void *(*reallocate)(void *block, size_t bytes);
    void (*release)(void *block);
    // The end of the program.
    void (*terminate)(int status); // doesn't return
};

extern struct dos_vectors dos_vectors;
