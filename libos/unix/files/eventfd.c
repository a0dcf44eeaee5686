// SPDX-License-Identifier: MIT
// eventfd: a counter that is read and written as a file; and memfd_create, a file that no directory has.
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/nameless.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/files/poll.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

constexpr uint32_t SEMAPHORE = 1; // EFD_SEMAPHORE
constexpr uint64_t COUNT_MOST = UINT64_MAX - 1;

struct counter {
    uint64_t count;
    bool semaphore;
    struct wait_queue changed;
};

static int64_t counter_read(struct file *file, uint64_t, void *to, size_t bytes) {
    struct counter *counter = file->own;
    if (bytes < sizeof(counter->count)) return -EINVAL;
    while (counter->count == 0) {
        const int stopped =
            file->flags & O_NONBLOCK ? -EAGAIN : wait_sleep(&counter->changed, WAIT_SIGNALS, WAIT_FOREVER);
        if (stopped != 0) return stopped;
    }
    const uint64_t taken = counter->semaphore ? 1 : counter->count;
    counter->count -= taken;
    wait_wake(&counter->changed, WAIT_ALL);
    return copy_out(to, &taken, sizeof(taken)) != 0 ? -EFAULT : (int64_t)sizeof(taken);
}

static int64_t counter_write(struct file *file, uint64_t, const void *from, size_t bytes) {
    struct counter *counter = file->own;
    uint64_t added;
    if (bytes < sizeof(added)) return -EINVAL;
    if (copy_in(&added, from, sizeof(added)) != 0) return -EFAULT;
    if (added == UINT64_MAX) return -EINVAL;
    while (counter->count > COUNT_MOST - added) {
        const int stopped =
            file->flags & O_NONBLOCK ? -EAGAIN : wait_sleep(&counter->changed, WAIT_SIGNALS, WAIT_FOREVER);
        if (stopped != 0) return stopped;
    }
    counter->count += added;
    wait_wake(&counter->changed, WAIT_ALL);
    return sizeof(added);
}

static uint32_t counter_poll(struct file *file, struct poll_watch *watch) {
    struct counter *counter = file->own;
    poll_add(watch, &counter->changed);
    return (counter->count != 0 ? POLLIN : 0) | (counter->count < COUNT_MOST ? POLLOUT : 0);
}

static void counter_release(struct file *file) {
    heap_release(file->own);
}

static const struct file_operations counter_operations = {
    .read = counter_read, .write = counter_write, .poll = counter_poll, .release = counter_release};

static int64_t make_counter(uint32_t count, uint32_t flags) {
    if (flags & ~(SEMAPHORE | O_CLOEXEC | O_NONBLOCK)) return -EINVAL;
    struct counter *counter = heap_allocate(sizeof(*counter));
    if (counter == nullptr) return -ENOMEM;
    *counter = (struct counter){.count = count, .semaphore = (flags & SEMAPHORE) != 0};
    struct file *file = nameless_open(&counter_operations, 0600, O_RDWR | (flags & O_NONBLOCK), "anon_inode:[eventfd]");
    if (file == nullptr) {
        heap_release(counter);
        return -ENOMEM;
    }
    file->own = counter;
    return descriptor_give(file, (flags & O_CLOEXEC) != 0);
}

int64_t sys_eventfd(struct thread *, const uint64_t argument[6]) {
    return make_counter((uint32_t)argument[0], 0);
}
int64_t sys_eventfd2(struct thread *, const uint64_t argument[6]) {
    return make_counter((uint32_t)argument[0], (uint32_t)argument[1]);
}

// ---- memfd_create. The file is one of the disk without a name: its pages are written only if memory is short.

int64_t sys_memfd_create(struct thread *, const uint64_t argument[6]) {
    constexpr uint32_t close_on_exec = 1, allow_sealing = 2;
    constexpr char prefix[] = "/memfd:";
    char path[sizeof(prefix) - 1 + 250];
    if ((uint32_t)argument[1] & ~(close_on_exec | allow_sealing)) return -EINVAL;
    memcpy(path, prefix, sizeof(prefix) - 1);
    const int64_t length = user_string(path + sizeof(prefix) - 1, argument[0], sizeof(path) - sizeof(prefix) + 1);
    if (length < 0) return length == -ENAMETOOLONG ? -EINVAL : length;
    const struct process *process = process_current();
    const struct fs_new as = {.mode = S_IFREG | 0777, .uid = process->euid, .gid = process->egid};
    struct inode *made;
    struct file *file;
    int error = fs_create_nameless(files_disk, &as, &made);
    if (error != 0) return error;
    error = inode_open(made, O_RDWR, path, nullptr, &file);
    inode_release(made);
    return error != 0 ? error : descriptor_give(file, ((uint32_t)argument[1] & close_on_exec) != 0);
}
