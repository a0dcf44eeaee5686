// SPDX-License-Identifier: MIT
// What /proc/meminfo says, in KiB: for tests that memory comes back.
#pragma once

struct memory_now {
    long available; // frames that are free, or hold what files have, too
    long swap;      // free
    long heap;      // of the library OS, in use
};
struct memory_now memory_now(void);
// How many times as much as by default is to be done.
int torture(void);
