// SPDX-License-Identifier: MIT
// The ends of a pipe: who is told that the last one is closed, and tables of descriptors that processes share.
#include "tests/unix/check.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READERS = 3 };

static pid_t reads_to_the_end(const int ends[2]) {
    const pid_t child = fork();
    if (child == 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) != 0);
    }
    while (!is_asleep(child)) usleep(1000);
    return child;
}

static bool all_end_well(const pid_t *children, int count) {
    int good = 0, status;
    for (int i = 0; i < count; i++) good += waitpid(children[i], &status, 0) == children[i] && status == 0;
    return good == count;
}

TEST(all_who_read_a_pipe_see_its_end) {
    int ends[2];
    pid_t children[READERS];
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < READERS; i++) children[i] = reads_to_the_end(ends);
    CHECK(close(ends[1]) == 0 && all_end_well(children, READERS));
    CHECK(close(ends[0]) == 0);
}

// Each waits in open, for a writer. When it comes, all go on and say so; and with its end all end.
TEST(all_who_open_a_named_pipe_see_its_writer) {
    pid_t children[READERS];
    int opened[2];
    char byte;
    CHECK(pipe(opened) == 0);
    (void)!unlink("/tmp/ends"); // of a run that did not end
    CHECK(mkfifo("/tmp/ends", 0600) == 0);
    for (int i = 0; i < READERS; i++) {
        if ((children[i] = fork()) == 0) {
            const int end = open("/tmp/ends", O_RDONLY);
            _exit(end < 0 || write(opened[1], "", 1) != 1 || read(end, &byte, 1) != 0);
        }
        while (!is_asleep(children[i])) usleep(1000);
    }
    const int writer = open("/tmp/ends", O_WRONLY);
    CHECK(writer >= 0);
    for (int i = 0; i < READERS; i++) CHECK(read(opened[0], &byte, 1) == 1);
    CHECK(close(writer) == 0 && all_end_well(children, READERS));
    CHECK(unlink("/tmp/ends") == 0 && close(opened[0]) == 0 && close(opened[1]) == 0);
}

// ---- shared descriptors

static char stack[1 << 16];

static int changes_descriptors(void *own) {
    const int *ends = own;
    return dup2(ends[0], 50) != 50 || close(ends[1]) != 0;
}

TEST(who_shares_descriptors_opens_and_closes_for_both) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    const pid_t child = clone(changes_descriptors, stack + sizeof stack, CLONE_FILES | SIGCHLD, ends);
    CHECK(child > 0 && all_end_well(&child, 1));
    CHECK(fcntl(50, F_GETFD) == 0 && close(50) == 0);
    CHECK(close(ends[1]) == -1 && errno == EBADF && close(ends[0]) == 0);
}

static int waits_for_a_byte(void *own) {
    const int *last = own;
    char byte;
    return read(last[0], &byte, 1) != 1;
}

// One of two who share them ends: its descriptors are open still. Then the other: a reader sees the end.
TEST(shared_descriptors_are_closed_by_the_last_who_ends) {
    int ends[2], go[2];
    char byte;
    CHECK(pipe(ends) == 0 && pipe(go) == 0);
    const pid_t first = fork();
    if (first == 0)
        _exit(close(ends[0]) != 0 || close(go[1]) != 0
              || clone(waits_for_a_byte, stack + sizeof stack, CLONE_FILES | CLONE_PARENT | SIGCHLD, go) < 0);
    CHECK(all_end_well(&first, 1) && close(ends[1]) == 0 && close(go[0]) == 0);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && read(ends[0], &byte, 1) == -1 && errno == EAGAIN);
    CHECK(fcntl(ends[0], F_SETFL, 0) == 0 && write(go[1], "x", 1) == 1 && read(ends[0], &byte, 1) == 0);
    int status = -1;
    CHECK(wait(&status) > 0 && status == 0 && close(ends[0]) == 0 && close(go[1]) == 0);
}
