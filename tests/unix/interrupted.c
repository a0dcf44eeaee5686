// SPDX-License-Identifier: MIT
// Calls that signals interrupt, timers, and processes that are stopped and go on.
#include "tests/unix/check.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int count, last, sender;

static void counts(int signal) {
    count++;
    last = signal;
}

static void records(int signal, siginfo_t *info, void *) {
    counts(signal);
    sender = info->si_pid;
}

static void handle(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(signal, &action, nullptr);
    count = last = 0;
}

// A child that sends SIGUSR1, and then a byte, each when its parent sleeps.
static pid_t disturber(int ends[2]) {
    const pid_t child = fork();
    const struct timespec wait = {.tv_nsec = 30000000};
    if (child != 0) return child;
    nanosleep(&wait, nullptr);
    kill(getppid(), SIGUSR1);
    nanosleep(&wait, nullptr);
    _exit(write(ends[1], "y", 1) != 1);
}

TEST(a_read_is_restarted_if_the_handler_says_so) {
    int ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    handle(SIGUSR1, counts, SA_RESTART);
    pid_t child = disturber(ends);
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'y' && count == 1);
    CHECK(waitpid(child, nullptr, 0) == child);
    handle(SIGUSR1, counts, 0);
    child = disturber(ends);
    CHECK(read(ends[0], &byte, 1) == -1 && errno == EINTR && count == 1);
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'y');
    CHECK(waitpid(child, nullptr, 0) == child);
    close(ends[0]);
    close(ends[1]);
    signal(SIGUSR1, SIG_DFL);
}

TEST(a_sleep_is_ended_by_a_handler_and_says_what_is_left) {
    struct timespec rest = {}, wait = {.tv_sec = 5};
    const struct itimerval soon = {.it_value.tv_usec = 20000};
    handle(SIGALRM, counts, SA_RESTART);
    setitimer(ITIMER_REAL, &soon, nullptr);
    CHECK(nanosleep(&wait, &rest) == -1 && errno == EINTR && count == 1);
    CHECK(rest.tv_sec == 4 && rest.tv_nsec > 500000000);
    signal(SIGALRM, SIG_DFL);
}

TEST(an_interval_timer_comes_again) {
    const struct itimerval often = {{0, 5000}, {0, 5000}}, off = {};
    struct itimerval left;
    handle(SIGALRM, counts, 0);
    CHECK(setitimer(ITIMER_REAL, &often, nullptr) == 0);
    while (count < 5) pause();
    CHECK(setitimer(ITIMER_REAL, &off, &left) == 0 && left.it_interval.tv_usec == 5000);
    signal(SIGALRM, SIG_DFL);
}

TEST(a_timer_interrupts_a_loop) {
    const struct itimerval once = {.it_value.tv_usec = 10000};
    handle(SIGALRM, counts, 0);
    setitimer(ITIMER_REAL, &once, nullptr);
    while (count == 0) {
    }
    CHECK(last == SIGALRM);
    handle(SIGVTALRM, counts, 0);
    setitimer(ITIMER_VIRTUAL, &once, nullptr);
    while (count == 0) {
    }
    CHECK(last == SIGVTALRM);
    signal(SIGALRM, SIG_DFL);
    signal(SIGVTALRM, SIG_DFL);
}

TEST(a_child_stops_and_goes_on) {
    int status;
    const pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        _exit(4);
    }
    const struct sigaction action = {.sa_sigaction = records, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGCHLD, &action, nullptr);
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK(waitpid(child, &status, WUNTRACED | WNOHANG) == 0); // told once
    count = 0;
    CHECK(kill(child, SIGCONT) == 0);
    CHECK(waitpid(child, &status, WCONTINUED) == child);
    if (WIFCONTINUED(status)) CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
    CHECK(count >= 1 && sender == child);
    signal(SIGCHLD, SIG_DFL);
}

TEST(a_stopped_child_can_be_killed) {
    int status;
    const pid_t child = fork();
    if (child == 0)
        while (true) raise(SIGSTOP);
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGTERM); // waits until it goes on
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    kill(child, SIGKILL);
    CHECK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
}

TEST(a_stopped_sleep_ends_when_it_would_have) {
    int status;
    const pid_t child = fork();
    if (child == 0) {
        const struct timespec wait = {.tv_nsec = 60000000};
        _exit(nanosleep(&wait, nullptr) != 0);
    }
    const struct timespec moment = {.tv_nsec = 15000000};
    nanosleep(&moment, nullptr);
    kill(child, SIGSTOP);
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGCONT);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

TEST(a_group_gets_a_signal_together) {
    pid_t child[3];
    int status, ends[2];
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < 3; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            setpgid(0, i == 0 ? 0 : child[0]);
            if (write(ends[1], "r", 1) == 1) pause();
            _exit(0);
        }
        setpgid(child[i], child[0]);
    }
    char ready[3];
    for (int i = 0; i < 3; i++) CHECK(read(ends[0], ready + i, 1) == 1);
    CHECK(kill(-child[0], SIGTERM) == 0);
    for (int i = 0; i < 3; i++) CHECK(waitpid(child[i], &status, 0) == child[i] && WTERMSIG(status) == SIGTERM);
    close(ends[0]);
    close(ends[1]);
}
