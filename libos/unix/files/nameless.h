// SPDX-License-Identifier: MIT
// Inodes of files that no directory has: of eventfd, epoll, sockets.
#pragma once
#include "libos/unix/files/files.h"

// Opens a new one, with a reference less to care about: the inode goes with the file. Null: no memory.
struct file *nameless_open(const struct file_operations *operations, uint32_t mode, uint32_t flags, const char *name);
