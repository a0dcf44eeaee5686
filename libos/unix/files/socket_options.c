// SPDX-License-Identifier: MIT
// Options of sockets. What an option asks for that two pipes give anyway is accepted; what they can't give (time-outs,
// credentials with each message) is refused: ENOPROTOOPT.
#include "libos/unix/calls.h"
#include "libos/unix/files/socket.h"
#include "libos/unix/memory/user.h"
#include <errno.h>
#include <sys/socket.h>

static int set(uint64_t level, uint64_t option, uint64_t address, uint64_t bytes) {
    int32_t value;
    if ((int)level != SOL_SOCKET) return -EOPNOTSUPP;
    if (bytes < sizeof(value)) return -EINVAL;
    if (user_read(&value, address, sizeof(value)) != 0) return -EFAULT;
    switch ((int)option) {
    case SO_REUSEADDR:
    case SO_KEEPALIVE:
    case SO_SNDBUF:
    case SO_RCVBUF: return 0;
    default: return -ENOPROTOOPT;
    }
}

int64_t sys_setsockopt(struct thread *, const uint64_t argument[6]) {
    struct file *file;
    struct socket *socket;
    int error = socket_of(argument[0], &file, &socket);
    if (error != 0) return error;
    error = set(argument[1], argument[2], argument[3], argument[4]);
    file_release(file);
    return error;
}

static int get(const struct socket *socket, int option, int32_t *value) {
    switch (option) {
    case SO_TYPE: *value = SOCK_STREAM; return 0;
    case SO_DOMAIN: *value = AF_UNIX; return 0;
    case SO_ACCEPTCONN: *value = socket->listens; return 0;
    case SO_SNDBUF:
    case SO_RCVBUF: *value = PIPE_ROOM; return 0;
    case SO_PROTOCOL:
    case SO_ERROR:
    case SO_KEEPALIVE:
    case SO_REUSEADDR: *value = 0; return 0;
    default: return -ENOPROTOOPT;
    }
}

static int tell(const struct socket *socket, const uint64_t argument[6]) {
    const struct connection *connection = socket->connection;
    struct socket_owner owner = {0, UINT32_MAX, UINT32_MAX};
    int32_t value, room;
    if (user_read(&room, argument[4], sizeof(room)) != 0) return -EFAULT;
    if (room < 0) return -EINVAL;
    if ((int)argument[1] != SOL_SOCKET) return -EOPNOTSUPP;
    const bool asks_owner = (int)argument[2] == SO_PEERCRED;
    if (asks_owner && connection != nullptr) owner = connection->owner[1 - socket->side];
    const int error = asks_owner ? 0 : get(socket, (int)argument[2], &value);
    if (error != 0) return error;
    const int32_t bytes = asks_owner ? (int32_t)sizeof(owner) : (int32_t)sizeof(value);
    const int32_t part = room < bytes ? room : bytes;
    if (user_write(argument[3], asks_owner ? (const void *)&owner : &value, (size_t)part) != 0) return -EFAULT;
    return user_write(argument[4], &part, sizeof(part));
}

int64_t sys_getsockopt(struct thread *, const uint64_t argument[6]) {
    struct file *file;
    struct socket *socket;
    int error = socket_of(argument[0], &file, &socket);
    if (error != 0) return error;
    error = tell(socket, argument);
    file_release(file);
    return error;
}
