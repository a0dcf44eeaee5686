// SPDX-License-Identifier: MIT
// fork, exec, exit, wait; process groups and sessions.
#include "tests/unix/check.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int exit_300(void) {
    return 300;
}
static int exit_0(void) {
    return 0;
}

TEST(exit_gives_eight_bits_of_its_status) {
    const int status = status_of(exit_300);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 300 % 256);
}

static pid_t parent_seen;
static int compare_pids(void) {
    return getppid() == parent_seen && getpid() != parent_seen && getpid() == syscall(SYS_gettid) ? 0 : 1;
}

TEST(a_child_has_a_number_of_its_own_and_knows_its_parent) {
    parent_seen = getpid();
    CHECK(status_of(compare_pids) == 0);
}

static volatile int shared_variable = 1;
static int change_variable(void) {
    shared_variable = 2;
    return shared_variable == 2 ? 0 : 1;
}

TEST(what_a_child_writes_its_parent_does_not_see) {
    shared_variable = 1;
    CHECK(status_of(change_variable) == 0);
    CHECK(shared_variable == 1);
}

TEST(fork_keeps_memory_of_many_pages_apart) {
    enum { PAGES = 300 };
    volatile char *memory = mmap(nullptr, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    for (int i = 0; i < PAGES; i++) memory[i * 4096] = (char)i;
    int status;
    const pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < PAGES; i++)
            if (memory[i * 4096] != (char)i) _exit(1);
        for (int i = 0; i < PAGES; i++) memory[i * 4096] = (char)(i + 1);
        _exit(0);
    }
    for (int i = 0; i < PAGES; i += 2) memory[i * 4096] = (char)(i + 2);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    for (int i = 0; i < PAGES; i++) CHECK(memory[i * 4096] == (char)(i % 2 == 0 ? i + 2 : i));
    munmap((void *)memory, PAGES * 4096);
}

TEST(wait_without_children_is_ECHILD) {
    CHECK(waitpid(-1, nullptr, 0) == -1 && errno == ECHILD);
    CHECK(waitpid(getpid(), nullptr, 0) == -1 && errno == ECHILD);
    CHECK(waitpid(-1, nullptr, 0x100) == -1 && errno == EINVAL);
}

TEST(wait_nohang_says_0_while_a_child_lives) {
    int ends[2], status;
    char byte;
    CHECK(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) _exit(close(ends[1]) == 0 && read(ends[0], &byte, 1) == 0 ? 5 : 6);
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    close(ends[1]);
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 5);
}

TEST(wait_for_one_of_several_leaves_the_others) {
    pid_t child[3];
    int status;
    for (int i = 0; i < 3; i++)
        if ((child[i] = fork()) == 0) _exit(10 + i);
    CHECK(waitpid(child[1], &status, 0) == child[1] && WEXITSTATUS(status) == 11);
    CHECK(waitpid(child[2], &status, 0) == child[2] && WEXITSTATUS(status) == 12);
    CHECK(wait(&status) == child[0] && WEXITSTATUS(status) == 10);
    CHECK(kill(child[0], 0) == -1 && errno == ESRCH);
}

TEST(a_zombie_can_be_signalled_until_it_is_reaped) {
    siginfo_t info = {};
    const pid_t child = fork();
    if (child == 0) _exit(9);
    CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
    CHECK(info.si_pid == child && info.si_code == CLD_EXITED && info.si_status == 9 && info.si_signo == SIGCHLD);
    CHECK(kill(child, 0) == 0 && kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, nullptr, 0) == child);
    CHECK(kill(child, 0) == -1 && errno == ESRCH);
}

TEST(an_orphan_goes_to_another_parent) {
    int ends[2];
    pid_t seen = 0;
    CHECK(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        const pid_t before = getpid();
        if (fork() == 0) {
            while (getppid() == before) sched_yield();
            const pid_t now = getppid();
            _exit(write(ends[1], &now, sizeof(now)) != sizeof(now));
        }
        _exit(0);
    }
    CHECK(waitpid(child, nullptr, 0) == child);
    CHECK(read(ends[0], &seen, sizeof(seen)) == sizeof(seen));
    CHECK(seen != child && seen > 0);
    close(ends[0]);
    close(ends[1]);
    while (getpid() == seen && waitpid(-1, nullptr, 0) > 0) {
    } // the first process gets it itself
}

TEST(children_of_a_parent_that_ignores_SIGCHLD_are_reaped_by_nobody) {
    signal(SIGCHLD, SIG_IGN);
    if (fork() == 0) _exit(3);
    const bool gone = waitpid(-1, nullptr, 0) == -1 && errno == ECHILD;
    signal(SIGCHLD, SIG_DFL);
    CHECK(gone);
}

