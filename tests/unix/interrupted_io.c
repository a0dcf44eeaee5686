// SPDX-License-Identifier: MIT
// Signals while a call waits for something to happen to a file: what had been moved is told, what had not is EINTR, or
// goes on if the handler says so; and what never goes on after a handler does not.
#include "tests/unix/check.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SOON = 2000, BIG = 300000 }; // microseconds; bytes, more than a pipe has room for
static volatile int count;
static char bytes[BIG];

static void counts(int) {
    count++;
}

static void every(long microseconds) {
    const struct itimerval often = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &often, nullptr);
}

static void handle(int signal, int flags) {
    const struct sigaction action = {.sa_handler = counts, .sa_flags = flags};
    sigaction(signal, &action, nullptr);
    count = 0;
}

// Signals come from SOON on until a call has been interrupted, whose handler has these flags.
static void disturb(int flags) {
    handle(SIGALRM, flags);
    every(SOON);
}

static bool was_interrupted(long result) {
    const int error = errno;
    every(0);
    return result == -1 && error == EINTR && count > 0;
}

// A child that sends signals which let calls go on, and then does what is waited for.
#define DISTURB_UNTIL(child, code)                                                                                     \
    handle(SIGALRM, SA_RESTART);                                                                                       \
    const pid_t child = fork();                                                                                        \
    if (child == 0) {                                                                                                  \
        for (int i = 0; i < 3; i++) {                                                                                  \
            usleep(SOON);                                                                                              \
            kill(getppid(), SIGALRM);                                                                                  \
        }                                                                                                              \
        usleep(SOON);                                                                                                  \
        code;                                                                                                          \
        _exit(0);                                                                                                      \
    }

static bool ends(pid_t child) {
    int status;
    return waitpid(child, &status, 0) == child && status == 0;
}

TEST(a_pipe_write_that_is_interrupted_tells_what_it_has_written) {
    int pipe_ends[2];
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) { // even then: something was done
        CHECK(pipe(pipe_ends) == 0);
        disturb(flags);
        const ssize_t done = write(pipe_ends[1], bytes, BIG);
        every(0);
        CHECK(done == 65536 && count > 0);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
    }
}

TEST(a_pipe_write_that_has_done_nothing_is_EINTR_or_goes_on) {
    int pipe_ends[2];
    CHECK(pipe(pipe_ends) == 0);
    while (fcntl(pipe_ends[1], F_SETFL, O_NONBLOCK) == 0 && write(pipe_ends[1], bytes, 4096) > 0) {
    }
    CHECK(fcntl(pipe_ends[1], F_SETFL, 0) == 0);
    disturb(0);
    CHECK(was_interrupted(write(pipe_ends[1], bytes, 100)));
    DISTURB_UNTIL(child, (void)!read(pipe_ends[0], bytes, 8192));
    CHECK(write(pipe_ends[1], bytes, 100) == 100 && count > 0);
    CHECK(ends(child));
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

TEST(a_read_that_has_something_returns_it_and_one_of_a_socket_waits_as_well) {
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(write(pair[1], "abc", 3) == 3);
    CHECK(read(pair[0], bytes, 100) == 3);
    disturb(0);
    CHECK(was_interrupted(read(pair[0], bytes, 100)));
    DISTURB_UNTIL(child, (void)!write(pair[1], "d", 1));
    CHECK(read(pair[0], bytes, 100) == 1 && bytes[0] == 'd' && count > 0);
    CHECK(ends(child));
    close(pair[0]);
    close(pair[1]);
}

TEST(waiting_for_a_child_is_EINTR_or_goes_on) {
    siginfo_t info;
    int status;
    const pid_t child = fork();
    if (child == 0)
        while (true) pause();
    disturb(0);
    CHECK(was_interrupted(waitpid(child, nullptr, 0)));
    disturb(0);
    CHECK(was_interrupted(waitid(P_PID, (id_t)child, &info, WEXITED)));
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
    DISTURB_UNTIL(other, _exit(5));
    CHECK(waitpid(other, &status, 0) == other && WEXITSTATUS(status) == 5 && count > 0);
}

TEST(waiting_for_events_is_EINTR_whatever_the_handler_says) {
    int pipe_ends[2];
    CHECK(pipe(pipe_ends) == 0);
    struct pollfd polled = {pipe_ends[0], POLLIN, 0};
    const struct timespec long_time = {.tv_sec = 5};
    const int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, pipe_ends[0], &event) == 0);
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        disturb(flags);
        CHECK(was_interrupted(poll(&polled, 1, -1)));
        disturb(flags);
        CHECK(was_interrupted(poll(&polled, 1, 5000)));
        disturb(flags);
        CHECK(was_interrupted(ppoll(&polled, 1, &long_time, nullptr)));
        fd_set set;
        FD_ZERO(&set);
        FD_SET(pipe_ends[0], &set);
        disturb(flags);
        CHECK(was_interrupted(select(pipe_ends[0] + 1, &set, nullptr, nullptr, nullptr)));
        disturb(flags);
        CHECK(was_interrupted(epoll_wait(epoll, &event, 1, -1)));
        disturb(flags);
        CHECK(was_interrupted(pause()));
        disturb(flags);
        CHECK(was_interrupted(clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, nullptr) == EINTR ? (errno = EINTR, -1)
                                                                                                : 0));
    }
    close(epoll);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

