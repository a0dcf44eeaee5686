// SPDX-License-Identifier: MIT
// What open and the calls that change directories share.
#pragma once
#include "libos/unix/disk/filesystem.h"

// The attributes of a new file of the current process in a directory. `type` is one of S_IFMT's.
struct fs_new new_for(const struct inode *directory, uint32_t type, uint32_t mode);

// Whether the current process may add a name to a directory. -EACCES; also in /dev and /proc.
int may_change_names(const struct inode *directory);
