// SPDX-License-Identifier: MIT
// Runs each program of a folder, in the order of their names, and prints its name and how that went: `exit N`,
// `signal N`, or the error of exec. Then all of them many times, after which no memory may be held.
#include "tests/torture/memory.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run(const char *path, char *how) {
    char *const words[] = {"x", nullptr}, *const none[] = {nullptr};
    int ends[2], error = 0, status;
    if (pipe2(ends, O_CLOEXEC) != 0) exit(1);
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        execve(path, words, none);
        error = errno;
        _exit(write(ends[1], &error, sizeof error) != sizeof error);
    }
    close(ends[1]);
    const bool refused = read(ends[0], &error, sizeof error) == sizeof error;
    close(ends[0]);
    if (waitpid(child, &status, 0) != child) exit(1);
    if (refused)
        sprintf(how, "error %d", error);
    else if (WIFSIGNALED(status))
        sprintf(how, "signal %d", WTERMSIG(status));
    else
        sprintf(how, "exit %d", WEXITSTATUS(status));
}

static void run_all(const char *folder, struct dirent **names, int count, bool prints) {
    for (int i = 0; i < count; i++) {
        char path[600], how[32];
        if (names[i]->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        run(path, how);
        if (prints) printf("%s %s\n", names[i]->d_name, how);
    }
}

int main(int argc, char **argv) {
    struct dirent **names;
    const int count = argc > 1 ? scandir(argv[1], &names, nullptr, alphasort) : -1;
    if (count < 0) return 2;
    setvbuf(stdout, nullptr, _IONBF, 0);
    run_all(argv[1], names, count, true);
    run_all(argv[1], names, count, false);
    const struct memory_now before = memory_now();
    for (int i = 0; i < 10 * torture(); i++) run_all(argv[1], names, count, false);
    const struct memory_now after = memory_now();
    printf("heap %ld %ld swap %ld %ld\n", before.heap, after.heap, before.swap, after.swap);
    return 0;
}
