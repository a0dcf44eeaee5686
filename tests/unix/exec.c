// SPDX-License-Identifier: MIT
// exec: what a program is given, what it keeps, and what is refused.
#include "tests/unix/check.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// Runs a program, its output into `text`.
static int run_read(const char *path, char *const words[], char *const environment[], char *text, size_t room) {
    int ends[2], status = -1;
    if (pipe(ends) != 0) return -1;
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execve(path, words, environment);
        _exit(errno);
    }
    close(ends[1]);
    size_t done = 0;
    for (ssize_t got; done < room - 1 && (got = read(ends[0], text + done, room - 1 - done)) > 0;) done += (size_t)got;
    text[done] = 0;
    close(ends[0]);
    waitpid(child, &status, 0);
    return status;
}

TEST(exec_passes_arguments_and_environment) {
    char text[200];
    char *const words[] = {"name", "echo", "", "two words", nullptr}, *const environment[] = {"A=1", "B=", nullptr};
    CHECK(run_read(self_path, words, environment, text, sizeof(text)) == 0);
    CHECK(strcmp(text, "[name][echo][][two words]{A=1}{B=}\n") == 0);
}

static void write_file(const char *path, const char *text, mode_t mode) {
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (write(file, text, strlen(text)) < 0) perror(path);
    fchmod(file, mode);
    close(file);
}

TEST(a_script_is_run_by_the_program_that_it_names) {
    char text[300], script[200], expected[300];
    char *const words[] = {"name", "more", nullptr}, *const none[] = {nullptr};
    snprintf(script, sizeof(script), "#! %s \t echo this  that \nrest", self_path);
    write_file("/tmp/script", script, 0755);
    snprintf(expected, sizeof(expected), "[%s][echo this  that][/tmp/script][more]\n", self_path);
    CHECK(run_read("/tmp/script", words, none, text, sizeof(text)) == 0);
    // The one argument holds spaces, so it is no command of ours: the program prints what it got.
    CHECK(strcmp(text, expected) == 0);
    unlink("/tmp/script");
}