TEST(vfork_waits_for_the_childs_end) {
    static volatile int order;
    order = 0;
    const pid_t child = vfork();
    if (child == 0) {
        order = 1; // memory is shared
        _exit(0);
    }
    CHECK(order == 1);
    CHECK(waitpid(child, nullptr, 0) == child);
}

TEST(spawn_runs_a_program_and_tells_of_failure) {
    char *const words[] = {"self", "exit", "33", nullptr}, *const environment[] = {nullptr};
    pid_t child;
    int status;
    CHECK(posix_spawn(&child, self_path, nullptr, nullptr, words, environment) == 0);
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 33);
    CHECK(posix_spawn(&child, "/no/such/program", nullptr, nullptr, words, environment) == ENOENT);
    CHECK(waitpid(-1, nullptr, 0) == -1 && errno == ECHILD);
}

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

static int groups(void) {
    const pid_t own = getpid();
    if (setpgid(0, 0) != 0 || getpgrp() != own || getpgid(0) != own) return 1;
    if (setsid() != -1 || errno != EPERM) return 2; // leads a group
    if (setpgid(0, 1234567) != -1 || errno != EPERM) return 3;
    if (setpgid(0, -1) != -1 || errno != EINVAL) return 4;
    if (setpgid(1234567, 0) != -1 || errno != ESRCH) return 5;
    if (getpgid(1234567) != -1 || errno != ESRCH) return 6;
    return 0;
}
static int session(void) {
    const pid_t own = getpid();
    if (setsid() != own || getsid(0) != own || getpgrp() != own) return 1;
    if (setpgid(0, 0) != -1 || errno != EPERM) return 2; // leads a session
    return 0;
}

TEST(groups_and_sessions_are_made_as_posix_says) {
    CHECK(status_of(groups) == 0);
    CHECK(status_of(session) == 0);
}

TEST(wait_can_be_for_a_group) {
    int status, ends[2];
    CHECK(pipe(ends) == 0);
    const pid_t other = fork();
    if (other == 0) _exit(1);
    const pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        _exit(write(ends[1], "x", 1) == 1 ? 2 : 3);
    }
    char byte;
    CHECK(read(ends[0], &byte, 1) == 1);
    CHECK(waitpid(-child, &status, 0) == child && WEXITSTATUS(status) == 2);
    CHECK(waitpid(0, &status, 0) == other && WEXITSTATUS(status) == 1);
    close(ends[0]);
    close(ends[1]);
}

TEST(a_parent_may_not_move_a_child_that_has_run_a_program) {
    int ends[2];
    char *const words[] = {"x", "exit", "0", nullptr}, *const none[] = {nullptr};
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    const pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        execve(self_path, words, none);
        _exit(99);
    }
    int status;
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    CHECK(setpgid(child, child) == 0 && getpgid(child) == child);
    kill(child, SIGCONT);
    close(ends[1]);
    char byte;
    CHECK(read(ends[0], &byte, 1) == 0); // closed by exec
    const int moved = setpgid(child, child) == -1 ? errno : 0;
    CHECK(moved == EACCES || moved == 0); // 0: it was a zombie already
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close(ends[0]);
}

TEST(many_children_in_turn_leave_nothing_behind) {
    for (int i = 0; i < 300; i++) CHECK(status_of(exit_0) == 0);
}

TEST(many_children_at_once) {
    enum { CHILDREN = 60 };
    pid_t child[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        child[i] = fork();
        if (child[i] == 0) _exit(i);
        CHECK(child[i] > 0);
    }
    for (int i = CHILDREN; i-- > 0;) {
        int status;
        CHECK(waitpid(child[i], &status, 0) == child[i] && WEXITSTATUS(status) == i);
    }
}

TEST(usage_of_a_child_is_told_with_its_end) {
    struct rusage usage;
    const pid_t child = fork();
    if (child == 0) {
        for (volatile int i = 0; i < 30000000; i++) {
        }
        _exit(0);
    }
    CHECK(wait4(child, nullptr, 0, &usage) == child);
    CHECK(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 0);
    CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0 && usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 0);
}

TEST(limits_are_kept_and_inherited) {
    struct rlimit limit, now;
    CHECK(getrlimit(RLIMIT_CORE, &limit) == 0);
    const struct rlimit less = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
    CHECK(setrlimit(RLIMIT_CORE, &less) == 0 && getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_cur == 0);
    const struct rlimit wrong = {.rlim_cur = 2, .rlim_max = 1};
    CHECK(setrlimit(RLIMIT_CORE, &wrong) == -1 && errno == EINVAL);
    CHECK(setrlimit(99, &less) == -1 && errno == EINVAL);
}
