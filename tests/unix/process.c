// SPDX-License-Identifier: MIT
// fork, exit, wait; process groups and sessions; limits.
#include "tests/unix/check.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
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
