// SPDX-License-Identifier: MIT
// Waiting for several files at once: what poll, select and epoll share.
//
//   poll_begin(&watch, until);
//   do {
//       poll_look(&watch, file, wanted)  …for each: what holds now; afterwards, if none: poll_wait(&watch)
//   } while (…);
//   poll_end(&watch);
#pragma once
#include "libos/unix/files/files.h"

// A growing array of pointers, on the heap.
struct poll_list {
    void **at;
    unsigned count, room;
};

struct poll_watch {
    struct poll_list files;  // that were looked at since the last wait: held while it sleeps, as others may close them
    struct poll_list queues; // of these files, each once
    bool failed;             // there was no memory for one more
    bool registers;          // what is looked at is kept, as a wait comes next; the first look does without
    uint64_t until;
};

void poll_begin(struct poll_watch *watch, uint64_t until);
// For the operation `poll` of a file: a queue that is woken when what it says may change. `watch` may be null.
void poll_add(struct poll_watch *watch, struct wait_queue *queue);
// Which of `wanted`, POLLERR and POLLHUP hold for a file now. `watch` may be null.
uint32_t poll_look(struct poll_watch *watch, struct file *file, uint32_t wanted);
// Sleeps until something may have changed; the first time it asks to look again instead, as that look kept nothing. 0,
// -EINTR, -ETIMEDOUT, -ENOMEM.
int poll_wait(struct poll_watch *watch);
void poll_end(struct poll_watch *watch);

// A time from now, from the user's struct timespec; address 0: for ever. -EFAULT, -EINVAL.
int poll_until(uint64_t address, uint64_t *until);
uint64_t poll_until_ms(int32_t milliseconds); // negative: for ever

// The mask of a call that has one; address 0: none. -EFAULT, -EINVAL.
int poll_mask(uint64_t address, uint64_t bytes);