static int exec_error(const char *path, char *const words[]) {
    char *const none[] = {nullptr};
    const pid_t child = fork();
    int status = -1;
    if (child == 0) {
        execve(path, words, none);
        _exit(errno);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(exec_refuses_what_is_no_program) {
    char *const words[] = {"x", nullptr};
    write_file("/tmp/text", "just text\n", 0755);
    write_file("/tmp/empty", "", 0755);
    write_file("/tmp/plain", "#!/bin/sh\n", 0644);
    write_file("/tmp/loop", "#!/tmp/loop\n", 0755);
    write_file("/tmp/lost", "#!/no/such/interpreter\n", 0755);
    write_file("/tmp/bare", "#!\n", 0755);
    CHECK(exec_error("/tmp/text", words) == ENOEXEC);
    CHECK(exec_error("/tmp/empty", words) == ENOEXEC);
    CHECK(exec_error("/tmp/plain", words) == EACCES);
    CHECK(exec_error("/tmp/loop", words) == ELOOP);
    CHECK(exec_error("/tmp/lost", words) == ENOENT);
    CHECK(exec_error("/tmp/bare", words) == ENOEXEC);
    CHECK(exec_error("/tmp", words) == EACCES);
    CHECK(exec_error("/tmp/text/x", words) == ENOTDIR);
    CHECK(exec_error("", words) == ENOENT);
    for (const char **path =
             (const char *[]){"/tmp/text", "/tmp/empty", "/tmp/plain", "/tmp/loop", "/tmp/lost", "/tmp/bare", nullptr};
         *path != nullptr; path++)
        unlink(*path);
}

TEST(exec_checks_its_pointers_and_lengths) {
    char *const words[] = {"x", nullptr};
    CHECK(execve((const char *)16, words, words) == -1 && errno == EFAULT);
    CHECK(execve(self_path, (char *const *)16, words) == -1 && errno == EFAULT);
    char *const wild[] = {(char *)16, nullptr};
    CHECK(execve(self_path, wild, words) == -1 && errno == EFAULT);
    char *longest = malloc(132000), *path = malloc(5000);
    memset(longest, 'a', 131999), longest[131999] = 0;
    memset(path, 'p', 4999), path[4999] = 0;
    char *const large[] = {"x", longest, nullptr};
    CHECK(execve(self_path, large, words) == -1 && errno == E2BIG);
    CHECK(execve(path, words, words) == -1 && errno == ENAMETOOLONG);
    free(longest);
    free(path);
}

TEST(exec_takes_long_arguments_up_to_the_limit) {
    enum { LENGTH = 131071 };
    char *text = malloc(4 * LENGTH), *word = malloc(LENGTH + 1);
    memset(word, 'a', LENGTH), word[LENGTH] = 0;
    char *const words[] = {"n", "echo", word, word, nullptr}, *const none[] = {nullptr};
    CHECK(run_read(self_path, words, none, text, 4 * LENGTH) == 0);
    CHECK(strlen(text) == 2 * LENGTH + 14);
    free(text);
    free(word);
}

TEST(exec_keeps_ignored_signals_and_masks_but_no_handlers) {
    char *const ignored[] = {"x", "ignores", "12", nullptr}, *const handled[] = {"x", "ignores", "10", nullptr};
    char *const blocked[] = {"x", "blocks", "2", nullptr};
    signal(SIGUSR2, SIG_IGN);
    signal(SIGUSR1, (void (*)(int))exit);
    sigset_t mask, before;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_BLOCK, &mask, &before);
    const int one = exec_error(self_path, ignored), two = exec_error(self_path, handled);
    const int three = exec_error(self_path, blocked);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    signal(SIGUSR2, SIG_DFL);
    signal(SIGUSR1, SIG_DFL);
    CHECK(one == 1 && two == 0 && three == 1);
}

TEST(exec_closes_what_is_marked_to_be) {
    char number[2][12];
    const int kept = open("/tmp", O_RDONLY), closed = open("/tmp", O_RDONLY | O_CLOEXEC);
    snprintf(number[0], 12, "%d", kept);
    snprintf(number[1], 12, "%d", closed);
    char *const first[] = {"x", "opened", number[0], nullptr}, *const second[] = {"x", "opened", number[1], nullptr};
    CHECK(exec_error(self_path, first) == 1);
    CHECK(exec_error(self_path, second) == 0);
    close(kept);
    close(closed);
}

TEST(a_program_is_told_about_itself) {
    CHECK(getauxval(AT_PAGESZ) == 4096);
    CHECK(getauxval(AT_PHDR) != 0 && getauxval(AT_PHNUM) > 0 && getauxval(AT_ENTRY) != 0);
    CHECK(getauxval(AT_UID) == getuid() && getauxval(AT_SECURE) == 0);
    const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
    CHECK(random != nullptr);
    bool zero = true;
    for (int i = 0; i < 16; i++) zero = zero && random[i] == 0;
    CHECK(!zero);
    CHECK(access((const char *)getauxval(AT_EXECFN), X_OK) == 0);
}

TEST(a_program_has_one_path_by_whatever_link_it_is_run) {
    char text[300], real[300] = "";
    char *const words[] = {"name", "where", nullptr}, *const none[] = {nullptr};
    const ssize_t length = readlink("/proc/self/exe", real, sizeof(real) - 1);
    CHECK(length > 0 && real[0] == '/' && strstr(real, "/proc") == nullptr);
    CHECK(run_read("/proc/self/exe", words, none, text, sizeof(text)) == 0 && strcmp(text, real) == 0);
    CHECK(symlink(real, "/tmp/by_link") == 0);
    CHECK(run_read("/tmp/./by_link", words, none, text, sizeof(text)) == 0 && strcmp(text, real) == 0);
    unlink("/tmp/by_link");
}
