// SPDX-License-Identifier: MIT
// clone3: the same as clone, with what it is told in a structure that may grow. glibc makes threads by it.
#include "libos/unix/calls.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/thread.h"
#include <errno.h>
#include <signal.h>

struct clone_arguments { // struct clone_args of Linux 5.7
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_bytes, tls;
    uint64_t set_tid, set_tid_count, cgroup;
};
// Bytes of the structure: as it was first, and of what a future one can have.
constexpr uint64_t LEAST = 64, MOST = 4096;
constexpr uint64_t SIGNAL_OF_CLONE = 0xff, DETACHED = 0x400000, SIGHAND = 0x800, THREAD_OR_PARENT = 0x18000;
constexpr uint64_t KNOWN = 0xffffffff | CLONE_CLEAR_SIGHAND;

// What a caller of a newer Linux has behind what is known here must be zero.
static int check_rest(uint64_t from, uint64_t end) {
    for (uint8_t byte; from < end; from++) {
        if (user_read(&byte, from, 1) != 0) return -EFAULT;
        if (byte != 0) return -E2BIG;
    }
    return 0;
}

static bool is_valid(const struct clone_arguments *with) {
    if ((with->flags & ~KNOWN) || (with->flags & (SIGNAL_OF_CLONE | DETACHED))) return false;
    if ((with->flags & CLONE_CLEAR_SIGHAND) && (with->flags & SIGHAND)) return false;
    if ((with->flags & THREAD_OR_PARENT) && with->exit_signal != 0) return false;
    if (with->exit_signal >= NSIG) return false;
    return (with->stack == 0) == (with->stack_bytes == 0);
}

int64_t sys_clone3(struct thread *self, const uint64_t argument[6]) {
    const uint64_t address = argument[0], bytes = argument[1];
    struct clone_arguments with = {};
    if (bytes > MOST) return -E2BIG;
    if (bytes < LEAST) return -EINVAL;
    if (bytes > sizeof(with)) {
        const int refused = check_rest(address + sizeof(with), address + bytes);
        if (refused != 0) return refused;
    }
    if (user_read(&with, address, bytes < sizeof(with) ? bytes : sizeof(with)) != 0) return -EFAULT;
    if (!is_valid(&with)) return -EINVAL;
    if (with.set_tid != 0 || with.set_tid_count != 0) return -EINVAL; // numbers cannot be chosen
    const uint64_t words[6] = {with.flags | with.exit_signal, with.stack + with.stack_bytes, with.parent_tid,
                               with.child_tid, with.tls};
    return thread_make(self, words);
}
