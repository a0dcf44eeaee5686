// SPDX-License-Identifier: MIT
// poll and ppoll, and what select and epoll share with them.
#include "libos/unix/files/poll.h"
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <poll.h>
#include <time.h>

constexpr uint64_t SECOND = 1'000'000'000;

void poll_begin(struct poll_watch *watch, uint64_t until) {
    *watch = (struct poll_watch){.until = until};
}

void poll_end(struct poll_watch *watch) {
    heap_release(watch->files.at);
    heap_release(watch->queues.at);
}

static bool add(struct poll_list *list, void *pointer) {
    if (list->count == list->room) {
        const unsigned room = list->room == 0 ? 8 : list->room * 2;
        void **more = heap_reallocate(list->at, room * sizeof(more[0]));
        if (more == nullptr) return false;
        list->at = more;
        list->room = room;
    }
    list->at[list->count++] = pointer;
    return true;
}

void poll_add(struct poll_watch *watch, struct wait_queue *queue) {
    if (watch == nullptr) return;
    for (unsigned i = 0; i < watch->queues.count; i++)
        if (watch->queues.at[i] == queue) return;
    watch->failed |= !add(&watch->queues, queue);
}

uint32_t poll_look(struct poll_watch *watch, struct file *file, uint32_t wanted) {
    uint32_t holds = POLLIN | POLLOUT; // a file without the operation is always ready
    if (watch != nullptr && !watch->registers) watch = nullptr;
    if (file->operations->poll != nullptr) {
        holds = file->operations->poll(file, watch);
        if (watch != nullptr) watch->failed |= !add(&watch->files, file);
    }
    if (holds & POLLIN) holds |= POLLRDNORM;
    if (holds & POLLOUT) holds |= POLLWRNORM;
    return holds & (wanted | POLLERR | POLLHUP);
}

int poll_wait(struct poll_watch *watch) {
    int stopped = -ENOMEM;
    if (watch->until != WAIT_FOREVER && clock_now() >= watch->until)
        stopped = -ETIMEDOUT;
    else if (!watch->registers) {
        watch->registers = true;
        return 0;
    } else if (!watch->failed) {
        for (unsigned i = 0; i < watch->files.count; i++) file_hold(watch->files.at[i]);
        stopped = wait_sleep_any((struct wait_queue *const *)watch->queues.at, watch->queues.count, WAIT_SIGNALS,
                                 watch->until);
        for (unsigned i = 0; i < watch->files.count; i++) file_release(watch->files.at[i]);
    }
    watch->files.count = watch->queues.count = 0;
    return stopped;
}

static uint64_t after(uint64_t nanoseconds) {
    uint64_t until;
    return __builtin_add_overflow(clock_now(), nanoseconds, &until) ? WAIT_FOREVER : until;
}

uint64_t poll_until_ms(int32_t milliseconds) {
    if (milliseconds < 0) return WAIT_FOREVER;
    return milliseconds == 0 ? 0 : after((uint64_t)milliseconds * 1'000'000);
}

int poll_until(uint64_t address, uint64_t *until) {
    struct timespec time;
    *until = WAIT_FOREVER;
    if (address == 0) return 0;
    if (user_read(&time, address, sizeof(time)) != 0) return -EFAULT;
    if (time.tv_sec < 0 || time.tv_nsec < 0 || (uint64_t)time.tv_nsec >= SECOND) return -EINVAL;
    if ((uint64_t)time.tv_sec < UINT64_MAX / SECOND / 2)
        *until =
            time.tv_sec == 0 && time.tv_nsec == 0 ? 0 : after((uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec);
    return 0;
}

int poll_mask(uint64_t address, uint64_t bytes) {
    uint64_t mask;
    if (address == 0) return 0;
    if (bytes != sizeof(mask)) return -EINVAL;
    if (user_read(&mask, address, sizeof(mask)) != 0) return -EFAULT;
    signal_mask_for_call(mask);
    return 0;
}

// ---- poll

// Looks at each entry; the number of those with something to say.
static int64_t look(struct poll_watch *watch, struct pollfd *entries, unsigned count) {
    int64_t ready = 0;
    for (unsigned i = 0; i < count; i++) {
        entries[i].revents = 0;
        if (entries[i].fd < 0) continue;
        struct file *file = descriptor_find(process_current()->descriptors, entries[i].fd);
        const bool is_open = file != nullptr && file->operations != &path_only_operations;
        entries[i].revents = (short)(is_open ? poll_look(watch, file, (uint16_t)entries[i].events) : POLLNVAL);
        ready += entries[i].revents != 0;
    }
    return ready;
}

static int64_t poll_entries(struct pollfd *entries, unsigned count, uint64_t until) {
    struct poll_watch watch;
    int64_t result = 0;
    poll_begin(&watch, until);
    while (result == 0) {
        result = look(&watch, entries, count);
        if (result != 0 || until == 0) break;
        result = poll_wait(&watch);
        if (result != -ETIMEDOUT) continue;
        result = look(&watch, entries, count); // once more: it may have come with the time
        break;
    }
    poll_end(&watch);
    return result;
}

static int64_t poll_user(uint64_t address, uint64_t count, uint64_t until) {
    if (count > descriptors_limit(process_current()->descriptors)) return -EINVAL;
    const size_t bytes = count * sizeof(struct pollfd);
    struct pollfd *entries = heap_allocate(bytes == 0 ? 1 : bytes);
    if (entries == nullptr) return -ENOMEM;
    int64_t result = user_read(entries, address, bytes);
    if (result == 0) result = poll_entries(entries, (unsigned)count, until);
    if (result >= 0 && user_write(address, entries, bytes) != 0) result = -EFAULT;
    heap_release(entries);
    return result;
}

int64_t sys_poll(struct thread *, const uint64_t argument[6]) {
    return poll_user(argument[0], (uint32_t)argument[1], poll_until_ms((int32_t)argument[2]));
}

int64_t sys_ppoll(struct thread *, const uint64_t argument[6]) {
    uint64_t until;
    int error = poll_until(argument[2], &until);
    if (error == 0) error = poll_mask(argument[3], argument[4]);
    return error != 0 ? error : poll_user(argument[0], (uint32_t)argument[1], until);
}
