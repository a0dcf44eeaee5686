// SPDX-License-Identifier: MIT
// A pipe's buffer. It is a ring of `room` bytes over pages. Copying from and to users may sleep, so readers keep each
// other out by one lock and writers by another; neither is held while waiting for the other side. A reader moves `head`
// and a writer only what lies behind the bytes, so both may copy at once.
#include "libos/unix/files/pipe.h"
#include "libos/core/heap.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

constexpr uint32_t PAGE = 4096;

struct pipe *pipe_new(void) {
    struct pipe *pipe = heap_allocate_zeroed(sizeof(*pipe));
    if (pipe == nullptr) return nullptr;
    pipe->room = PIPE_ROOM;
    pipe->page = heap_allocate_zeroed(pipe->room / PAGE * sizeof(pipe->page[0]));
    if (pipe->page != nullptr) return pipe;
    heap_release(pipe);
    return nullptr;
}

static void free_pages(struct pipe *pipe, uint32_t from) {
    for (uint32_t i = from; i < pipe->room / PAGE; i++) {
        heap_release(pipe->page[i]);
        pipe->page[i] = nullptr;
    }
}

void pipe_free(struct pipe *pipe) {
    free_pages(pipe, 0);
    heap_release(pipe->page);
    heap_release(pipe);
}

static uint32_t least(uint64_t a, uint64_t b) {
    return (uint32_t)(a < b ? a : b);
}

// ---- Reading

// An empty pipe begins again at its first page and gives the others back, unless a writer is in the middle of one.
static void rewind_if_empty(struct pipe *pipe) {
    if (pipe->bytes != 0 || pipe->writing.held) return;
    if (pipe->head > PAGE) free_pages(pipe, 1);
    pipe->head = 0;
}

static int64_t copy_from(struct pipe *pipe, uint8_t *to, size_t bytes, bool stays) {
    size_t done = 0;
    while (done < bytes && pipe->bytes > (stays ? done : 0)) {
        const uint32_t skip = stays ? (uint32_t)done : 0;
        const uint32_t at = (pipe->head + skip) & (pipe->room - 1);
        const uint32_t part = least(least(bytes - done, pipe->bytes - skip), PAGE - at % PAGE);
        if (copy_out(to + done, pipe->page[at / PAGE] + at % PAGE, part) != 0)
            return done != 0 ? (int64_t)done : -EFAULT;
        if (!stays) pipe->head = (pipe->head + part) & (pipe->room - 1);
        if (!stays) pipe->bytes -= part;
        done += part;
    }
    return (int64_t)done;
}

static int64_t take(struct pipe *pipe, void *to, size_t bytes, bool waits, bool stays) {
    if (bytes == 0) return 0;
    lock_take(&pipe->reading);
    while (pipe->bytes == 0) {
        int stopped = 0;
        if (pipe->writers == 0) {
            lock_give(&pipe->reading);
            return 0;
        }
        lock_give(&pipe->reading);
        stopped = waits ? wait_sleep(&pipe->changed, WAIT_SIGNALS, WAIT_FOREVER) : -EAGAIN;
        if (stopped != 0) return stopped;
        lock_take(&pipe->reading);
    }
    const int64_t done = copy_from(pipe, to, bytes, stays);
    if (!stays) rewind_if_empty(pipe);
    lock_give(&pipe->reading);
    if (pipe->changed.first != nullptr) wait_wake(&pipe->changed, WAIT_ALL);
    return done;
}

int64_t pipe_take(struct pipe *pipe, void *to, size_t bytes, bool waits) {
    return take(pipe, to, bytes, waits, false);
}
int64_t pipe_look(struct pipe *pipe, void *to, size_t bytes, bool waits) {
    return take(pipe, to, bytes, waits, true);
}

// ---- Writing