TEST(waiting_for_a_signal_is_EINTR_by_another_one) {
    sigset_t wanted, none;
    siginfo_t info;
    const struct timespec long_time = {.tv_sec = 5};
    sigemptyset(&none);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR2);
    sigprocmask(SIG_BLOCK, &wanted, nullptr);
    disturb(SA_RESTART);
    CHECK(was_interrupted(syscall(SYS_rt_sigtimedwait, &wanted, &info, &long_time, _NSIG / 8)));
    disturb(SA_RESTART);
    CHECK(was_interrupted(sigsuspend(&none)));
    CHECK(kill(getpid(), SIGUSR2) == 0);
    CHECK(sigtimedwait(&wanted, &info, &long_time) == SIGUSR2 && info.si_pid == getpid());
    sigprocmask(SIG_UNBLOCK, &wanted, nullptr);
}

TEST(a_futex_is_EINTR_or_goes_on_if_it_has_no_time) {
    static int word;
    const struct timespec long_time = {.tv_sec = 5};
    disturb(0);
    CHECK(was_interrupted(syscall(SYS_futex, &word, FUTEX_WAIT, 0, nullptr)));
    disturb(SA_RESTART);
    CHECK(was_interrupted(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &long_time)));
    handle(SIGUSR1, 0);
    DISTURB_UNTIL(child, while (kill(getppid(), SIGUSR1) == 0) usleep(SOON)); // the other one's handler says otherwise
    CHECK(syscall(SYS_futex, &word, FUTEX_WAIT, 0, nullptr) == -1 && errno == EINTR && count > 0);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, nullptr, 0) == child);
    signal(SIGUSR1, SIG_DFL);
}

TEST(opening_a_named_pipe_is_EINTR_or_goes_on) {
    static const char path[] = "/tmp/interrupted-pipe";
    unlink(path);
    CHECK(mkfifo(path, 0600) == 0);
    disturb(0);
    CHECK(was_interrupted(open(path, O_RDONLY)));
    disturb(0);
    CHECK(was_interrupted(open(path, O_WRONLY)));
    DISTURB_UNTIL(child, (void)!write(open(path, O_WRONLY), "e", 1));
    const int file = open(path, O_RDONLY);
    CHECK(file >= 0 && count > 0 && read(file, bytes, 10) == 1 && bytes[0] == 'e');
    CHECK(ends(child) && close(file) == 0 && unlink(path) == 0);
}

TEST(waiting_for_a_lock_is_EINTR_or_goes_on) {
    static const char path[] = "/tmp/interrupted-lock";
    struct flock lock = {.l_type = F_WRLCK};
    int ready[2], pause_ends[2];
    char byte;
    CHECK(pipe(ready) == 0 && pipe(pause_ends) == 0);
    const int file = open(path, O_RDWR | O_CREAT, 0600);
    DISTURB_UNTIL(child, ({
                      const int own = open(path, O_RDWR);
                      if (fcntl(own, F_SETLK, &lock) != 0 || flock(own, LOCK_EX) != 0) _exit(1);
                      if (write(ready[1], "r", 1) != 1 || read(pause_ends[0], &byte, 1) != 1) _exit(2);
                      for (int i = 0; i < 3; i++, usleep(SOON)) kill(getppid(), SIGALRM);
                  }));
    CHECK(read(ready[0], &byte, 1) == 1);
    disturb(0);
    CHECK(was_interrupted(fcntl(file, F_SETLKW, &lock)));
    disturb(0);
    CHECK(was_interrupted(flock(file, LOCK_EX)));
    handle(SIGALRM, SA_RESTART);
    CHECK(write(pause_ends[1], "p", 1) == 1);
    CHECK(fcntl(file, F_SETLKW, &lock) == 0 && count > 0 && flock(file, LOCK_EX) == 0);
    CHECK(ends(child) && close(file) == 0 && unlink(path) == 0);
    for (int i = 0; i < 2; i++) close(ready[i]), close(pause_ends[i]);
}

// All the time, while much goes through a pipe by calls of all sizes: every byte arrives once.
TEST(a_storm_of_signals_loses_no_byte_of_a_pipe) {
    enum { TOTAL = 1000000 };
    int pipe_ends[2];
    CHECK(pipe(pipe_ends) == 0);
    handle(SIGALRM, 0);
    const pid_t child = fork();
    every(1000);
    if (child == 0) {
        close(pipe_ends[0]);
        for (int sent = 0; sent < TOTAL;) {
            const int most = 1 + sent * 7 % 90001, part = most < TOTAL - sent ? most : TOTAL - sent;
            for (int i = 0; i < part; i++) bytes[i] = (char)((sent + i) % 253);
            const ssize_t done = write(pipe_ends[1], bytes, (size_t)part);
            if (done < 0 && errno != EINTR) _exit(1);
            if (done > 0) sent += (int)done;
        }
        _exit(0);
    }
    close(pipe_ends[1]);
    int received = 0;
    ssize_t done;
    while ((done = read(pipe_ends[0], bytes, (size_t)(1 + received * 11 % 70001))) != 0) {
        CHECK(done > 0 || errno == EINTR);
        for (ssize_t i = 0; i < done; i++) CHECK(bytes[i] == (char)((received + i) % 253));
        if (done > 0) received += (int)done;
    }
    every(0);
    CHECK(received == TOTAL && ends(child));
    close(pipe_ends[0]);
    signal(SIGALRM, SIG_DFL);
}
