// SPDX-License-Identifier: MIT
// The first and only process: runs the parts that the word bench=NAME of the kernel's command line selects, each in a
// process of its own, and ends the machine.
//
// A part reports its rows at port 0xe9, one JSON object a line. If it ends in any other way than by returning, the
// event "failed" says how, and the rows that it owed are missing; the tools know which. The last line is
// {"event":"done"}.
#include "peers/linux/linux.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 0xe9 };

static const struct part {
    const char *bench, *name;
    void (*run)(void);
} parts[] = {
    {"fault", "calls", part_calls},
    {"fault", "fault", part_fault},
    {"fault", "uffd", part_uffd},
    {"fault", "uffd_thread", part_uffd_thread},
    {"fault", "protect", part_protect},
    {"fault", "appel_li", part_appel_li},
    {"fault", "uffd_protect", part_uffd_protect},
    {"fault", "yield", part_yield},
    {"fault", "dirty", part_dirty},
    {"disk", "disk", bench_disk},
    {"processes", "processes", part_processes},
    {"files", "files", part_files},
    {"counted", "counted", part_counted},
};

// The port is opened for each line alone: a process that has ports is dearer to switch to.
void peer_put(const char *line) {
    if (ioperm(PORT, 1, 1) != 0) return;
    for (; *line != 0; line++) outb((unsigned char)*line, PORT);
    (void)ioperm(PORT, 1, 0);
}

static void failed(const char *part, const char *reason) {
    char line[BENCH_LINE];
    (void)snprintf(line, sizeof line, "{\"event\":\"failed\",\"part\":\"%s\",\"reason\":\"%s\"}\n", part, reason);
    peer_put(line);
}

static const char *current = "init"; // the part that this process runs

void give_up(const char *format, ...) {
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    failed(current, reason);
    _exit(0);
}

long must(long result, const char *what) {
    if (result == -1) give_up("%s failed: %s", what, strerror(errno)); // through libc
    if (result < 0) give_up("%s failed: %s", what, strerror((int)-result));
    return result;
}

static void run(const struct part *part) {
    const pid_t child = fork();
    if (child == 0) {
        current = part->name;
        part->run();
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        failed(part->name, "it could not be started");
    else if (WIFSIGNALED(status)) {
        char reason[64];
        (void)snprintf(reason, sizeof reason, "the program was ended by signal %d", WTERMSIG(status));
        failed(part->name, reason);
    } else if (WEXITSTATUS(status) != 0)
        failed(part->name, "the program ended with an error");
}

int main(void) {
    const char *bench = getenv("bench"); // words of the kernel's command line that it doesn't know come here
    if (mount("proc", "/proc", "proc", 0, nullptr) != 0) failed("init", "/proc could not be mounted");
    for (size_t i = 0; bench && i < sizeof parts / sizeof *parts; i++)
        if (strcmp(parts[i].bench, bench) == 0) run(&parts[i]);
    peer_put("{\"event\":\"done\"}\n");
    (void)reboot(RB_AUTOBOOT); // works without ACPI; QEMU is told to end at a reset
    return 1;
}
