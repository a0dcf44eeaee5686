// SPDX-License-Identifier: MIT
// Signals, job control and death in the middle of reading from a terminal. terminal.py types when it is asked to, by a
// line of output.
#include "tests/unix/check.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static volatile int count;
static char bytes[100];

static void counts(int) {
    count++;
}

static void handle(int signal, int flags) {
    const struct sigaction action = {.sa_handler = counts, .sa_flags = flags};
    sigaction(signal, &action, nullptr);
    count = 0;
}

static void every(long microseconds) {
    const struct itimerval often = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &often, nullptr);
}

TEST(a_read_is_interrupted_or_goes_on) {
    handle(SIGALRM, 0);
    every(3000);
    CHECK(read(0, bytes, sizeof bytes) == -1 && errno == EINTR && count > 0);
    handle(SIGALRM, SA_RESTART);
    printf("# type a line\n");
    CHECK(read(0, bytes, sizeof bytes) == 2 && memcmp(bytes, "x\n", 2) == 0);
    every(0);
}

// The interrupt character ends a read, and takes with it what of a line was typed before.
TEST(the_interrupt_character_is_a_signal) {
    handle(SIGINT, 0);
    printf("# type half a line and interrupt\n");
    CHECK(read(0, bytes, sizeof bytes) == -1 && errno == EINTR && count == 1);
    printf("# type a line\n");
    CHECK(read(0, bytes, sizeof bytes) == 2 && memcmp(bytes, "x\n", 2) == 0);
    signal(SIGINT, SIG_DFL);
}

TEST(who_reads_in_the_background_is_stopped) {
    int status;
    const pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        _exit(read(0, bytes, sizeof bytes) != 2);
    }
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
    signal(SIGTTOU, SIG_IGN);
    CHECK(tcsetpgrp(0, child) == 0 && kill(child, SIGCONT) == 0);
    printf("# type a line\n");
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(tcsetpgrp(0, getpgrp()) == 0);
    signal(SIGTTOU, SIG_DFL);
}

TEST(who_is_killed_in_a_read_takes_nothing_with_it) {
    int status;
    for (int i = 0; i < 5; i++) {
        const pid_t child = fork();
        if (child == 0) _exit((int)read(0, bytes, sizeof bytes));
        usleep(2000);
        CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
    }
    printf("# type a line\n");
    CHECK(read(0, bytes, sizeof bytes) == 2 && memcmp(bytes, "x\n", 2) == 0);
}
