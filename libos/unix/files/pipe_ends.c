// SPDX-License-Identifier: MIT
// The open ends of pipes. A pipe lives as long as an end of it is open.
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/pipe.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/files/poll.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

static int64_t end_read(struct file *file, uint64_t, void *to, size_t bytes) {
    return pipe_take(file->own, to, bytes, !(file->flags & O_NONBLOCK));
}

static int64_t end_write(struct file *file, uint64_t, const void *from, size_t bytes) {
    return pipe_put(file->own, from, bytes, !(file->flags & O_NONBLOCK), true);
}

static uint32_t end_poll(struct file *file, struct poll_watch *watch) {
    struct pipe *pipe = file->own;
    poll_add(watch, &pipe->changed);
    return (file_reads(file) ? pipe_polled_read(pipe) : 0) | (file_writes(file) ? pipe_polled_write(pipe) : 0);
}

static int64_t end_control(struct file *file, uint64_t request, uint64_t argument) {
    const struct pipe *pipe = file->own;
    const int bytes = (int)pipe->bytes;
    return request == FIONREAD ? user_write(argument, &bytes, sizeof(bytes)) : -ENOTTY;
}

static void close_end(struct pipe *pipe, bool reads, bool writes) {
    pipe->readers -= reads;
    pipe->writers -= writes;
    wait_wake(&pipe->changed, WAIT_ALL);
}

// The pipe of an anonymous inode goes with the inode's last reference; that of a named one here.
static void end_release(struct file *file) {
    struct pipe *pipe = file->own;
    close_end(pipe, file_reads(file), file_writes(file));
    if (pipe->named == nullptr || pipe->readers + pipe->writers != 0) return;
    pipe->named->owner = nullptr;
    pipe_free(pipe);
}

static const struct file_operations end_operations = {
    .read = end_read,
    .write = end_write,
    .poll = end_poll,
    .control = end_control,
    .release = end_release,
};

// ---- Opening

// Waits until the other side has been opened, as opening a named pipe does.
static int wait_for_other(struct pipe *pipe, const uint32_t *open, const uint32_t *ever) {
    const uint32_t before = *ever;
    while (*open == 0 && *ever == before) {
        const int stopped = wait_sleep(&pipe->changed, WAIT_SIGNALS, WAIT_FOREVER);
        if (stopped != 0) return stopped;
    }
    return 0;
}

// A new end of a pipe; `file` has a reference to it that keeps the pipe, also while this waits. Only who opens a named
// pipe meets or awaits the other side: a nameless one has had it, and what was written can still be read.
static int open_end(struct pipe *pipe, struct inode *inode, uint32_t flags, struct file **made) {
    const uint32_t access = flags & OPEN_ACCESS;
    if (access == 3) return -EINVAL;
    struct file *file = file_new(&end_operations, inode, flags, "", nullptr);
    if (file == nullptr) return -ENOMEM;
    file->own = pipe;
    const bool reads = file_reads(file), writes = file_writes(file);
    const bool meets = pipe->named != nullptr, waits = meets && !(flags & O_NONBLOCK);
    if (writes && !reads && meets && !waits && pipe->readers == 0) {
        pipe->writers += writes; // which release takes back
        file_release(file);
        return -ENXIO;
    }
    pipe->readers += reads;
    pipe->readers_ever += reads;
    pipe->writers += writes;
    pipe->writers_ever += writes;
    wait_wake(&pipe->changed, WAIT_ALL);
    int stopped = 0;
    if (reads && !writes && waits) stopped = wait_for_other(pipe, &pipe->writers, &pipe->writers_ever);
    if (writes && !reads && waits) stopped = wait_for_other(pipe, &pipe->readers, &pipe->readers_ever);
    if (stopped != 0)
        file_release(file);
    else
        *made = file;
    return stopped;
}

