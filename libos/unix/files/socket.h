// SPDX-License-Identifier: MIT
// AF_UNIX stream sockets, connected in pairs or by a name. A connection is two pipes, one each way.
//
// socket.c             connections, and what can be done with one end as with any file
// socket_names.c       bind, listen, connect, accept: how two sockets find each other
// socket_messages.c    sendto, recvfrom, sendmsg, recvmsg
// socket_options.c     getsockopt, setsockopt
#pragma once
#include "libos/unix/files/files.h"
#include "libos/unix/files/pipe.h"
#include <sys/un.h>

struct socket_name {
    struct sockaddr_un address;
    uint8_t end;    // the zero byte of a path as long as can be
    uint32_t bytes; // of the address; 0: there is none
};

// Whose an end is: SO_PEERCRED's struct ucred.
struct socket_owner {
    int32_t pid;
    uint32_t uid, gid;
};

struct connection {
    struct pipe *way[2]; // way[side] is read by that side
    struct socket_name name[2];
    struct socket_owner owner[2];
    uint32_t ends;
};

// `own` of a socket's file.
struct socket {
    struct connection *connection; // null: not connected
    unsigned side;
    struct socket_name name; // of bind
    struct socket_owner owner;
    struct wait_queue changed; // connected, or somebody waits to be accepted
    struct inode *inode;       // a reference: what has the name, if that is a path
    struct socket *next_bound; // of all that have names
    bool listens;
    uint32_t backlog, waiting;
    struct socket *first, *next; // those that wait to be accepted; they have no files yet
};

// A connection of two ends, the second one's owner to be set. Null: no memory.
struct connection *connection_new(void);
// One side closes its end. With the second it goes.
void connection_leave(struct connection *connection, unsigned side);

// A socket, connected at a side or (null) not; null: no memory.
struct socket *socket_new(struct connection *connection, unsigned side);
void socket_free(struct socket *socket);
// Its file, which takes it over. `type`: SOCK_NONBLOCK or not. Null: no memory, and the socket is still the caller's.
struct file *socket_open(struct socket *socket, uint32_t type);
struct socket_owner socket_owner_now(void);

// The socket of a call's descriptor, and its file with a reference. -EBADF, -ENOTSOCK.
int socket_of(uint64_t descriptor, struct file **file, struct socket **socket);

// Takes a socket's name from it, and refuses who waits to be accepted.
void socket_forget(struct socket *socket);
