// SPDX-License-Identifier: MIT
// epoll: a set of files that is kept between waits. Each wait looks at all of them, as poll does; what the set saves is
// handing it over each time.
//
// An item refers to its file without holding it: it goes when the file is closed for the last time, or deleted.
// EPOLLET items are reported as long as they are ready, which is more often than an edge: programs that read until
// EAGAIN work, and none can miss one. A set can be in another set or in poll.
#include "libos/unix/files/epoll.h"
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/nameless.h"
#include "libos/unix/files/poll.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

struct item {
    struct item *next;
    struct file *file; // no reference
    int number;
    struct epoll_event event;
    bool spent; // EPOLLONESHOT was reported: nothing until it is set again
};

struct set {
    struct set *next; // of all
    struct item *items;
    unsigned count;
    struct wait_queue changed; // items came
};

static struct set *sets;
constexpr unsigned DEPTH_MOST = 5; // sets within sets

static const struct file_operations set_operations;

static uint32_t ready_events(struct poll_watch *watch, struct item *item) {
    if (item->spent) return 0;
    return poll_look(watch, item->file, item->event.events & 0xffff);
}

static uint32_t set_poll(struct file *file, struct poll_watch *watch) {
    struct set *set = file->own;
    uint32_t holds = 0;
    poll_add(watch, &set->changed);
    for (struct item *item = set->items; item != nullptr; item = item->next)
        if (ready_events(watch, item) != 0) holds = EPOLLIN;
    return holds;
}

static void set_release(struct file *file) {
    struct set *set = file->own;
    struct set **at = &sets;
    while (*at != set) at = &(*at)->next;
    *at = set->next;
    while (set->items != nullptr) {
        struct item *item = set->items;
        set->items = item->next;
        heap_release(item);
    }
    heap_release(set);
}

static const struct file_operations set_operations = {.poll = set_poll, .release = set_release};

void epoll_forget(const struct file *file) {
    for (struct set *set = sets; set != nullptr; set = set->next)
        for (struct item **at = &set->items; *at != nullptr;) {
            struct item *item = *at;
            if (item->file != file) {
                at = &item->next;
                continue;
            }
            *at = item->next;
            set->count--;
            heap_release(item);
        }
}

static int64_t make(uint32_t flags) {
    if (flags & ~(uint32_t)EPOLL_CLOEXEC) return -EINVAL;
    struct set *set = heap_allocate_zeroed(sizeof(*set));
    if (set == nullptr) return -ENOMEM;
    struct file *file = nameless_open(&set_operations, 0600, O_RDWR, "anon_inode:[eventpoll]");
    if (file == nullptr) {
        heap_release(set);
        return -ENOMEM;
    }
    file->own = set;
    set->next = sets;
    sets = set;
    return descriptor_give(file, flags != 0);
}

int64_t sys_epoll_create(struct thread *, const uint64_t argument[6]) {
    return (int32_t)argument[0] <= 0 ? -EINVAL : make(0);
}
int64_t sys_epoll_create1(struct thread *, const uint64_t argument[6]) {
    return make((uint32_t)argument[0]);
}

// ---- Changing a set

// How deep sets lie in a file; 0: it is none.
static unsigned depth_of(const struct file *file, const struct set *wanted, bool *has) {
    if (file->operations != &set_operations) return 0;
    const struct set *set = file->own;
    unsigned most = 0;
    *has |= set == wanted;
    for (const struct item *item = set->items; item != nullptr && !*has; item = item->next) {
        const unsigned depth = depth_of(item->file, wanted, has);
        if (depth > most) most = depth;
    }
    return most + 1;
}

static struct item **find(struct set *set, const struct file *file, int number) {
    struct item **at = &set->items;
    while (*at != nullptr && ((*at)->file != file || (*at)->number != number)) at = &(*at)->next;
    return at;
}

static int add(struct set *set, struct file *file, int number, const struct epoll_event *event) {
    bool has = false;
    if (file->operations->poll == nullptr) return -EPERM; // a regular file or a directory is always ready
    if (depth_of(file, set, &has) >= DEPTH_MOST || has) return -ELOOP;
    struct item *item = heap_allocate(sizeof(*item));
    if (item == nullptr) return -ENOMEM;
    *item = (struct item){.next = set->items, .file = file, .number = number, .event = *event};
    set->items = item;
    set->count++;
    return 0;
}

