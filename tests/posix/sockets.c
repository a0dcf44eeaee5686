// SPDX-License-Identifier: MIT
// AF_UNIX stream sockets: pairs, and those that find each other by a name.
#include "tests/posix/cases.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

static int ends[2];

CASE(a_pair_of_sockets_goes_both_ways) {
    char text[8] = "";
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    SHOW(write(ends[0], "to", 2));
    SHOW(send(ends[1], "back", 4, 0));
    SHOW(recv(ends[0], text, 8, 0));
    show_text("text", text);
    SHOW(read(ends[1], text, 8));
    SHOW(recv(ends[1], text, 8, MSG_DONTWAIT));
    SHOW(shutdown(ends[0], SHUT_WR));
    SHOW(read(ends[1], text, 8));
    SHOW(send(ends[0], "x", 1, MSG_NOSIGNAL));
    SHOW(write(ends[1], "x", 1));
    SHOW(shutdown(ends[0], 99));
    SHOW(lseek(ends[0], 0, SEEK_SET));
    struct stat status;
    SHOW(fstat(ends[0], &status));
    SHOW(S_ISSOCK(status.st_mode));
    pipe(ends);
    SHOW(send(ends[1], "x", 1, 0));
    SHOW(shutdown(-1, SHUT_WR));
}

static struct sockaddr_un name_of(const char *path) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strncpy(name.sun_path, path, sizeof(name.sun_path));
    return name;
}
#define NAMED(path) (struct sockaddr *)&(struct sockaddr_un[]){name_of(path)}, sizeof(struct sockaddr_un)

static int listening(const char *path, int backlog) {
    const int made = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(made, NAMED(path));
    listen(made, backlog);
    return made;
}

static void show_name(int (*call)(int, struct sockaddr *, socklen_t *), int socket) {
    struct sockaddr_un name = {};
    socklen_t bytes = sizeof(name);
    SHOW(call(socket, (struct sockaddr *)&name, &bytes));
    printf("    %u bytes: %s\n", bytes, name.sun_path);
}

CASE(a_client_finds_a_server_by_a_path) {
    char text[8] = "";
    const int server = listening("s", 5);
    show_status("s");
    fflush(stdout);
    if (fork() == 0) {
        const int client = socket(AF_UNIX, SOCK_STREAM, 0);
        usleep(10000);
        connect(client, NAMED("s"));
        write(client, "ask", 3);
        shutdown(client, SHUT_WR);
        const ssize_t got = read(client, text, 8);
        _exit(got == 6 && memcmp(text, "answer", 6) == 0 ? 5 : 1);
    }
    struct sockaddr_un name;
    socklen_t bytes = sizeof(name);
    const int one = accept(server, (struct sockaddr *)&name, &bytes);
    SHOW(one >= 0);
    SHOW(bytes);
    SHOW(read(one, text, 8));
    show_text("text", text);
    SHOW(read(one, text, 8));
    SHOW(write(one, "answer", 6));
    show_name(getsockname, server);
    show_name(getsockname, one);
    show_name(getpeername, one);
    show_name(getpeername, server);
    int status;
    wait(&status);
    SHOW(WEXITSTATUS(status));
    signal(SIGPIPE, SIG_IGN);
    SHOW(write(one, "x", 1));
}

CASE(names_of_sockets_are_checked) {
    struct sockaddr_un other = {.sun_family = AF_INET};
    const int one = socket(AF_UNIX, SOCK_STREAM, 0), two = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(listen(one, 1));
    SHOW(bind(one, NAMED("d/s")));
    SHOW(bind(one, (struct sockaddr *)&other, sizeof(other)));
    SHOW(bind(one, BAD, sizeof(other)));
    SHOW(bind(one, NAMED("s")));
    SHOW(bind(one, NAMED("t")));
    SHOW(access("t", F_OK));
    SHOW(bind(two, NAMED("s")));
    SHOW(connect(two, NAMED("s")));
    make_file("f", "x");
    SHOW(bind(two, NAMED("f")));
    SHOW(connect(two, NAMED("f")));
    SHOW(connect(two, NAMED("none")));
    SHOW(connect(two, NAMED("f/s")));
    SHOW(listen(one, 1));
    SHOW(connect(one, NAMED("s")));
    SHOW(connect(two, NAMED("s")));
    SHOW(connect(two, NAMED("s")));
    SHOW(listen(two, 1));
    SHOW(accept(two, NULL, NULL));
    SHOW(accept4(one, NULL, NULL, 12345));
    SHOW(accept(0, NULL, NULL));
    SHOW(accept(-1, NULL, NULL));
    SHOW(open("s", O_RDWR));
    SHOW(rename("s", "moved"));
    const int three = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(connect(three, NAMED("s")));
    SHOW(connect(three, NAMED("moved")));
    close(one);
    SHOW(connect(socket(AF_UNIX, SOCK_STREAM, 0), NAMED("moved")));
}

CASE(a_name_may_be_abstract) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0of a test of sockets"};
    const socklen_t bytes = 2 + 22;
    const int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(connect(client, (struct sockaddr *)&name, bytes));
    SHOW(bind(server, (struct sockaddr *)&name, bytes));
    SHOW(bind(client, (struct sockaddr *)&name, bytes));
    SHOW(listen(server, 0));
    SHOW(connect(client, (struct sockaddr *)&name, bytes - 1));
    SHOW(connect(client, (struct sockaddr *)&name, bytes));
    SHOW(accept(server, NULL, NULL) >= 0);
    show_name(getpeername, client);
    close(server);
    SHOW(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name, bytes));
}

