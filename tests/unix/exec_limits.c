// SPDX-License-Identifier: MIT
// exec at its limits, exactly and one beyond: of one string, of all together, of paths and names; and each reason for
// which it is refused.
#include "tests/unix/check.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STRING_MOST = 131072, LEAST_IN_ALL = 131072 }; // with the zero byte; however small the stack may become
static char *const no_words[] = {nullptr};

// What exec gives: 0 if the program ran (it exits with 7), else the error.
static int exec_gives(const char *path, char *const words[], char *const environment[], rlim_t stack) {
    int status, ends[2], error = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {stack, RLIM_INFINITY};
        if (stack != 0) setrlimit(RLIMIT_STACK, &limit);
        execve(path, words, environment);
        error = errno;
        _exit(write(ends[1], &error, sizeof error) != sizeof error);
    }
    close(ends[1]);
    const bool refused = read(ends[0], &error, sizeof error) == sizeof error;
    close(ends[0]);
    if (waitpid(child, &status, 0) != child) return -1;
    return refused ? error : WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : -2;
}

// Our own, from the root.
static const char *own_path(void) {
    static char path[PATH_MAX];
    return realpath(self_path, path);
}

static char *string_of(size_t length) {
    char *string = malloc(length + 1);
    memset(string, 'x', length);
    string[length] = 0;
    return string;
}

TEST(a_string_may_have_131071_bytes) {
    char *most = string_of(STRING_MOST - 1), *more = string_of(STRING_MOST);
    char *with_most[] = {"x", "exit", "7", most, nullptr}, *with_more[] = {"x", "exit", "7", more, nullptr};
    char *words[] = {"x", "exit", "7", nullptr}, *most_alone[] = {most, nullptr}, *more_alone[] = {more, nullptr};
    CHECK(exec_gives(self_path, with_most, no_words, 0) == 0);
    CHECK(exec_gives(self_path, with_more, no_words, 0) == E2BIG);
    CHECK(exec_gives(self_path, words, most_alone, 0) == 0);
    CHECK(exec_gives(self_path, words, more_alone, 0) == E2BIG);
    free(most);
    free(more);
}

// Strings and path with their zero bytes, and a pointer to each string, may take a quarter of the stack's limit.
// The last argument is made so long that all are exactly `total` bytes.
static int with_total(size_t total, size_t each, rlim_t stack) {
    const unsigned count = (unsigned)((total - 5000) / (each + sizeof(char *)));
    char **words = calloc(count + 6, sizeof *words), **environment = calloc(count + 1, sizeof *environment);
    char *string = string_of(each - 1);
    size_t bytes = strlen(self_path) + 1;
    words[0] = "x", words[1] = "exit", words[2] = "7";
    unsigned at = 3;
    for (unsigned i = 0; i < count; i++) *(i % 2 ? &environment[i / 2] : &words[at++]) = string;
    for (unsigned i = 0; i < at; i++) bytes += strlen(words[i]) + 1 + sizeof(char *);
    for (unsigned i = 0; environment[i] != nullptr; i++) bytes += strlen(environment[i]) + 1 + sizeof(char *);
    char *last = string_of(total - bytes - 1 - sizeof(char *));
    words[at] = last;
    const int result = exec_gives(self_path, words, environment, stack);
    free(last);
    free(string);
    free(environment);
    free(words);
    return result;
}

TEST(all_together_may_take_a_quarter_of_the_stack_limit) {
    const size_t stack = 1 << 20;
    CHECK(with_total(stack / 4, 6000, stack) == 0);
    CHECK(with_total(stack / 4 + 1, 6000, stack) == E2BIG);
    CHECK(with_total(stack / 4, 8, stack) == 0); // mostly pointers
    CHECK(with_total(stack / 4 + 1, 8, stack) == E2BIG);
    CHECK(with_total(LEAST_IN_ALL, 6000, 256 << 10) == 0);
    CHECK(with_total(LEAST_IN_ALL + 1, 6000, 256 << 10) == E2BIG);
    CHECK(with_total((8 << 20) / 4, 100000, 8 << 20) == 0);
    CHECK(with_total((8 << 20) / 4 + 1, 100000, 8 << 20) == E2BIG);
    CHECK(with_total(6 << 20, 100000, 64 << 20) == 0); // and never more than 6 MiB
    CHECK(with_total((6 << 20) + 1, 100000, 64 << 20) == E2BIG);
}

