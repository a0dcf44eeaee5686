// SPDX-License-Identifier: MIT
// Connected pairs of AF_UNIX stream sockets: two pipes, one each way. There is no network and no socket with a name:
// other families give EAFNOSUPPORT, other types ESOCKTNOSUPPORT.
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/io.h"
#include "libos/unix/files/nameless.h"
#include "libos/unix/files/pipe.h"
#include "libos/unix/files/poll.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

struct pair {
    struct pipe *way[2]; // way[side] is read by that side
    uint32_t ends;
};

// One end. `own` of its file is this.
struct end {
    struct pair *pair;
    unsigned side;
};

static struct pipe *incoming(const struct file *file) {
    const struct end *end = file->own;
    return end->pair->way[end->side];
}
static struct pipe *outgoing(const struct file *file) {
    const struct end *end = file->own;
    return end->pair->way[1 - end->side];
}

static int64_t socket_read(struct file *file, uint64_t, void *to, size_t bytes) {
    return pipe_take(incoming(file), to, bytes, !(file->flags & O_NONBLOCK));
}
static int64_t socket_write(struct file *file, uint64_t, const void *from, size_t bytes) {
    return pipe_put(outgoing(file), from, bytes, !(file->flags & O_NONBLOCK), true);
}

static uint32_t socket_poll(struct file *file, struct poll_watch *watch) {
    poll_add(watch, &incoming(file)->changed);
    poll_add(watch, &outgoing(file)->changed);
    const uint32_t in = pipe_polled_read(incoming(file)), out = pipe_polled_write(outgoing(file));
    const bool over = (in & POLLHUP) != 0;
    return (in & POLLIN) | (over ? POLLIN | POLLRDHUP : 0) | (out & POLLERR ? POLLOUT | (over ? POLLHUP : 0) : out);
}

static int64_t socket_control(struct file *file, uint64_t request, uint64_t argument) {
    const int bytes = (int)incoming(file)->bytes;
    return request == FIONREAD ? user_write(argument, &bytes, sizeof(bytes)) : -ENOTTY;
}

// Ends what one side writes, or reads.
static void close_way(struct pipe *pipe, bool writes) {
    if (writes)
        pipe->writers = 0;
    else
        pipe->readers = 0;
    wait_wake(&pipe->changed, WAIT_ALL);
}

static void socket_release(struct file *file) {
    struct end *end = file->own;
    struct pair *pair = end->pair;
    close_way(incoming(file), false);
    close_way(outgoing(file), true);
    heap_release(end);
    if (--pair->ends != 0) return;
    for (unsigned i = 0; i < 2; i++) pipe_free(pair->way[i]);
    heap_release(pair);
}

static const struct file_operations socket_operations = {
    .read = socket_read,
    .write = socket_write,
    .poll = socket_poll,
    .control = socket_control,
    .release = socket_release,
};

// ---- Calls

static struct pair *pair_new(void) {
    struct pair *pair = heap_allocate_zeroed(sizeof(*pair));
    if (pair == nullptr) return nullptr;
    for (unsigned i = 0; i < 2; i++) {
        pair->way[i] = pipe_new();
        if (pair->way[i] == nullptr) {
            if (i == 1) pipe_free(pair->way[0]);
            heap_release(pair);
            return nullptr;
        }
        pair->way[i]->readers = pair->way[i]->writers = 1;
    }
    pair->ends = 2;
    return pair;
}

// Both ends, or none.
static int open_pair(uint32_t flags, struct file *files[2]) {
    struct pair *pair = pair_new();
    struct end *ends[2] = {heap_allocate(sizeof(*ends[0])), heap_allocate(sizeof(*ends[0]))};
    for (unsigned i = 0; i < 2; i++) {
        files[i] = nullptr;
        if (pair == nullptr || ends[0] == nullptr || ends[1] == nullptr) continue;
        *ends[i] = (struct end){pair, i};
        files[i] = nameless_open(&socket_operations, S_IFSOCK | 0777, O_RDWR | (flags & O_NONBLOCK), "");
        if (files[i] != nullptr) files[i]->own = ends[i];
    }
    if (files[0] != nullptr && files[1] != nullptr) return 0;
    // A file that was made releases its end, and the pair with the second; what has no file is released here.
    for (unsigned i = 0; i < 2; i++)
        if (files[i] == nullptr) heap_release(ends[i]);
    if (pair != nullptr) {
        for (unsigned i = 0; i < 2; i++) pair->ends -= files[i] == nullptr;
        if (pair->ends == 0) {
            for (unsigned i = 0; i < 2; i++) pipe_free(pair->way[i]);
            heap_release(pair);
        }
    }
    for (unsigned i = 0; i < 2; i++)
        if (files[i] != nullptr) file_release(files[i]);
    return -ENOMEM;
}

