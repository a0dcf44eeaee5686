// SPDX-License-Identifier: MIT
// Pipes, named pipes; waiting for several.
#include "tests/posix/cases.h"
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/uio.h>

static int ends[2];

CASE(a_pipe_gives_what_was_put_in) {
    char text[16] = "";
    SHOW(pipe(ends));
    SHOW(write(ends[1], "hello", 5));
    SHOW(write(ends[1], " world", 6));
    SHOW(read(ends[0], text, 8));
    SHOW(read(ends[0], text + 8, 8));
    show_text("text", text);
    SHOW(close(ends[1]));
    SHOW(read(ends[0], text, 8));
    SHOW(pipe(BAD));
    SHOW(pipe2(ends, 12345));
}

CASE(a_pipe_has_no_place_to_seek_to) {
    char byte;
    pipe(ends);
    SHOW(lseek(ends[0], 0, SEEK_SET));
    SHOW(pread(ends[0], &byte, 1, 0));
    SHOW(pwrite(ends[1], &byte, 1, 0));
    SHOW(read(ends[1], &byte, 1));
    SHOW(write(ends[0], &byte, 1));
    struct stat status;
    SHOW(fstat(ends[0], &status));
    SHOW(S_ISFIFO(status.st_mode));
    SHOW(fcntl(ends[0], F_GETFL) & O_ACCMODE);
    SHOW(fcntl(ends[1], F_GETFL) & O_ACCMODE);
}

CASE(a_nameless_pipe_is_opened_again_without_waiting) {
    char path[32], text[8] = "";
    pipe(ends);
    write(ends[1], "rest", 4);
    close(ends[1]); // as of a shell's <(command) whose command has ended
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    const int again = open(path, O_RDONLY);
    SHOW(again >= 0);
    SHOW(read(again, text, 8));
    show_text("text", text);
    SHOW(read(again, text, 8));
    pipe(ends);
    close(ends[0]);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
    SHOW(open(path, O_WRONLY | O_NONBLOCK) >= 0);
    SHOW(open(path, O_WRONLY) >= 0);
}

CASE(a_pipe_without_a_reader_breaks) {
    int status;
    pipe(ends);
    close(ends[0]);
    fflush(stdout);
    if (fork() == 0) {
        (void)!write(ends[1], "x", 1);
        _exit(0);
    }
    wait(&status);
    SHOW(WTERMSIG(status));
    signal(SIGPIPE, SIG_IGN);
    SHOW(write(ends[1], "x", 1));
    SHOW(write(ends[1], "x", 0));
}

CASE(a_pipe_does_not_wait_if_it_must_not) {
    static char bytes[70000];
    char byte;
    SHOW(pipe2(ends, O_NONBLOCK));
    SHOW(read(ends[0], &byte, 1));
    SHOW(write(ends[1], bytes, 70000));
    SHOW(write(ends[1], bytes, 1));
    SHOW(read(ends[0], bytes, 4096));
    SHOW(write(ends[1], bytes, 4096));
    SHOW(write(ends[1], bytes, 4096));
    SHOW(fcntl(ends[1], F_GETPIPE_SZ));
    SHOW(fcntl(ends[1], F_SETPIPE_SZ, 4096));
}

CASE(a_pipe_carries_more_than_it_holds) {
    enum { BYTES = 500000 };
    static unsigned char bytes[BYTES];
    unsigned wrong = 0, total = 0;
    int status;
    pipe(ends);
    fflush(stdout);
    if (fork() == 0) {
        for (unsigned i = 0; i < BYTES; i++) bytes[i] = (unsigned char)(i * 7 >> 3);
        _exit(write(ends[1], bytes, BYTES) == BYTES ? 0 : 1);
    }
    close(ends[1]);
    for (ssize_t count; (count = read(ends[0], bytes, 3000)) > 0;)
        for (ssize_t i = 0; i < count; i++) wrong += bytes[i] != (unsigned char)(total++ * 7 >> 3);
    SHOW(total);
    SHOW(wrong);
    wait(&status);
    SHOW(status);
}