// Room that can be written to now: what the ring has, as far as there is memory for its pages.
static int64_t copy_to(struct pipe *pipe, const uint8_t *from, size_t bytes) {
    size_t done = 0;
    while (done < bytes && pipe->bytes < pipe->room) {
        const uint32_t tail = (pipe->head + pipe->bytes) & (pipe->room - 1);
        uint8_t **page = &pipe->page[tail / PAGE];
        if (*page == nullptr) *page = heap_allocate(PAGE);
        if (*page == nullptr) return done != 0 ? (int64_t)done : -ENOMEM;
        const uint32_t part = least(least(bytes - done, pipe->room - pipe->bytes), PAGE - tail % PAGE);
        if (copy_in(*page + tail % PAGE, from + done, part) != 0) return done != 0 ? (int64_t)done : -EFAULT;
        pipe->bytes += part;
        done += part;
    }
    return (int64_t)done;
}

// Waits, without the lock, for a change. 0, or why not.
static int wait_for_room(struct pipe *pipe, bool waits) {
    lock_give(&pipe->writing);
    const int stopped = waits ? wait_sleep(&pipe->changed, WAIT_SIGNALS, WAIT_FOREVER) : -EAGAIN;
    lock_take(&pipe->writing);
    return stopped;
}

static void wake(struct pipe *pipe) {
    if (pipe->changed.first != nullptr) wait_wake(&pipe->changed, WAIT_ALL);
}

int64_t pipe_put(struct pipe *pipe, const void *from, size_t bytes, bool waits, bool signals) {
    const uint8_t *rest = from;
    size_t done = 0;
    int64_t result = 0;
    if (bytes == 0) return 0;
    lock_take(&pipe->writing);
    while (done < bytes && result >= 0) {
        const uint32_t room = pipe->room - pipe->bytes;
        if (pipe->readers == 0) {
            if (signals) signal_thread(thread_current(), SIGPIPE);
            result = -EPIPE;
        } else if (room == 0 || (bytes <= PIPE_BUF && room < bytes)) // a small write goes whole or not at all
            result = wait_for_room(pipe, waits);
        else {
            result = copy_to(pipe, rest + done, bytes - done);
            if (result > 0) {
                done += (size_t)result;
                wake(pipe);
            }
        }
    }
    lock_give(&pipe->writing);
    return done != 0 ? (int64_t)done : result;
}

// ---- Polling and size

uint32_t pipe_polled_read(const struct pipe *pipe) {
    const bool had_writers = pipe->named == nullptr || pipe->writers_ever != 0;
    return (pipe->bytes != 0 ? POLLIN : 0) | (pipe->writers == 0 && had_writers ? POLLHUP : 0);
}

uint32_t pipe_polled_write(const struct pipe *pipe) {
    return (pipe->room - pipe->bytes >= PIPE_BUF ? POLLOUT : 0) | (pipe->readers == 0 ? POLLERR : 0);
}

// Moves the contents to the beginning of another ring of pages.
static int set_room(struct pipe *pipe, uint32_t room) {
    uint8_t **page = heap_allocate_zeroed(room / PAGE * sizeof(page[0]));
    bool enough = page != nullptr;
    for (uint32_t i = 0; enough && i * PAGE < pipe->bytes; i++) enough = (page[i] = heap_allocate(PAGE)) != nullptr;
    if (!enough) {
        for (uint32_t i = 0; page != nullptr && i < room / PAGE; i++) heap_release(page[i]);
        heap_release(page);
        return -ENOMEM;
    }
    for (uint32_t i = 0, part; i < pipe->bytes; i += part) {
        const uint32_t at = (pipe->head + i) & (pipe->room - 1);
        part = least(least(pipe->bytes - i, PAGE - at % PAGE), PAGE - i % PAGE);
        memcpy(page[i / PAGE] + i % PAGE, pipe->page[at / PAGE] + at % PAGE, part);
    }
    free_pages(pipe, 0);
    heap_release(pipe->page);
    pipe->page = page;
    pipe->room = room;
    pipe->head = 0;
    return 0;
}

int pipe_resize(struct pipe *pipe, uint64_t room) {
    uint32_t rounded = PAGE;
    if (room > PIPE_ROOM_MOST) return room > INT32_MAX ? -EINVAL : -EPERM;
    while (rounded < room) rounded *= 2;
    lock_take(&pipe->reading);
    lock_take(&pipe->writing);
    const int error = rounded < pipe->bytes ? -EBUSY : set_room(pipe, rounded);
    lock_give(&pipe->writing);
    lock_give(&pipe->reading);
    if (error == 0) wake(pipe);
    return error != 0 ? error : (int)rounded;
}
