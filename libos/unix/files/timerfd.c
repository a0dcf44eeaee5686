// SPDX-License-Identifier: MIT
// timerfd: a timer that is read and polled as a file. What is read is how many times it has been due.
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/nameless.h"
#include "libos/unix/files/poll.h"
#include "libos/unix/process/repeating.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

constexpr uint32_t ABSOLUTE = 1, CANCEL_ON_SET = 2; // the clock can't be set, so nothing is cancelled

struct timer_file {
    struct repeating repeating;
    uint64_t count;
    struct wait_queue changed;
};

static void is_due(struct timer *timer) {
    struct timer_file *self = (struct timer_file *)timer;
    self->count += repeating_again(&self->repeating);
    wait_wake(&self->changed, WAIT_ALL);
}

static int64_t timer_read(struct file *file, uint64_t, void *to, size_t bytes) {
    struct timer_file *self = file->own;
    if (bytes < sizeof(self->count)) return -EINVAL;
    while (self->count == 0) {
        const int stopped = file->flags & O_NONBLOCK ? -EAGAIN : wait_sleep(&self->changed, WAIT_SIGNALS, WAIT_FOREVER);
        if (stopped != 0) return stopped;
    }
    const uint64_t count = self->count;
    self->count = 0;
    return copy_out(to, &count, sizeof(count)) != 0 ? -EFAULT : (int64_t)sizeof(count);
}

static uint32_t timer_poll(struct file *file, struct poll_watch *watch) {
    struct timer_file *self = file->own;
    poll_add(watch, &self->changed);
    return self->count != 0 ? POLLIN : 0;
}

static void timer_release(struct file *file) {
    struct timer_file *self = file->own;
    timer_unset(&self->repeating.timer);
    heap_release(self);
}

static const struct file_operations timer_operations = {
    .read = timer_read, .poll = timer_poll, .release = timer_release};

int64_t sys_timerfd_create(struct thread *, const uint64_t argument[6]) {
    const uint32_t flags = (uint32_t)argument[1];
    struct timer_file made = {.repeating.timer.due = is_due};
    if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK)) return -EINVAL;
    if (!repeating_by_clock(&made.repeating, (int)argument[0])) return -EINVAL;
    struct timer_file *self = heap_allocate(sizeof(*self));
    if (self == nullptr) return -ENOMEM;
    *self = made;
    struct file *file = nameless_open(&timer_operations, 0600, O_RDWR | (flags & O_NONBLOCK), "anon_inode:[timerfd]");
    if (file == nullptr) {
        heap_release(self);
        return -ENOMEM;
    }
    file->own = self;
    return descriptor_give(file, (flags & O_CLOEXEC) != 0);
}

// The timer of a descriptor, and its file with a reference. -EBADF, -EINVAL.
static int timer_of(uint64_t descriptor, struct file **file, struct timer_file **timer) {
    *file = file_of(descriptor);
    if (*file == nullptr) return -EBADF;
    *timer = (*file)->own;
    if ((*file)->operations == &timer_operations) return 0;
    file_release(*file);
    return -EINVAL;
}

int64_t sys_timerfd_settime(struct thread *, const uint64_t argument[6]) {
    const uint32_t flags = (uint32_t)argument[1];
    struct file *file;
    struct timer_file *timer;
    if (flags & ~(ABSOLUTE | CANCEL_ON_SET)) return -EINVAL;
    int error = timer_of(argument[0], &file, &timer);
    if (error != 0) return error;
    error = repeating_set(&timer->repeating, (flags & ABSOLUTE) != 0, argument[2], argument[3]);
    if (error == 0) timer->count = 0;
    file_release(file);
    return error;
}

int64_t sys_timerfd_gettime(struct thread *, const uint64_t argument[6]) {
    struct file *file;
    struct timer_file *timer;
    int error = timer_of(argument[0], &file, &timer);
    if (error != 0) return error;
    error = repeating_tell(&timer->repeating, argument[1]);
    file_release(file);
    return error;
}
