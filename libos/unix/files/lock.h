// SPDX-License-Identifier: MIT
// Keeping others out across a sleep. Nothing else runs between two sleeps, so this is needed only around code that may
// sleep halfway: copying from or to a user's memory, which may fault, and the disk.
//
//   lock_take(&pipe->lock); … user_write(…) …; lock_give(&pipe->lock);
//
// The holder must not wait for what another holder of the same lock would bring.
#pragma once
#include "libos/unix/process/wait.h"

// Zero is a free lock.
struct lock {
    bool held;
    struct wait_queue waiting;
};

static inline void lock_take(struct lock *lock) {
    while (lock->held) (void)wait_sleep(&lock->waiting, 0, WAIT_FOREVER);
    lock->held = true;
}

static inline void lock_give(struct lock *lock) {
    lock->held = false;
    if (lock->waiting.first != nullptr) wait_wake(&lock->waiting, 1);
}