CASE(small_writes_are_not_mixed) {
    char line[100];
    int wrong = 0, lines = 0, at = 0;
    pipe(ends);
    fflush(stdout);
    for (int writer = 0; writer < 4; writer++)
        if (fork() == 0) {
            memset(line, 'a' + writer, 99);
            line[99] = '\n';
            for (int i = 0; i < 200; i++) (void)!write(ends[1], line, 100);
            _exit(0);
        }
    close(ends[1]);
    FILE *reader = fdopen(ends[0], "r");
    for (int byte; (byte = getc(reader)) != EOF;) {
        if (byte == '\n') {
            wrong += at != 99;
            lines++;
            at = 0;
            continue;
        }
        wrong += at != 0 && byte != line[0];
        line[0] = (char)byte;
        at++;
    }
    SHOW(lines);
    SHOW(wrong);
    while (wait(NULL) > 0) {}
}

CASE(a_named_pipe_joins_two) {
    char text[8] = "";
    SHOW(mkfifo("p", 0600));
    SHOW(open("p", O_WRONLY | O_NONBLOCK));
    fflush(stdout);
    if (fork() == 0) {
        const int out = open("p", O_WRONLY);
        _exit(write(out, "named", 5) == 5 ? 0 : 1);
    }
    const int in = open("p", O_RDONLY);
    SHOW(read(in, text, 8));
    show_text("text", text);
    SHOW(read(in, text, 8));
    wait(NULL);
    const int both = open("p", O_RDWR | O_NONBLOCK);
    SHOW(read(both, text, 8));
    SHOW(write(both, "x", 1));
    SHOW(read(in, text, 8));
    SHOW(lseek(in, 0, SEEK_SET));
}

static volatile sig_atomic_t caught;
static void on_signal(int signal) {
    caught = signal;
}

static void handle(int number, int flags) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    sigaction(number, &action, NULL);
}

CASE(a_signal_ends_a_read_or_not) {
    char byte = 0;
    pipe(ends);
    handle(SIGALRM, 0);
    ualarm(20000, 20000); // again and again, in case it comes too early
    SHOW(read(ends[0], &byte, 1));
    SHOW(caught);
    ualarm(0, 0);
    handle(SIGALRM, SA_RESTART);
    caught = 0;
    fflush(stdout);
    const pid_t parent = getpid();
    if (fork() == 0) {
        usleep(20000);
        kill(parent, SIGALRM);
        usleep(20000);
        (void)!write(ends[1], "z", 1);
        _exit(0);
    }
    SHOW(read(ends[0], &byte, 1));
    SHOW(byte);
    SHOW(caught);
    wait(NULL);
}

CASE(a_signal_during_a_write_tells_what_was_written) {
    static char bytes[200000];
    pipe(ends);
    handle(SIGALRM, 0);
    ualarm(20000, 20000); // again and again, in case it comes too early
    SHOW(write(ends[1], bytes, sizeof(bytes)));
    ualarm(20000, 20000); // again and again, in case it comes too early
    SHOW(write(ends[1], bytes, 10));
}

CASE(vectors_to_a_pipe_go_together) {
    char text[20] = "";
    const struct iovec out[] = {{"one ", 4}, {"two ", 4}, {"three", 5}}, in[] = {{text, 2}, {text + 2, 18}};
    pipe(ends);
    SHOW(writev(ends[1], out, 3));
    SHOW(readv(ends[0], in, 2));
    show_text("text", text);
}

// ---- Waiting for several

static void show_polled(struct pollfd *polled, int count, int timeout) {
    SHOW(poll(polled, (nfds_t)count, timeout));
    for (int i = 0; i < count; i++) printf("    %d: %x\n", i, polled[i].revents);
}

CASE(poll_tells_what_holds) {
    static char bytes[70000];
    const int file = make_file("f", "x");
    pipe2(ends, O_NONBLOCK);
    struct pollfd polled[] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}, {file, POLLIN | POLLOUT, 0}, {-1, POLLIN, 0},
                              {999, POLLIN, 0}};
    show_polled(polled, 5, 0);
    show_polled(polled, 1, 0);
    (void)!write(ends[1], bytes, sizeof(bytes));
    show_polled(polled, 2, -1);
    close(ends[1]);
    show_polled(polled, 1, 1000);
    while (read(ends[0], bytes, sizeof(bytes)) > 0) {}
    show_polled(polled, 1, 1000);
    pipe(ends);
    close(ends[0]);
    polled[1].fd = ends[1];
    show_polled(polled + 1, 1, 1000);
    SHOW(poll(BAD, 1, 0));
    SHOW(poll(NULL, 0, 10));
    SHOW(poll(polled, -1u, 0));
}

