// SPDX-License-Identifier: MIT
// How sockets find each other: by a path, whose inode stands for the name, or by an abstract name, which begins with a
// zero byte. connect makes the connection at once; the other end waits to be accepted and may be written to already.
#include "libos/unix/calls.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/names.h"
#include "libos/unix/files/path.h"
#include "libos/unix/files/socket.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

constexpr uint32_t PATH_AT = offsetof(struct sockaddr_un, sun_path);
constexpr uint32_t BACKLOG_MOST = 4096; // as /proc/sys/net/core/somaxconn of Linux

static struct socket *bound;
static struct wait_queue room; // in any backlog: connect waits here, as a listener may go meanwhile

// ---- Names

static int name_read(struct socket_name *name, uint64_t address, uint64_t bytes) {
    if (bytes <= PATH_AT || bytes > sizeof(name->address)) return -EINVAL;
    *name = (struct socket_name){.bytes = (uint32_t)bytes};
    if (user_read(&name->address, address, bytes) != 0) return -EFAULT;
    if (name->address.sun_family != AF_UNIX) return -EINVAL;
    if (name->address.sun_path[0] != '\0') name->bytes = PATH_AT + (uint32_t)strlen(name->address.sun_path) + 1;
    return 0;
}

// As Linux: as much as there is room for, and how long it is.
static int name_write(const struct socket_name *name, uint64_t address, uint64_t length_address) {
    const struct sockaddr_un none = {.sun_family = AF_UNIX};
    const uint32_t bytes = name->bytes != 0 ? name->bytes : PATH_AT;
    int32_t given;
    if (user_read(&given, length_address, sizeof(given)) != 0) return -EFAULT;
    if (given < 0) return -EINVAL;
    const uint32_t part = bytes < (uint32_t)given ? bytes : (uint32_t)given;
    if (user_write(address, name->bytes != 0 ? &name->address : &none, part) != 0) return -EFAULT;
    return user_write(length_address, &bytes, sizeof(bytes));
}

static bool is_abstract(const struct socket_name *name) {
    return name->address.sun_path[0] == '\0';
}

// By its inode, or by its abstract name.
static struct socket *find(const struct inode *inode, const struct socket_name *name) {
    struct socket *socket = bound;
    while (socket != nullptr
           && !(inode != nullptr ? socket->inode == inode
                                 : socket->inode == nullptr && socket->name.bytes == name->bytes
                                       && memcmp(&socket->name.address, &name->address, name->bytes) == 0))
        socket = socket->next_bound;
    return socket;
}

void socket_forget(struct socket *socket) {
    struct socket **at = &bound;
    while (*at != nullptr && *at != socket) at = &(*at)->next_bound;
    if (*at != nullptr) *at = socket->next_bound;
    while (socket->first != nullptr) {
        struct socket *refused = socket->first;
        socket->first = refused->next;
        socket_free(refused);
    }
    if (socket->listens) wait_wake(&room, WAIT_ALL);
    inode_release(socket->inode);
    socket->inode = nullptr;
}

// ---- bind and listen

static int make_name(const struct socket_name *name, struct inode **inode) {
    struct path_end end;
    int error = path_walk_at(AT_FDCWD, name->address.sun_path, PATH_PARENT, &end);
    if (error != 0) return error;
    if (end.inode != nullptr || end.last != PATH_NAME)
        error = -EADDRINUSE;
    else
        error = end.slash ? -ENOENT : may_change_names(end.directory);
    if (error == 0) {
        const struct fs_new as = new_for(end.directory, S_IFSOCK, 0777);
        error = fs_create(end.directory, end.name, end.length, &as, inode);
    }
    path_end_release(&end);
    return error == -EEXIST ? -EADDRINUSE : error;
}

static int take_name(struct socket *socket, const struct socket_name *name) {
    struct inode *inode = nullptr;
    if (socket->name.bytes != 0) return -EINVAL;
    const int error = !is_abstract(name) ? make_name(name, &inode) : find(nullptr, name) != nullptr ? -EADDRINUSE : 0;
    if (error != 0) return error;
    if (socket->name.bytes != 0) { // by another thread, while the name was made
        inode_release(inode);
        return -EINVAL;
    }
    socket->name = *name;
    socket->inode = inode;
    socket->next_bound = bound;
    bound = socket;
    return 0;
}

int64_t sys_bind(struct thread *, const uint64_t argument[6]) {
    struct file *file;
    struct socket *socket;
    struct socket_name name;
    int error = socket_of(argument[0], &file, &socket);
    if (error != 0) return error;
    error = name_read(&name, argument[1], argument[2]);
    if (error == 0) error = take_name(socket, &name);
    file_release(file);
    return error;
}

int64_t sys_listen(struct thread *, const uint64_t argument[6]) {
    struct file *file;
    struct socket *socket;
    const int error = socket_of(argument[0], &file, &socket);
    if (error != 0) return error;
    const bool can = socket->name.bytes != 0 && socket->connection == nullptr;
    if (can) {
        const uint32_t backlog = (uint32_t)argument[1];
        socket->listens = true;
        socket->backlog = backlog < BACKLOG_MOST ? backlog : BACKLOG_MOST;
        socket->owner = socket_owner_now();
        wait_wake(&room, WAIT_ALL);
    }
    file_release(file);
    return can ? 0 : -EINVAL;
}

