// SPDX-License-Identifier: MIT
// Sockets as files, and connected pairs of them. There is no network: other families than AF_UNIX give EAFNOSUPPORT,
// other types than streams ESOCKTNOSUPPORT.
#include "libos/unix/files/socket.h"
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/nameless.h"
#include "libos/unix/files/poll.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

// ---- Connections

struct connection *connection_new(void) {
    struct connection *connection = heap_allocate_zeroed(sizeof(*connection));
    if (connection == nullptr) return nullptr;
    for (unsigned i = 0; i < 2; i++) {
        connection->way[i] = pipe_new();
        if (connection->way[i] == nullptr) {
            if (i == 1) pipe_free(connection->way[0]);
            heap_release(connection);
            return nullptr;
        }
        connection->way[i]->readers = connection->way[i]->writers = 1;
    }
    connection->owner[0] = connection->owner[1] = socket_owner_now();
    connection->ends = 2;
    return connection;
}

// Ends what one side writes, or reads.
static void close_way(struct pipe *pipe, bool writes) {
    if (writes)
        pipe->writers = 0;
    else
        pipe->readers = 0;
    wait_wake(&pipe->changed, WAIT_ALL);
}

void connection_leave(struct connection *connection, unsigned side) {
    close_way(connection->way[side], false);
    close_way(connection->way[1 - side], true);
    if (--connection->ends != 0) return;
    for (unsigned i = 0; i < 2; i++) pipe_free(connection->way[i]);
    heap_release(connection);
}

// ---- As files

static int64_t socket_read(struct file *file, uint64_t, void *to, size_t bytes) {
    const struct socket *socket = file->own;
    if (socket->connection == nullptr) return -EINVAL;
    return pipe_take(socket->connection->way[socket->side], to, bytes, !(file->flags & O_NONBLOCK));
}

static int64_t socket_write(struct file *file, uint64_t, const void *from, size_t bytes) {
    const struct socket *socket = file->own;
    if (socket->connection == nullptr) return -ENOTCONN;
    return pipe_put(socket->connection->way[1 - socket->side], from, bytes, !(file->flags & O_NONBLOCK), true);
}

static uint32_t socket_poll(struct file *file, struct poll_watch *watch) {
    struct socket *socket = file->own;
    poll_add(watch, &socket->changed);
    if (socket->listens) return socket->waiting != 0 ? POLLIN : 0;
    if (socket->connection == nullptr) return POLLOUT | POLLHUP;
    struct pipe *incoming = socket->connection->way[socket->side];
    struct pipe *outgoing = socket->connection->way[1 - socket->side];
    poll_add(watch, &incoming->changed);
    poll_add(watch, &outgoing->changed);
    const uint32_t in = pipe_polled_read(incoming), out = pipe_polled_write(outgoing);
    const bool over = (in & POLLHUP) != 0;
    return (in & POLLIN) | (over ? POLLIN | POLLRDHUP : 0) | (out & POLLERR ? POLLOUT | (over ? POLLHUP : 0) : out);
}

static int64_t socket_control(struct file *file, uint64_t request, uint64_t argument) {
    const struct socket *socket = file->own;
    if (request != FIONREAD) return -ENOTTY;
    if (socket->connection == nullptr) return -EINVAL;
    const int bytes = (int)socket->connection->way[socket->side]->bytes;
    return user_write(argument, &bytes, sizeof(bytes));
}

static void socket_release(struct file *file) {
    socket_free(file->own);
}

static const struct file_operations socket_operations = {
    .read = socket_read,
    .write = socket_write,
    .poll = socket_poll,
    .control = socket_control,
    .release = socket_release,
};

// ---- Making them

struct socket_owner socket_owner_now(void) {
    const struct process *process = process_current();
    return (struct socket_owner){process->pid, process->euid, process->egid};
}

struct socket *socket_new(struct connection *connection, unsigned side) {
    struct socket *socket = heap_allocate_zeroed(sizeof(*socket));
    if (socket == nullptr) return nullptr;
    socket->connection = connection;
    socket->side = side;
    return socket;
}

