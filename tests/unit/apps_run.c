// SPDX-License-Identifier: MIT
// Running an application in a child process and collecting what it said.
#define _GNU_SOURCE
#include "tests/unit/apps.h"
#include "tests/unit/apps_pager.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct apps_pager_statistics *shared; // the child's last word

// Ends the child before the leak checker does its work: it does not expect a fork of a threaded test runner.
static void leave(int status, void *) {
    *shared = apps_pager_statistics;
    fflush(stdout);
    _exit(status);
}

[[noreturn]] static void child(app_main *app, const char *line, unsigned frames, int defect, uint64_t nth, int out) {
    char words[1024], *argv[16], *rest = nullptr;
    int argc = 0;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok_r(words, " ", &rest); word != nullptr && argc < 15; word = strtok_r(nullptr, " ", &rest))
        argv[argc++] = word;
    argv[argc] = nullptr;
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    setvbuf(stdout, nullptr, _IONBF, 0);
    on_exit(leave, nullptr);
    if (frames != 0) apps_pager_start(frames, defect, nth);
    exit(app(argc, argv));
}

struct outcome run_app(app_main *app, const char *line, unsigned frames, int defect, uint64_t nth) {
    struct outcome outcome = {.status = -1};
    int ends[2], status;
    shared = mmap(nullptr, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(shared != MAP_FAILED && pipe(ends) == 0);
    fflush(stdout);
    fflush(stderr);
    pid_t process = fork();
    cr_assert(process >= 0);
    if (process == 0) child(app, line, frames, defect, nth, ends[1]);
    close(ends[1]);
    for (size_t at = 0;;) {
        char spill[256];
        bool full = at + 1 >= sizeof outcome.output;
        ssize_t got =
            read(ends[0], full ? spill : outcome.output + at, full ? sizeof spill : sizeof outcome.output - 1 - at);
        if (got <= 0) break;
        if (!full) at += (size_t)got;
    }
    close(ends[0]);
    cr_assert(waitpid(process, &status, 0) == process);
    if (WIFEXITED(status)) outcome.status = WEXITSTATUS(status);
    outcome.faults = shared->faults;
    outcome.writebacks = shared->writebacks;
    outcome.pages = shared->pages;
    outcome.struck = shared->struck;
    munmap(shared, sizeof *shared);
    return outcome;
}

const char *make_file(const char *contents) {
    static char name[64];
    int file = memfd_create("apps", 0);
    cr_assert(file >= 0);
    cr_assert(write(file, contents, strlen(contents)) == (ssize_t)strlen(contents));
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    return name;
}

char *file_contents(const char *name) {
    FILE *file = fopen(name, "r");
    cr_assert(file != nullptr);
    char *contents = calloc(1, 1 << 22);
    cr_assert(contents != nullptr);
    cr_assert(fread(contents, 1, (1 << 22) - 1, file) < (1 << 22) - 1);
    fclose(file);
    return contents;
}
