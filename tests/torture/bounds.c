// SPDX-License-Identifier: MIT
// Processes that want more than there is: they are refused, or end, and nobody else does. What they had comes back.
//
// Memory is little here, and swap space is less (bounds.py). What the library OS holds of tables for address spaces it
// keeps for the next ones; so heaps are compared after the same was done before.
#include "tests/torture/memory.h"
#include "tests/unix/check.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// SLACK: KiB of our own that may be in other places than before. NOTES: KiB of notes of tables that are not in use, of
// which there can be no more than frames, and 48 bytes are for each.
enum { PAGE = 4096, SLACK = 128, NOTES = 200 };

static bool is_back(const struct memory_now *before) {
    const struct memory_now now = memory_now();
    if (now.available >= before->available - SLACK && now.swap >= before->swap - SLACK) return true;
    printf("# available %ld kB, before %ld; swap %ld kB, before %ld\n", now.available, before->available, now.swap,
           before->swap);
    return false;
}

static bool still_works(void) {
    char *const words[] = {"x", "exit", "7", nullptr}, *const none[] = {nullptr};
    int status = -1;
    const pid_t child = fork();
    if (child == 0) _exit(execve(self_path, words, none));
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

// ---- more processes than there can be

static int bombs_made, bomb_error;

// Children that wait; how many there could be, and why there are no more.
static void bomb(void) {
    bombs_made = 0;
    for (pid_t child; (child = fork()) != -1; bombs_made++)
        if (child == 0)
            while (true) pause();
    bomb_error = errno;
}

static bool reap_bombs(void) {
    int status, reaped = 0;
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM); // they are of our group, and still do what we did when they were made
    signal(SIGTERM, SIG_DFL);
    while (wait(&status) > 0) reaped += WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
    if (reaped != bombs_made) printf("# %d processes were made, and %d reaped\n", bombs_made, reaped);
    return reaped == bombs_made;
}

TEST(a_process_that_forks_until_it_cannot_is_refused_and_reaps_all) {
    setpgid(0, 0);
    CHECK(still_works());
    struct memory_now first = {}, before = memory_now();
    for (int round = 0; round < 1 + torture(); round++) {
        bomb();
        const int error = bomb_error;
        printf("# %d processes, then %s\n", bombs_made, strerror(error));
        CHECK(reap_bombs());
        CHECK(error == EAGAIN || error == ENOMEM);
        CHECK(bombs_made >= 20);
        CHECK(still_works());
        CHECK(is_back(&before));
        if (round == 0) first = memory_now();
    }
    const struct memory_now last = memory_now();
    if (last.heap > first.heap + NOTES) printf("# heap %ld kB, and before %ld\n", last.heap, first.heap);
    CHECK(last.heap <= first.heap + NOTES);
}

// Every child forks as well, until nobody can.
TEST(processes_that_all_fork_end_with_one_signal) {
    const struct memory_now before = memory_now();
    int status;
    const pid_t first = fork();
    if (first == 0) {
        setpgid(0, 0);
        for (int i = 0; i < 12; i++) (void)fork();
        while (true) pause();
    }
    CHECK(first > 0);
    setpgid(first, first);
    usleep(200000);
    CHECK(kill(-first, SIGKILL) == 0);
    CHECK(waitpid(first, &status, 0) == first && WTERMSIG(status) == SIGKILL);
    while (wait(&status) > 0) { // process 1 gets the others
    }
    CHECK(still_works());
    CHECK(is_back(&before));
}

// ---- more memory than there is

enum { TOO_MUCH = 64 << 20, A_THIRD = 2 << 20 }; // bytes: more than frames and swap space; of them

static void write_to(char *memory, size_t bytes) {
    for (size_t at = 0; at < bytes; at += PAGE) memory[at] = (char)(at >> 12) | 1;
}

static int maps_too_much(void) {
    char *memory = mmap(nullptr, TOO_MUCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return errno == ENOMEM ? 10 : 11;
    write_to(memory, TOO_MUCH);
    return 12;
}

static int shares_too_much(void) {
    char *memory = mmap(nullptr, TOO_MUCH, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return errno == ENOMEM ? 10 : 11;
    write_to(memory, TOO_MUCH);
    return 12;
}

static int breaks_too_much(void) {
    for (int i = 0; i < TOO_MUCH / (1 << 20); i++) { // musl's sbrk refuses always
        const long first = syscall(SYS_brk, 0);
        if (syscall(SYS_brk, first + (1 << 20)) == first) return 10;
        write_to((char *)first, 1 << 20);
    }
    return 12;
}

[[gnu::noinline]] static int goes_deep(int depth, volatile char *above) {
    volatile char frame[PAGE];
    frame[0] = *above;
    const int result = depth == 0 ? 12 : goes_deep(depth - 1, frame);
    *above = frame[0];
    return result;
}

static int stacks_too_much(void) {
    const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_STACK, &unlimited) != 0) return 11;
    volatile char above = 1;
    return goes_deep(TOO_MUCH / PAGE, &above);
}