void socket_free(struct socket *socket) {
    socket_forget(socket);
    if (socket->connection != nullptr) connection_leave(socket->connection, socket->side);
    heap_release(socket);
}

struct file *socket_open(struct socket *socket, uint32_t type) {
    const uint32_t flags = O_RDWR | (type & SOCK_NONBLOCK ? O_NONBLOCK : 0);
    struct file *file = nameless_open(&socket_operations, S_IFSOCK | 0777, flags, "");
    if (file != nullptr) file->own = socket;
    return file;
}

int socket_of(uint64_t descriptor, struct file **file, struct socket **socket) {
    *file = file_of(descriptor);
    if (*file == nullptr) return -EBADF;
    *socket = (*file)->own;
    if ((*file)->operations == &socket_operations) return 0;
    file_release(*file);
    return -ENOTSOCK;
}

// ---- Calls

static int check(const uint64_t argument[6]) {
    constexpr uint32_t types = 15, types_end = 11; // a mask; the first number that is none
    const uint32_t type = (uint32_t)argument[1] & types, flags = (uint32_t)argument[1] & ~types;
    if ((flags & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0 || type >= types_end) return -EINVAL;
    if ((uint32_t)argument[0] != AF_UNIX) return -EAFNOSUPPORT;
    if (type != SOCK_STREAM) return -ESOCKTNOSUPPORT;
    return argument[2] != 0 && (uint32_t)argument[2] != AF_UNIX ? -EPROTONOSUPPORT : 0;
}

int64_t sys_socket(struct thread *, const uint64_t argument[6]) {
    const uint32_t type = (uint32_t)argument[1];
    const int error = check(argument);
    if (error != 0) return error;
    struct socket *socket = socket_new(nullptr, 0);
    if (socket == nullptr) return -ENOMEM;
    struct file *file = socket_open(socket, type);
    if (file != nullptr) return descriptor_give(file, (type & SOCK_CLOEXEC) != 0);
    socket_free(socket);
    return -ENOMEM;
}

// One end of a new connection; if there is no memory for it, the end is closed.
static struct file *open_end(struct connection *connection, unsigned side, uint32_t type) {
    struct socket *socket = socket_new(connection, side);
    struct file *file = socket != nullptr ? socket_open(socket, type) : nullptr;
    if (file != nullptr) return file;
    if (socket != nullptr)
        socket_free(socket);
    else
        connection_leave(connection, side);
    return nullptr;
}

int64_t sys_socketpair(struct thread *, const uint64_t argument[6]) {
    const uint32_t type = (uint32_t)argument[1];
    const int error = check(argument);
    if (error != 0) return error;
    struct connection *connection = connection_new();
    if (connection == nullptr) return -ENOMEM;
    int number[2], failed = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct file *file = open_end(connection, i, type);
        number[i] = file == nullptr ? -ENOMEM : descriptor_give(file, (type & SOCK_CLOEXEC) != 0);
        if (number[i] < 0 && failed == 0) failed = number[i];
    }
    if (failed == 0) failed = user_write(argument[3], number, sizeof(number));
    for (unsigned i = 0; i < 2; i++)
        if (failed != 0 && number[i] >= 0) (void)descriptor_close(process_current()->descriptors, (uint32_t)number[i]);
    return failed;
}

int64_t sys_shutdown(struct thread *, const uint64_t argument[6]) {
    struct file *file;
    struct socket *socket;
    const uint32_t how = (uint32_t)argument[1];
    const int error = socket_of(argument[0], &file, &socket);
    if (error != 0) return error;
    struct connection *connection = socket->connection;
    if (connection != nullptr && (how == SHUT_RD || how == SHUT_RDWR)) {
        close_way(connection->way[socket->side], false);
        close_way(connection->way[socket->side], true); // and what comes later is over
    }
    if (connection != nullptr && (how == SHUT_WR || how == SHUT_RDWR)) {
        close_way(connection->way[1 - socket->side], true);
        close_way(connection->way[1 - socket->side], false); // so that writing gives EPIPE; what is in it can be read
    }
    file_release(file);
    return how > SHUT_RDWR ? -EINVAL : 0;
}