CASE(poll_waits_for_another_process) {
    char byte;
    pipe(ends);
    struct pollfd polled = {ends[0], POLLIN, 0};
    fflush(stdout);
    if (fork() == 0) {
        usleep(20000);
        (void)!write(ends[1], "x", 1);
        _exit(0);
    }
    show_polled(&polled, 1, -1);
    SHOW(read(ends[0], &byte, 1));
    show_polled(&polled, 1, 20);
    wait(NULL);
}

CASE(poll_is_ended_by_a_signal) {
    sigset_t none, all;
    pipe(ends);
    struct pollfd polled = {ends[0], POLLIN, 0};
    handle(SIGALRM, SA_RESTART);
    ualarm(20000, 20000); // again and again, in case it comes too early
    show_polled(&polled, 1, -1);
    ualarm(0, 0);
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, NULL);
    raise(SIGALRM);
    const struct timespec time = {0, 1000000}, wrong = {0, 1000000000};
    SHOW(ppoll(&polled, 1, &time, NULL));
    caught = 0;
    SHOW(ppoll(&polled, 1, NULL, &none));
    SHOW(caught);
    SHOW(ppoll(&polled, 1, &wrong, NULL));
    sigset_t now;
    sigprocmask(SIG_SETMASK, NULL, &now);
    SHOW(sigismember(&now, SIGALRM));
}

CASE(select_tells_what_holds) {
    fd_set in, out;
    struct timeval time = {0, 10000}, wrong = {-1, 0};
    pipe(ends);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(ends[0], &in);
    FD_SET(ends[1], &out);
    SHOW(select(ends[1] + 1, &in, &out, NULL, NULL));
    SHOW(FD_ISSET(ends[0], &in) != 0);
    SHOW(FD_ISSET(ends[1], &out) != 0);
    FD_SET(ends[0], &in);
    SHOW(select(ends[0] + 1, &in, NULL, NULL, &time));
    SHOW(FD_ISSET(ends[0], &in) != 0);
    (void)!write(ends[1], "x", 1);
    FD_SET(ends[0], &in);
    SHOW(select(ends[0] + 1, &in, NULL, NULL, NULL));
    FD_SET(40, &in);
    SHOW(select(41, &in, NULL, NULL, NULL));
    SHOW(select(-1, &in, NULL, NULL, NULL));
    SHOW(select(1, BAD, NULL, NULL, NULL));
    SHOW(select(0, NULL, NULL, NULL, &wrong));
    time.tv_usec = 1000;
    SHOW(select(0, NULL, NULL, NULL, &time));
}

CASE(epoll_keeps_a_set) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 5}, told[4];
    const int set = epoll_create1(0), file = make_file("f", "");
    pipe(ends);
    SHOW(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
    SHOW(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
    SHOW(epoll_ctl(set, EPOLL_CTL_ADD, file, &event));
    SHOW(epoll_ctl(set, EPOLL_CTL_ADD, set, &event));
    SHOW(epoll_ctl(set, EPOLL_CTL_ADD, 999, &event));
    SHOW(epoll_ctl(set, EPOLL_CTL_MOD, ends[1], &event));
    SHOW(epoll_ctl(set, EPOLL_CTL_DEL, ends[1], &event));
    SHOW(epoll_ctl(set, EPOLL_CTL_ADD, ends[1], BAD));
    SHOW(epoll_ctl(set, 99, ends[0], &event));
    SHOW(epoll_wait(set, told, 4, 10));
    (void)!write(ends[1], "x", 1);
    SHOW(epoll_wait(set, told, 4, -1));
    SHOW(told[0].events);
    SHOW(told[0].data.u32);
    event.events = EPOLLIN | EPOLLONESHOT;
    SHOW(epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &event));
    SHOW(epoll_wait(set, told, 4, 0));
    SHOW(epoll_wait(set, told, 4, 0));
    event.events = EPOLLOUT;
    event.data.u32 = 6;
    SHOW(epoll_ctl(set, EPOLL_CTL_ADD, ends[1], &event));
    SHOW(epoll_wait(set, told, 4, 0));
    SHOW(told[0].data.u32);
    SHOW(epoll_wait(set, told, 0, 0));
    SHOW(epoll_wait(ends[0], told, 4, 0));
    SHOW(epoll_wait(set, BAD, 4, 0));
    SHOW(close(ends[1]));
    SHOW(epoll_wait(set, told, 4, 0));
    struct pollfd polled = {set, POLLIN, 0};
    event.events = EPOLLIN;
    SHOW(epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &event));
    show_polled(&polled, 1, -1);
}
