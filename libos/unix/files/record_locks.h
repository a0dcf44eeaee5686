// SPDX-License-Identifier: MIT
// Advisory locks on files: of records (fcntl), which belong to a process or, as "open file description" locks, to an
// open file; and of whole files (flock), which belong to an open file. Records and whole files know nothing of each
// other, as on Linux.
#pragma once
#include "libos/unix/files/files.h"

// F_GETLK, F_SETLK, F_SETLKW with the address of a struct flock. `of_file`: the F_OFD_ ones.
int64_t locks_test(struct file *file, uint64_t address, bool of_file);
int64_t locks_set(struct file *file, uint64_t address, bool waits, bool of_file);