// ---- connect

static int join(struct socket *socket, struct socket *listener) {
    struct connection *connection = connection_new();
    struct socket *other = connection != nullptr ? socket_new(connection, 1) : nullptr;
    if (other == nullptr) {
        for (unsigned i = 0; connection != nullptr && i < 2; i++) connection_leave(connection, i);
        return -ENOMEM;
    }
    connection->name[0] = socket->name;
    connection->name[1] = other->name = listener->name;
    connection->owner[1] = listener->owner;
    socket->connection = connection;
    socket->side = 0;
    struct socket **last = &listener->first;
    while (*last != nullptr) last = &(*last)->next;
    *last = other;
    listener->waiting++;
    wait_wake(&listener->changed, WAIT_ALL);
    wait_wake(&socket->changed, WAIT_ALL);
    return 0;
}

static int find_and_join(struct socket *socket, const struct inode *inode, const struct socket_name *name, bool waits) {
    while (true) {
        struct socket *listener = find(inode, name);
        if (socket->listens) return -EINVAL;
        if (socket->connection != nullptr) return -EISCONN;
        if (listener == nullptr || !listener->listens) return -ECONNREFUSED;
        if (listener->waiting <= listener->backlog) return join(socket, listener);
        const int stopped = waits ? wait_sleep(&room, WAIT_SIGNALS, WAIT_FOREVER) : -EAGAIN;
        if (stopped != 0) return stopped;
    }
}

static int inode_of(const struct socket_name *name, struct inode **inode) {
    struct path_end end;
    int error = path_walk_at(AT_FDCWD, name->address.sun_path, PATH_FOLLOW, &end);
    if (error != 0) return error;
    error = inode_access(end.inode, ACCESS_WRITE);
    if (error == 0 && !S_ISSOCK(end.inode->mode)) error = -ECONNREFUSED;
    if (error == 0) *inode = inode_hold(end.inode);
    path_end_release(&end);
    return error;
}

int64_t sys_connect(struct thread *, const uint64_t argument[6]) {
    struct file *file;
    struct socket *socket;
    struct socket_name name;
    struct inode *inode = nullptr;
    int error = socket_of(argument[0], &file, &socket);
    if (error != 0) return error;
    error = name_read(&name, argument[1], argument[2]);
    if (error == 0 && !is_abstract(&name)) error = inode_of(&name, &inode);
    if (error == 0) error = find_and_join(socket, inode, &name, !(file->flags & O_NONBLOCK));
    inode_release(inode);
    file_release(file);
    return error;
}

// ---- accept

static int64_t take_waiting(const struct file *file, struct socket *listener, const uint64_t argument[6],
                            uint32_t type) {
    while (listener->first == nullptr) {
        if (!listener->listens) return -EINVAL;
        const int stopped =
            file->flags & O_NONBLOCK ? -EAGAIN : wait_sleep(&listener->changed, WAIT_SIGNALS, WAIT_FOREVER);
        if (stopped != 0) return stopped;
    }
    const int full = descriptor_room(process_current()->descriptors);
    if (full != 0) return full;
    struct socket *socket = listener->first;
    struct file *made = socket_open(socket, type);
    if (made == nullptr) return -ENOMEM;
    listener->first = socket->next;
    listener->waiting--;
    socket->next = nullptr;
    wait_wake(&room, WAIT_ALL);
    const struct socket_name peer = socket->connection->name[0];
    const int number = descriptor_give(made, (type & SOCK_CLOEXEC) != 0);
    if (number < 0 || argument[1] == 0) return number;
    const int error = name_write(&peer, argument[1], argument[2]);
    if (error != 0) (void)descriptor_close(process_current()->descriptors, (uint32_t)number);
    return error != 0 ? error : number;
}

static int64_t accept_call(const uint64_t argument[6], uint32_t type) {
    struct file *file;
    struct socket *socket;
    if (type & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK)) return -EINVAL;
    const int error = socket_of(argument[0], &file, &socket);
    if (error != 0) return error;
    const int64_t result = take_waiting(file, socket, argument, type);
    file_release(file);
    return result;
}

int64_t sys_accept(struct thread *, const uint64_t argument[6]) {
    return accept_call(argument, 0);
}
int64_t sys_accept4(struct thread *, const uint64_t argument[6]) {
    return accept_call(argument, (uint32_t)argument[3]);
}

// ---- Asking

static int64_t tell(const uint64_t argument[6], bool peer) {
    struct file *file;
    struct socket *socket;
    int error = socket_of(argument[0], &file, &socket);
    if (error != 0) return error;
    const struct connection *connection = socket->connection;
    if (peer && connection == nullptr)
        error = -ENOTCONN;
    else
        error = name_write(peer ? &connection->name[1 - socket->side] : &socket->name, argument[1], argument[2]);
    file_release(file);
    return error;
}

int64_t sys_getsockname(struct thread *, const uint64_t argument[6]) {
    return tell(argument, false);
}
int64_t sys_getpeername(struct thread *, const uint64_t argument[6]) {
    return tell(argument, true);
}
