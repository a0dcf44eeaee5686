// SPDX-License-Identifier: MIT
// The file system of the tests of libos/unix/files.
#pragma once

void fake_disk_begin(void);
unsigned fake_disk_end(void); // returns how many inodes are still held
