// SPDX-License-Identifier: MIT
// Sending and receiving over sockets. A stream has no messages: what is sent at once may be received in parts. Control
// messages (descriptors, credentials) are not served: sending one gives EOPNOTSUPP.
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/files/io.h"
#include "libos/unix/files/socket.h"
#include "libos/unix/memory/user.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

// struct msghdr of the system call; musl's has other members of the same sizes.
struct message {
    uint64_t name;
    uint32_t name_bytes, padding;
    uint64_t vectors, vector_count, control, control_bytes;
    uint32_t flags, padding_too;
};
static_assert(sizeof(struct message) == sizeof(struct msghdr));

constexpr uint32_t SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE;
constexpr uint32_t RECEIVE_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_PEEK | MSG_WAITALL | MSG_CMSG_CLOEXEC;

static int64_t send_parts(struct socket *socket, const struct io_vector *parts, unsigned count, uint32_t flags,
                          bool waits) {
    if (flags & ~SEND_FLAGS) return -EOPNOTSUPP;
    if (socket->connection == nullptr) return -ENOTCONN;
    struct pipe *outgoing = socket->connection->way[1 - socket->side];
    int64_t done = 0;
    for (unsigned i = 0; i < count; i++) {
        const int64_t put =
            pipe_put(outgoing, (const void *)parts[i].address, parts[i].bytes, waits, !(flags & MSG_NOSIGNAL));
        if (put < 0) return done != 0 ? done : put;
        done += put;
        if ((uint64_t)put < parts[i].bytes) break;
    }
    return done;
}

// Waits for the first byte only, unless for all. Looking ahead (MSG_PEEK) fills the first part.
static int64_t receive_parts(struct socket *socket, const struct io_vector *parts, unsigned count, uint32_t flags,
                             bool waits) {
    if (flags & ~RECEIVE_FLAGS) return -EOPNOTSUPP;
    if (socket->connection == nullptr) return -EINVAL;
    struct pipe *incoming = socket->connection->way[socket->side];
    if (flags & MSG_PEEK) return count == 0 ? 0 : pipe_look(incoming, (void *)parts[0].address, parts[0].bytes, waits);
    const bool all = (flags & MSG_WAITALL) != 0;
    int64_t done = 0;
    for (unsigned i = 0; i < count; i++)
        for (uint64_t at = 0; at < parts[i].bytes;) {
            const int64_t got =
                pipe_take(incoming, (void *)(parts[i].address + at), parts[i].bytes - at, waits && (all || done == 0));
            if (got <= 0) return done != 0 ? done : got;
            done += got;
            at += (uint64_t)got;
            if (!all && at < parts[i].bytes) return done;
        }
    return done;
}

static int64_t exchange(uint64_t descriptor, const struct io_vector *parts, unsigned count, uint32_t flags, bool sends,
                        bool to_address) {
    struct file *file;
    struct socket *socket;
    const int error = socket_of(descriptor, &file, &socket);
    if (error != 0) return error;
    const bool waits = !(file->flags & O_NONBLOCK) && !(flags & MSG_DONTWAIT);
    int64_t result;
    if (to_address)
        result = socket->connection != nullptr ? -EISCONN : -EOPNOTSUPP;
    else
        result = (sends ? send_parts : receive_parts)(socket, parts, count, flags, waits);
    file_release(file);
    return result;
}

int64_t sys_sendto(struct thread *, const uint64_t argument[6]) {
    const struct io_vector part = {argument[1], argument[2] < TRANSFER_MOST ? argument[2] : TRANSFER_MOST};
    if (!user_range(part.address, part.bytes)) return -EFAULT;
    return exchange(argument[0], &part, 1, (uint32_t)argument[3], true, argument[4] != 0);
}

// A stream tells no address of who sent: its length is 0.
int64_t sys_recvfrom(struct thread *, const uint64_t argument[6]) {
    const struct io_vector part = {argument[1], argument[2] < TRANSFER_MOST ? argument[2] : TRANSFER_MOST};
    const int32_t none = 0;
    if (!user_range(part.address, part.bytes)) return -EFAULT;
    const int64_t got = exchange(argument[0], &part, 1, (uint32_t)argument[3], false, false);
    if (got < 0 || argument[4] == 0) return got;
    return user_write(argument[5], &none, sizeof(none)) != 0 ? -EFAULT : got;
}

static int64_t exchange_message(const uint64_t argument[6], bool sends) {
    struct message message;
    struct io_vector *parts;
    if (user_read(&message, argument[1], sizeof(message)) != 0) return -EFAULT;
    const int error = vectors_read(message.vectors, message.vector_count, &parts);
    if (error != 0) return error;
    int64_t result;
    if (sends && message.control != 0 && message.control_bytes != 0)
        result = -EOPNOTSUPP;
    else
        result = exchange(argument[0], parts, (unsigned)message.vector_count, (uint32_t)argument[2], sends,
                          sends && message.name != 0 && message.name_bytes != 0);
    heap_release(parts);
    if (sends || result < 0) return result;
    message.name_bytes = 0;
    message.control_bytes = 0;
    message.flags = 0;
    return user_write(argument[1], &message, sizeof(message)) != 0 ? -EFAULT : result;
}

int64_t sys_sendmsg(struct thread *, const uint64_t argument[6]) {
    return exchange_message(argument, true);
}
int64_t sys_recvmsg(struct thread *, const uint64_t argument[6]) {
    return exchange_message(argument, false);
}