int pipe_open_named(struct inode *inode, uint32_t flags, struct file **file) {
    struct pipe *pipe = inode->owner;
    if (pipe == nullptr) {
        pipe = pipe_new();
        if (pipe == nullptr) return -ENOMEM;
        pipe->named = inode;
        inode->owner = pipe;
    }
    const int error = open_end(pipe, inode, flags, file);
    if (error == 0 || inode->owner != pipe || pipe->readers + pipe->writers != 0) return error;
    inode->owner = nullptr; // no end was made
    pipe_free(pipe);
    return error;
}

static int open_anonymous(struct special *special, uint32_t flags, struct file **file) { // by /proc/PID/fd
    return open_end((struct pipe *)special, &special->inode, flags, file);
}

static void release_anonymous(struct special *special) {
    pipe_free((struct pipe *)special);
}

static const struct special_kind pipe_kind = {
    .open = open_anonymous,
    .release = release_anonymous,
    .device = DEVICE_PIPE,
};

int pipe_open(uint32_t flags, struct file **reader, struct file **writer) {
    static uint32_t number;
    struct pipe *pipe = pipe_new();
    if (pipe == nullptr) return -ENOMEM;
    const uint64_t now = clock_wall();
    const struct process *process = process_current();
    pipe->special.kind = &pipe_kind;
    pipe->special.inode = (struct inode){
        .number = ++number,
        .references = 1,
        .mode = S_IFIFO | 0600,
        .links = 1,
        .uid = process->euid,
        .gid = process->egid,
        .accessed = now,
        .modified = now,
        .changed = now,
    };
    *reader = file_new(&end_operations, &pipe->special.inode, (flags & O_NONBLOCK) | O_RDONLY, "", nullptr);
    *writer = file_new(&end_operations, &pipe->special.inode, (flags & O_NONBLOCK) | O_WRONLY, "", nullptr);
    struct file *const ends[] = {*reader, *writer};
    for (unsigned i = 0; i < 2; i++) {
        if (ends[i] == nullptr) continue;
        ends[i]->own = pipe;
        if (i == 0) pipe->readers = pipe->readers_ever = 1;
        else pipe->writers = pipe->writers_ever = 1;
    }
    const bool enough = *reader != nullptr && *writer != nullptr;
    for (unsigned i = 0; i < 2; i++)
        if (!enough && ends[i] != nullptr) file_release(ends[i]);
    inode_release(&pipe->special.inode);
    return enough ? 0 : -ENOMEM;
}

static int64_t make(uint64_t address, uint32_t flags) {
    if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) return -EINVAL;
    if (flags & O_DIRECT) return -EINVAL; // packets are not served
    struct file *reader, *writer;
    const int error = pipe_open(flags, &reader, &writer);
    if (error != 0) return error;
    struct descriptors *descriptors = process_current()->descriptors;
    const bool close_on_exec = (flags & O_CLOEXEC) != 0;
    const int number[2] = {descriptor_give(reader, close_on_exec), descriptor_give(writer, close_on_exec)};
    const int failed = number[0] < 0   ? number[0]
                       : number[1] < 0 ? number[1]
                                       : user_write(address, number, sizeof(number));
    for (unsigned i = 0; i < 2; i++)
        if (failed != 0 && number[i] >= 0) (void)descriptor_close(descriptors, (uint32_t)number[i]);
    return failed;
}

int64_t sys_pipe(struct thread *, const uint64_t argument[6]) {
    return make(argument[0], 0);
}
int64_t sys_pipe2(struct thread *, const uint64_t argument[6]) {
    return make(argument[0], (uint32_t)argument[1]);
}

// ---- fcntl

static struct pipe *pipe_of(const struct file *file) {
    return file->operations == &end_operations ? file->own : nullptr;
}

int64_t pipe_room(const struct file *file) {
    const struct pipe *pipe = pipe_of(file);
    return pipe == nullptr ? -EBADF : (int64_t)pipe->room;
}

int64_t pipe_set_room(struct file *file, uint64_t room) {
    struct pipe *pipe = pipe_of(file);
    return pipe == nullptr ? -EBADF : pipe_resize(pipe, (uint32_t)room);
}