int64_t sys_socket(struct thread *, const uint64_t argument[6]) {
    (void)argument;
    return -EAFNOSUPPORT;
}

int64_t sys_socketpair(struct thread *, const uint64_t argument[6]) {
    const uint32_t type = (uint32_t)argument[1];
    if ((uint32_t)argument[0] != AF_UNIX) return -EAFNOSUPPORT;
    if ((type & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK)) != SOCK_STREAM) return -ESOCKTNOSUPPORT;
    if (argument[2] != 0 && (uint32_t)argument[2] != AF_UNIX) return -EPROTONOSUPPORT;
    struct file *files[2];
    const int error = open_pair(type & SOCK_NONBLOCK, files);
    if (error != 0) return error;
    const bool close_on_exec = (type & SOCK_CLOEXEC) != 0;
    const int number[2] = {descriptor_give(files[0], close_on_exec), descriptor_give(files[1], close_on_exec)};
    const int failed = number[0] < 0   ? number[0]
                       : number[1] < 0 ? number[1]
                                       : user_write(argument[3], number, sizeof(number));
    for (unsigned i = 0; i < 2; i++)
        if (failed != 0 && number[i] >= 0)
            (void)descriptor_close(process_current()->descriptors, (uint32_t)number[i]);
    return failed;
}

// The socket of a descriptor, with a reference. -EBADF, -ENOTSOCK.
static int socket_of(uint64_t descriptor, struct file **file) {
    *file = file_of(descriptor);
    if (*file == nullptr) return -EBADF;
    if ((*file)->operations == &socket_operations) return 0;
    file_release(*file);
    return -ENOTSOCK;
}

int64_t sys_shutdown(struct thread *, const uint64_t argument[6]) {
    struct file *file;
    const uint32_t how = (uint32_t)argument[1];
    const int error = socket_of(argument[0], &file);
    if (error != 0) return error;
    if (how == SHUT_RD || how == SHUT_RDWR) {
        close_way(incoming(file), false);
        close_way(incoming(file), true); // and what comes later is over
    }
    if (how == SHUT_WR || how == SHUT_RDWR) {
        close_way(outgoing(file), true);
        close_way(outgoing(file), false); // so that writing gives EPIPE; what is in it can still be read
    }
    file_release(file);
    return how > SHUT_RDWR ? -EINVAL : 0;
}

// Addresses of sendto and recvfrom mean nothing between two that are connected.
static int64_t exchange(const uint64_t argument[6], bool sends) {
    const uint32_t flags = (uint32_t)argument[3];
    struct file *file;
    const int error = socket_of(argument[0], &file);
    if (error != 0) return error;
    const bool waits = !(file->flags & O_NONBLOCK) && !(flags & MSG_DONTWAIT);
    const size_t bytes = argument[2] < TRANSFER_MOST ? argument[2] : TRANSFER_MOST;
    int64_t result;
    if (flags & ~(uint32_t)(MSG_DONTWAIT | MSG_NOSIGNAL))
        result = -EOPNOTSUPP;
    else if (!user_range(argument[1], bytes))
        result = -EFAULT;
    else if (sends && argument[4] != 0)
        result = -EISCONN;
    else if (sends)
        result = pipe_put(outgoing(file), (const void *)argument[1], bytes, waits, !(flags & MSG_NOSIGNAL));
    else
        result = pipe_take(incoming(file), (void *)argument[1], bytes, waits);
    file_release(file);
    return result;
}

int64_t sys_sendto(struct thread *, const uint64_t argument[6]) {
    return exchange(argument, true);
}
int64_t sys_recvfrom(struct thread *, const uint64_t argument[6]) {
    return exchange(argument, false);
}