CASE(a_backlog_fills) {
    const int server = listening("s", 1);
    struct pollfd polled = {server, POLLIN, 0};
    SHOW(poll(&polled, 1, 0));
    for (int i = 0; i < 3; i++) SHOW(connect(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), NAMED("s")));
    SHOW(poll(&polled, 1, 0));
    fflush(stdout);
    if (fork() == 0) _exit(connect(socket(AF_UNIX, SOCK_STREAM, 0), NAMED("s")) == 0 ? 3 : 1);
    usleep(10000);
    int status;
    SHOW(waitpid(-1, &status, WNOHANG)); // it waits
    for (int i = 0; i < 2; i++) SHOW(accept(server, NULL, NULL) >= 0);
    wait(&status);
    SHOW(WEXITSTATUS(status));
    fcntl(server, F_SETFL, O_NONBLOCK);
    SHOW(accept(server, NULL, NULL) >= 0);
    SHOW(accept(server, NULL, NULL));
}

CASE(a_socket_that_is_not_connected) {
    char byte;
    const int one = socket(AF_UNIX, SOCK_STREAM, 0);
    struct pollfd polled = {one, POLLIN | POLLOUT, 0};
    signal(SIGPIPE, SIG_IGN);
    SHOW(read(one, &byte, 1));
    SHOW(write(one, &byte, 1));
    SHOW(recv(one, &byte, 1, 0));
    SHOW(send(one, &byte, 1, 0));
    SHOW(sendto(one, &byte, 1, 0, NAMED("s")));
    SHOW(poll(&polled, 1, 0));
    SHOW(polled.revents);
    show_name(getsockname, one);
    show_name(getpeername, one);
    SHOW(socket(AF_UNIX, 77, 0));
    SHOW(socket(AF_UNIX, 12, 0));
    SHOW(socket(77, SOCK_STREAM, 0));
    SHOW(socket(AF_UNIX, SOCK_STREAM, 77));
}

CASE(messages_have_several_parts) {
    char text[16] = "", more[16] = "";
    struct iovec out[] = {{"one ", 4}, {"two", 3}}, in[] = {{text, 5}, {more, 15}};
    struct msghdr sent = {.msg_iov = out, .msg_iovlen = 2}, got = {.msg_iov = in, .msg_iovlen = 2, .msg_flags = 77};
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    SHOW(sendmsg(ends[0], &sent, 0));
    SHOW(recv(ends[1], text, 3, MSG_PEEK));
    show_text("text", text);
    SHOW(recvmsg(ends[1], &got, 0));
    SHOW(got.msg_flags);
    show_text("text", text);
    show_text("more", more);
    SHOW(recvmsg(ends[1], &got, MSG_DONTWAIT));
    SHOW(sendmsg(ends[0], BAD, 0));
    fflush(stdout);
    if (fork() == 0) {
        for (int i = 0; i < 3; i++) {
            usleep(5000);
            write(ends[0], "abc", 3);
        }
        _exit(0);
    }
    SHOW(recv(ends[1], text, 9, MSG_WAITALL));
    show_text("text", text);
    SHOW(sendto(ends[0], "x", 1, 0, NAMED("s")));
    struct sockaddr_un name;
    socklen_t bytes = sizeof(name);
    write(ends[0], "x", 1);
    SHOW(recvfrom(ends[1], text, 9, 0, (struct sockaddr *)&name, &bytes));
    SHOW(bytes);
}

CASE(options_of_sockets) {
    int value = 1;
    socklen_t bytes = sizeof(value);
    struct {
        int pid, uid, gid;
    } owner;
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    SHOW(setsockopt(ends[0], SOL_SOCKET, SO_KEEPALIVE, &value, 3));
    SHOW(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, 4));
    SHOW(setsockopt(ends[0], SOL_SOCKET, 7777, &value, 4));
    SHOW(getsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, &bytes));
    SHOW(value);
    SHOW(getsockopt(ends[0], SOL_SOCKET, SO_ERROR, &value, &bytes));
    SHOW(value);
    SHOW(getsockopt(ends[0], SOL_SOCKET, SO_ACCEPTCONN, &value, &bytes));
    SHOW(value);
    SHOW(getsockopt(ends[0], SOL_SOCKET, 7777, &value, &bytes));
    bytes = sizeof(owner);
    SHOW(getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &owner, &bytes));
    SHOW(bytes);
    SHOW(owner.pid == getpid() && owner.uid == (int)geteuid() && owner.gid == (int)getegid());
    const int server = listening("s", 1), client = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(getsockopt(server, SOL_SOCKET, SO_ACCEPTCONN, &value, &(socklen_t){4}));
    SHOW(value);
    SHOW(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &owner, &bytes));
    SHOW(owner.pid == 0 && owner.uid == -1 && owner.gid == -1);
    SHOW(connect(client, NAMED("s")));
    SHOW(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &owner, &bytes));
    SHOW(owner.pid == getpid());
    SHOW(getsockopt(0, SOL_SOCKET, SO_TYPE, &value, &bytes));
}