TEST(a_path_may_have_4095_bytes_and_a_name_255) {
    static char path[PATH_MAX + 100];
    char *words[] = {"x", "exit", "7", nullptr};
    const char *own = own_path();
    const size_t length = strlen(own);
    for (size_t bytes = PATH_MAX - 1; bytes <= PATH_MAX; bytes++) { // without the zero byte
        size_t at = 0;
        while (at + 2 + length <= bytes) at += (size_t)sprintf(path + at, "/.");
        while (at + length < bytes) path[at++] = '/';
        strcpy(path + at, own);
        CHECK(strlen(path) == bytes);
        CHECK(exec_gives(path, words, no_words, 0) == (bytes < PATH_MAX ? 0 : ENAMETOOLONG));
    }
    for (size_t bytes = NAME_MAX; bytes <= NAME_MAX + 1; bytes++) {
        strcpy(path, "/tmp/");
        memset(path + 5, 'n', bytes);
        path[5 + bytes] = 0;
        CHECK(exec_gives(path, words, no_words, 0) == (bytes <= NAME_MAX ? ENOENT : ENAMETOOLONG));
        CHECK(open(path, O_RDONLY) == -1 && errno == (bytes <= NAME_MAX ? ENOENT : ENAMETOOLONG));
    }
}

static void make(const char *path, const char *contents, mode_t mode) {
    unlink(path);
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (write(file, contents, strlen(contents)) < 0 || fchmod(file, mode) != 0) perror(path);
    close(file);
}

TEST(each_reason_has_its_error) {
    char *words[] = {"x", "exit", "7", nullptr};
    make("/tmp/limits-text", "neither a program nor a script\n", 0755);
    make("/tmp/limits-empty", "", 0755);
    make("/tmp/limits-plain", "#!/bin/sh\n", 0644);
    make("/tmp/limits-lost", "#!/there/is/none\n", 0755);
    make("/tmp/limits-nothing", "#!\n", 0755);
    CHECK(exec_gives("/tmp/limits-text", words, no_words, 0) == ENOEXEC);
    CHECK(exec_gives("/tmp/limits-empty", words, no_words, 0) == ENOEXEC);
    CHECK(exec_gives("/tmp/limits-nothing", words, no_words, 0) == ENOEXEC);
    CHECK(exec_gives("/tmp/limits-plain", words, no_words, 0) == EACCES);
    CHECK(exec_gives("/tmp", words, no_words, 0) == EACCES);
    CHECK(exec_gives("/dev/null", words, no_words, 0) == EACCES);
    CHECK(exec_gives("/tmp/limits-lost", words, no_words, 0) == ENOENT);
    CHECK(exec_gives("/tmp/limits-none", words, no_words, 0) == ENOENT);
    CHECK(exec_gives("", words, no_words, 0) == ENOENT);
    CHECK(exec_gives("/tmp/limits-text/x", words, no_words, 0) == ENOTDIR);
    CHECK(exec_gives("/tmp/limits-text/", words, no_words, 0) == ENOTDIR);
    CHECK(exec_gives((char *)16, words, no_words, 0) == EFAULT);
    CHECK(exec_gives(self_path, (char **)16, no_words, 0) == EFAULT);
    CHECK(exec_gives(self_path, words, (char **)16, 0) == EFAULT);
    char *bad_word[] = {"x", (char *)16, nullptr};
    CHECK(exec_gives(self_path, bad_word, no_words, 0) == EFAULT);
    for (const char *const *each = (const char *const[]){"text", "empty", "plain", "lost", "nothing", nullptr};
         *each != nullptr; each++) {
        char path[64];
        snprintf(path, sizeof path, "/tmp/limits-%s", *each);
        CHECK(unlink(path) == 0);
    }
}

TEST(forty_links_lead_somewhere_and_forty_one_do_not) {
    char path[64], to[PATH_MAX];
    char *words[] = {"x", "exit", "7", nullptr};
    strcpy(to, own_path());
    for (int i = 0; i < 41; i++) {
        snprintf(path, sizeof path, "/tmp/limits-link%d", i);
        unlink(path);
        CHECK(symlink(to, path) == 0);
        strcpy(to, path);
        if (i >= 39) CHECK(exec_gives(path, words, no_words, 0) == (i == 39 ? 0 : ELOOP));
    }
    CHECK(symlink("limits-ring", "/tmp/limits-ring") == 0);
    CHECK(exec_gives("/tmp/limits-ring", words, no_words, 0) == ELOOP && unlink("/tmp/limits-ring") == 0);
    for (int i = 0; i < 41; i++) {
        snprintf(path, sizeof path, "/tmp/limits-link%d", i);
        CHECK(unlink(path) == 0);
    }
}

// A script whose interpreter is a script, and so on: the program gets all their paths.
TEST(five_scripts_lead_to_a_program_and_six_do_not) {
    char path[64], line[PATH_MAX + 20];
    char *words[] = {"x", nullptr};
    snprintf(line, sizeof line, "#!%s exit\n", own_path());
    for (int i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "/tmp/7-script%d", i); // `exit /tmp/…`: atoi of the path is 0
        make(path, line, 0755);
        snprintf(line, sizeof line, "#!%s\n", path);
        const int result = exec_gives(path, words, no_words, 0);
        CHECK(i < 5 ? result == -2 : result == ELOOP); // it ran, and exited with 0
    }
    for (int i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "/tmp/7-script%d", i);
        CHECK(unlink(path) == 0);
    }
}
