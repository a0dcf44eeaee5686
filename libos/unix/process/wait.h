// SPDX-License-Identifier: MIT
// Waiting inside the library OS. The only place where one thread's library code gives way to another's.
//
//   while (pipe->bytes == 0) {
//       const int stopped = wait_sleep(&pipe->readers, WAIT_SIGNALS, WAIT_FOREVER);
//       if (stopped != 0) return stopped;                          // -EINTR
//   }
//   …
//   wait_wake(&pipe->readers, WAIT_ALL);
//
// A wake-up is a hint: the sleeper looks at its condition again. Nothing is lost between looking and sleeping, as
// nobody else runs in between. A sleeper that was woken before anything else ended its sleep gets 0.
#pragma once
#include "pe/types.h"

struct thread;
struct wait_node; // a thread's place in a queue

// Zero is an empty queue. Threads in the order in which they came.
struct wait_queue {
    struct wait_node *first, *last;
};

enum wait_flags : uint32_t {
    WAIT_SIGNALS = 1, // a signal that is to be delivered ends the sleep
};

constexpr uint64_t WAIT_FOREVER = UINT64_MAX; // else a time of clock_now()
constexpr uint32_t WAIT_ALL = UINT32_MAX;

// 0: woken. -EINTR: a signal. -ETIMEDOUT.
// A system call that gives -EINTR is made again after a handler with SA_RESTART, unless it is one of those that never
// are (process/restart.c): the call need not know.
[[nodiscard]] int wait_sleep(struct wait_queue *queue, enum wait_flags flags, uint64_t until);

// Several queues at once (poll): as wait_sleep. -EINVAL: more than WAIT_QUEUES; -ENOMEM. None: only time and signals.
constexpr unsigned WAIT_QUEUES = 4096;
[[nodiscard]] int wait_sleep_any(struct wait_queue *const queues[], unsigned count, enum wait_flags flags,
                                 uint64_t until);

// Makes up to `most` sleepers ready, first come first. Returns how many. May be called before there are threads.
uint32_t wait_wake(struct wait_queue *queue, uint32_t most);

uint64_t clock_now(void);  // nanoseconds since the instance began; never goes back
uint64_t clock_wall(void); // nanoseconds since 1970
