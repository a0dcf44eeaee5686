// SPDX-License-Identifier: MIT
// Following paths.
//
//   struct path_text text;
//   int error = path_text_read(&text, argument[0]);            // EFAULT, ENAMETOOLONG, ENOENT, ENOMEM
//   if (error == 0) error = path_walk(from, text.text, PATH_FOLLOW, &end);
//   … end.inode …
//   path_end_release(&end);  path_text_free(&text);
//
// Errors of following: ENOENT, ENOTDIR, EACCES (a directory that may not be searched), ELOOP (more than SYMLINKS_MOST
// links), ENAMETOOLONG (a name, or a path with a link's target in it), ENOMEM, and the disk's.
#pragma once
#include "libos/unix/disk/filesystem.h"
#include "libos/unix/files/linux.h"

struct path_text {
    char *text;
    char small[248]; // the text itself, if it is short
};
int path_text_read(struct path_text *text, uint64_t address); // an empty text is none of its errors
void path_text_free(struct path_text *text);

enum path_flags : uint32_t {
    PATH_FOLLOW = 1, // a link at the end is followed, too
    PATH_PARENT = 2, // the end need not be there: the directory that has or would have it is wanted
    PATH_EMPTY = 4,  // an empty path is where it goes from (AT_EMPTY_PATH)
};

// What the last name of a path is. A path of nothing but slashes is ROOT.
enum path_last : uint8_t { PATH_NAME, PATH_DOT, PATH_DOT_DOT, PATH_ROOT };

struct path_end {
    struct inode *inode;     // a reference; null with PATH_PARENT: not there
    struct inode *directory; // a reference, with PATH_PARENT only
    enum path_last last;
    bool slash;       // the name is followed by one
    uint32_t length;  // of the name
    char name[FS_NAME_MOST + 1];
};

// Follows a path of the current process from a directory. After an error there is nothing to release.
int path_walk(struct inode *from, const char *text, uint32_t flags, struct path_end *end);
void path_end_release(struct path_end *end);

// The same for the *at calls: from a directory's descriptor or AT_FDCWD. EBADF.
int path_walk_at(int directory, const char *text, uint32_t flags, struct path_end *end);

// An absolute path without links and dots for one that need not lead to anything any more; without a zero byte.
// Returns its length. ENOENT also for one that does not end with a name of the file.
int64_t path_plain(struct inode *from, const char *text, uint32_t flags, char *to, size_t room);

// All in one: the path of a call's argument.
int path_walk_user(int directory, uint64_t address, uint32_t flags, struct path_end *end);
