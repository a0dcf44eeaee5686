// SPDX-License-Identifier: MIT
// Pipes: bytes that one end writes and the other reads, in order. pipe.c has the buffer, pipe_ends.c the open ends,
// anonymous and named.
//
// Writes of at most PIPE_BUF bytes are not mixed with others'. The buffer's pages are taken as they are needed.
#pragma once
#include "libos/unix/files/files.h"
#include "libos/unix/files/special.h"

constexpr uint32_t PIPE_ROOM = 65536, PIPE_ROOM_MOST = 1 << 20; // bytes: at first, and that F_SETPIPE_SZ gives

struct pipe {
    struct special special; // the inode of an anonymous pipe
    struct inode *named;    // of a named one, whose owner this is; no reference: its files have theirs
    uint32_t readers, writers;
    uint32_t readers_ever, writers_ever; // count openings
    uint32_t room;           // a power of two
    uint32_t bytes;          // that are in it
    uint32_t head;           // where the first one is, below `room`
    uint8_t **page;          // room / FS_BLOCK of them; null: not taken yet
    struct lock reading, writing;
    struct wait_queue changed; // bytes came or went, an end was opened or closed
};

struct pipe *pipe_new(void); // null: no memory
void pipe_free(struct pipe *pipe);

// How many bytes, or -EAGAIN (and not `waits`), -EINTR, -EFAULT; at the end, without writers, 0.
int64_t pipe_take(struct pipe *pipe, void *to, size_t bytes, bool waits);
int64_t pipe_look(struct pipe *pipe, void *to, size_t bytes, bool waits); // the same, and they stay
// How many bytes, or -EAGAIN, -EINTR, -EFAULT, -ENOMEM; -EPIPE without readers, after SIGPIPE if `signals`.
int64_t pipe_put(struct pipe *pipe, const void *from, size_t bytes, bool waits, bool signals);

uint32_t pipe_polled_read(const struct pipe *pipe);  // POLLIN, POLLHUP
uint32_t pipe_polled_write(const struct pipe *pipe); // POLLOUT, POLLERR

int pipe_resize(struct pipe *pipe, uint64_t room); // the new room, or an error as of pipe_set_room

// A pipe with both ends open.
int pipe_open(uint32_t flags, struct file **reader, struct file **writer);

// F_GETPIPE_SZ, F_SETPIPE_SZ. -EBADF: no pipe; -EINVAL, -EPERM: too large; -EBUSY: more is in it; -ENOMEM.
int64_t pipe_room(const struct file *file);
int64_t pipe_set_room(struct file *file, uint64_t room);