// A third of what there is, and then children that all write to what they share, and more: they are the largest.
static int copies_too_much(void) {
    char *memory = mmap(nullptr, A_THIRD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *more = mmap(nullptr, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int status, killed = 0, made = 0;
    if (memory == MAP_FAILED || more == MAP_FAILED) return 11;
    write_to(memory, A_THIRD);
    for (; made < 8; made++)
        if (fork() == 0) {
            write_to(more, 16 * PAGE);
            for (size_t at = 0; at < A_THIRD; at += PAGE) memory[at] ^= 0x40;
            while (true) pause();
        }
    for (int i = 0; i < 20 && killed == 0; i++) {
        usleep(100000);
        while (waitpid(-1, &status, WNOHANG) > 0) killed += WTERMSIG(status) == SIGKILL;
    }
    for (size_t at = 0; at < A_THIRD; at += PAGE)
        if (memory[at] != ((char)(at >> 12) | 1)) return 13; // what is ours is as it was
    signal(SIGTERM, SIG_IGN);
    setpgid(0, 0);
    return killed > 0 ? 10 : 14;
}

// It is refused with ENOMEM (10), or ended by SIGKILL; a witness keeps its memory all the while.
static bool lacks(int (*code)(void)) {
    int ends[2], status = 0, seen = 0;
    if (pipe(ends) != 0) return false;
    const pid_t witness = fork();
    if (witness == 0) {
        char *own = mmap(nullptr, 40 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), byte;
        close(ends[1]);
        write_to(own, 40 * PAGE);
        const bool ended = read(ends[0], &byte, 1) == 0; // when the other one has
        for (size_t at = 0; at < 40 * PAGE; at += PAGE)
            if (own[at] != ((char)(at >> 12) | 1)) _exit(1);
        _exit(!ended);
    }
    close(ends[0]);
    const pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        setpgid(0, 0);
        _exit(code());
    }
    const bool waited = waitpid(child, &status, 0) == child;
    kill(-child, SIGKILL); // its own children
    close(ends[1]);
    if (waitpid(witness, &seen, 0) != witness || seen != 0) printf("# the witness ended with %#x\n", seen);
    while (wait(nullptr) > 0) {
    }
    const bool as_said = WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 10;
    if (!as_said) printf("# it ended with %#x\n", status);
    return waited && as_said && seen == 0;
}

#define LACKS(code)                                                                                                    \
    do {                                                                                                               \
        const struct memory_now before = memory_now();                                                                 \
        for (int round = 0; round < torture(); round++) {                                                              \
            CHECK(lacks(code));                                                                                        \
            CHECK(still_works());                                                                                      \
            CHECK(is_back(&before));                                                                                   \
        }                                                                                                              \
    } while (0)

TEST(who_maps_too_much_ends_alone) {
    LACKS(maps_too_much);
}
TEST(who_shares_too_much_ends_alone) {
    LACKS(shares_too_much);
}
TEST(who_breaks_too_much_ends_alone) {
    LACKS(breaks_too_much);
}
TEST(who_needs_too_much_stack_ends_alone) {
    LACKS(stacks_too_much);
}
TEST(who_copies_too_much_ends_alone) {
    LACKS(copies_too_much);
}

TEST(a_stack_ends_at_its_limit) {
    int status;
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {1 << 20, RLIM_INFINITY};
        volatile char above = 1;
        setrlimit(RLIMIT_STACK, &limit);
        _exit(goes_deep((2 << 20) / PAGE, &above));
    }
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST(more_than_the_address_space_is_refused) {
    CHECK(mmap(nullptr, 1ul << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
    const long now = syscall(SYS_brk, 0);
    CHECK(syscall(SYS_brk, now + (1l << 46)) == now);
    CHECK(mmap(nullptr, (size_t)-4200, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
}

// ---- the same for ever

static bool one_round(void) {
    char *const words[] = {"x", "exit", "3", nullptr}, *const none[] = {nullptr};
    int ends[2], status;
    char bytes[100] = "x";
    const int file = open("/tmp/round", O_RDWR | O_CREAT, 0600);
    if (file < 0 || pipe(ends) != 0 || write(ends[1], bytes, 100) != 100 || write(file, bytes, 100) != 100)
        return false;
    char *memory = mmap(nullptr, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const int named = mkfifo("/tmp/named", 0600) == 0 ? open("/tmp/named", O_RDWR) : -1;
    if (memory == MAP_FAILED || named < 0 || write(named, bytes, 100) != 100) return false;
    if (close(named) != 0 || unlink("/tmp/named") != 0) return false;
    const pid_t child = fork();
    if (child == 0) {
        memory[0] = bytes[0];
        dup2(ends[1], 9);
        _exit(read(ends[0], bytes, 100) == 100 ? execve(self_path, words, none) : 1);
    }
    const bool good = waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3 && memory[0] == 'x';
    return munmap(memory, 8 * PAGE) == 0 && close(ends[0]) == 0 && close(ends[1]) == 0 && close(file) == 0
           && unlink("/tmp/round") == 0 && good;
}

TEST(a_thousand_rounds_of_fork_exec_open_and_pipe_hold_no_memory) {
    for (int i = 0; i < 150; i++) CHECK(one_round()); // until tables are given back that tests before have kept
    const struct memory_now before = memory_now();
    for (int i = 0; i < 1000 * torture(); i++) CHECK(one_round());
    const struct memory_now after = memory_now();
    printf("# heap: %ld kB, and before %ld\n", after.heap, before.heap);
    CHECK(is_back(&before));
    CHECK(before.heap > 0 && after.heap <= before.heap);
}