static int64_t change(struct set *set, int operation, struct file *file, int number, uint64_t address) {
    struct epoll_event event = {};
    if (operation != EPOLL_CTL_DEL && user_read(&event, address, sizeof(event)) != 0) return -EFAULT;
    struct item **at = find(set, file, number);
    int error = 0;
    if (operation == EPOLL_CTL_ADD)
        error = *at != nullptr ? -EEXIST : add(set, file, number, &event);
    else if (*at == nullptr)
        error = -ENOENT;
    else if (operation == EPOLL_CTL_MOD) {
        (*at)->event = event;
        (*at)->spent = false;
    } else {
        struct item *item = *at;
        *at = item->next;
        set->count--;
        heap_release(item);
    }
    if (error == 0) wait_wake(&set->changed, WAIT_ALL);
    return error;
}

int64_t sys_epoll_ctl(struct thread *, const uint64_t argument[6]) {
    const int operation = (int)argument[1], number = (int)argument[2];
    struct file *file = file_of(argument[0]), *other = file_of(argument[2]);
    int64_t result = -EBADF;
    if (file != nullptr && other != nullptr) {
        if (file == other || file->operations != &set_operations)
            result = -EINVAL;
        else if (operation != EPOLL_CTL_ADD && operation != EPOLL_CTL_MOD && operation != EPOLL_CTL_DEL)
            result = -EINVAL;
        else
            result = change(file->own, operation, other, number, argument[3]);
    }
    if (file != nullptr) file_release(file);
    if (other != nullptr) file_release(other);
    return result;
}

// ---- Waiting

// What is ready, in `events`. The items that are reported go behind those that were not, so that all get their turn.
static unsigned collect(struct set *set, struct poll_watch *watch, struct epoll_event *events, unsigned most) {
    struct item *reported = nullptr, **last = &reported;
    struct item **at = &set->items;
    unsigned count = 0;
    while (*at != nullptr && count < most) {
        struct item *item = *at;
        const uint32_t holds = ready_events(watch, item);
        if (holds == 0) {
            at = &item->next;
            continue;
        }
        events[count++] = (struct epoll_event){.events = holds, .data = item->event.data};
        item->spent = (item->event.events & EPOLLONESHOT) != 0;
        *at = item->next;
        item->next = nullptr;
        *last = item;
        last = &item->next;
    }
    while (*at != nullptr) at = &(*at)->next;
    *at = reported;
    return count;
}

static int64_t wait_set(struct set *set, uint64_t address, unsigned most, uint64_t until) {
    struct epoll_event events[16]; // at a time: the rest is ready at the next wait
    struct poll_watch watch;
    int64_t result = 0;
    if (most > sizeof(events) / sizeof(events[0])) most = sizeof(events) / sizeof(events[0]);
    poll_begin(&watch, until);
    while (result == 0) {
        poll_add(&watch, &set->changed);
        result = collect(set, &watch, events, most);
        if (result != 0) break;
        result = poll_wait(&watch);
        if (result != -ETIMEDOUT) continue;
        result = collect(set, nullptr, events, most);
        break;
    }
    poll_end(&watch);
    if (result <= 0) return result;
    return user_write(address, events, (size_t)result * sizeof(events[0])) != 0 ? -EFAULT : result;
}

static int64_t wait_file(const uint64_t argument[6], uint64_t until) {
    const int32_t most = (int32_t)argument[2];
    if (most <= 0 || (uint32_t)most > INT32_MAX / sizeof(struct epoll_event)) return -EINVAL;
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    const bool is_set = file->operations == &set_operations;
    const int64_t result = is_set ? wait_set(file->own, argument[1], (unsigned)most, until) : -EINVAL;
    file_release(file);
    return result;
}

int64_t sys_epoll_wait(struct thread *, const uint64_t argument[6]) {
    return wait_file(argument, poll_until_ms((int32_t)argument[3]));
}

int64_t sys_epoll_pwait(struct thread *, const uint64_t argument[6]) {
    const int error = poll_mask(argument[4], argument[5]);
    return error != 0 ? error : wait_file(argument, poll_until_ms((int32_t)argument[3]));
}

int64_t sys_epoll_pwait2(struct thread *, const uint64_t argument[6]) {
    uint64_t until;
    int error = poll_until(argument[3], &until);
    if (error == 0) error = poll_mask(argument[4], argument[5]);
    return error != 0 ? error : wait_file(argument, until);
}
