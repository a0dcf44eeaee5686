// SPDX-License-Identifier: MIT
// A table of POSIX behaviours: each case makes calls and prints what they give, errors by name. The same program runs
// on Linux and on libos/unix; what it prints must be the same, so Linux says what is right.
//
//   CASE(lseek_before_the_beginning) { SHOW(lseek(fd, -1, SEEK_SET)); }      prints  lseek(fd, -1, SEEK_SET) = EINVAL
//
// Each case runs in a child of its own, in an empty directory of its own. What differs from system to system (numbers
// of processes and inodes, times, sizes of directories) must not be shown.
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct posix_case {
    const char *name;
    void (*run)(void);
    int root;
    const char *file;
    struct posix_case *next;
};
void case_add(struct posix_case *added);

#define CASE(name) CASE_AS(name, 0)
#define ROOT_CASE(name) CASE_AS(name, 1) // of the superuser; others pass it over
#define CASE_AS(name_, root_)                                                                                     \
    static void case_##name_(void);                                                                               \
    [[gnu::constructor]] static void case_add_##name_(void) {                                                     \
        static struct posix_case added = {.name = #name_, .run = case_##name_, .root = root_, .file = __FILE__};  \
        case_add(&added);                                                                                         \
    }                                                                                                             \
    static void case_##name_(void)

// Prints a call and its result: an error's name if it is -1 with errno set.
#define SHOW(call)                  \
    do {                            \
        errno = 0;                  \
        show(#call, (long)(call));  \
    } while (0)
void show(const char *call, long result);
void show_text(const char *what, const char *text);

#define BAD ((void *)16) // nothing is mapped there

// Helpers that end the case with a line if they fail.
int make_file(const char *path, const char *contents); // open for reading and writing, at its beginning
void show_file(const char *path);                      // its contents
void show_status(const char *path);                    // type, permissions, links of files, size of regular ones
