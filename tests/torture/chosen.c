// SPDX-License-Identifier: MIT
// Who ends when no memory is left: not who wants the last page, but who uses the most, and never the first process,
// which runs these tests. There are 1,464 pages (frames and swap space, in bounds.c's machine).
#include "tests/unix/check.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Pages: a hog's, and what an innocent process has in the end: with the hog's more than there are, alone far less. The
// same of two smaller hogs.
enum { PAGE = 4096, HOG = 900, INNOCENT = 700, HALF = 600, LITTLE = 400 };

static char *map(size_t pages, int flags) {
    char *memory = mmap(nullptr, pages * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? nullptr : memory;
}

static void write_to(char *memory, size_t pages) {
    for (size_t i = 0; i < pages; i++) memory[i * PAGE] = (char)(i % 100 + 1);
}

static bool holds(const char *memory, size_t pages) {
    for (size_t i = 0; i < pages; i++)
        if (memory[i * PAGE] != (char)(i % 100 + 1)) return false;
    return true;
}

// What a hog and its innocent neighbour share.
static struct shared {
    pthread_mutex_t lock;
} *shared;
static int ready[2]; // a byte comes when the hog has what it wants

static void wait_for_ever(void) {
    if (write(ready[1], "", 1) != 1) _exit(1);
    while (true) pause();
}

static void hog_alone(void) {
    char *memory = map(HOG, MAP_PRIVATE);
    write_to(memory, HOG);
    wait_for_ever();
}

static void hog_shared(void) {
    char *memory = map(HOG, MAP_SHARED);
    write_to(memory, HOG);
    wait_for_ever();
}

// Two who have the same pages: the end of one gives back nothing.
static void hog_with_child(void) {
    char *memory = map(HOG, MAP_PRIVATE);
    write_to(memory, HOG);
    if (fork() == 0)
        while (true) pause();
    wait_for_ever();
}

static void hog_shared_with_child(void) {
    char *memory = map(HOG, MAP_SHARED);
    write_to(memory, HOG);
    if (fork() == 0)
        while (true) pause();
    wait_for_ever();
}

static void hog_with_lock(void) {
    char *memory = map(HOG, MAP_PRIVATE);
    write_to(memory, HOG);
    if (pthread_mutex_lock(&shared->lock) != 0) _exit(2);
    wait_for_ever();
}

// A process waits for its child, which runs in its memory, and cannot be woken.
static int child_of_vfork(void *) {
    if (write(ready[1], "", 1) != 1) _exit(1);
    while (true) pause();
}
static void hog_in_vfork(void) {
    static char stack[8 * PAGE];
    char *memory = map(HOG, MAP_PRIVATE);
    write_to(memory, HOG);
    (void)clone(child_of_vfork, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr);
    _exit(3);
}

static int writes(size_t pages) {
    char *memory = map(pages, MAP_PRIVATE);
    write_to(memory, pages);
    return !holds(memory, pages);
}
static int innocent_writes(void) {
    return writes(INNOCENT);
}
static int innocent_writes_little(void) {
    return writes(LITTLE);
}

// The pages are wanted by the library OS's copying, in a call.
static int innocent_reads(void) {
    static char bytes[20 * PAGE];
    char *memory = map(INNOCENT, MAP_PRIVATE);
    const int file = open("/tmp/bytes", O_RDWR | O_CREAT | O_TRUNC, 0600);
    write_to(bytes, 20);
    if (write(file, bytes, sizeof bytes) != sizeof bytes) return 2;
    for (int i = 0; i < INNOCENT / 20; i++)
        if (pread(file, memory + i * sizeof bytes, sizeof bytes, 0) != sizeof bytes) return 3;
    for (int i = 0; i < INNOCENT / 20; i++)
        if (!holds(memory + i * sizeof bytes, 20)) return 4;
    return unlink("/tmp/bytes") != 0;
}

static int innocent_takes_lock(void) {
    if (innocent_writes() != 0) return 1;
    if (pthread_mutex_lock(&shared->lock) != EOWNERDEAD) return 2;
    return pthread_mutex_consistent(&shared->lock) != 0 || pthread_mutex_unlock(&shared->lock) != 0;
}

static void small_hog(void) {
    char *memory = map(HALF, MAP_PRIVATE);
    write_to(memory, HALF);
    wait_for_ever();
}
static void larger_hog(void) {
    char *memory = map(HALF + 50, MAP_PRIVATE);
    write_to(memory, HALF + 50);
    wait_for_ever();
}

static pid_t begin(void (*hog)(void)) {
    char byte;
    if (pipe(ready) != 0) return -1;
    const pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        hog();
    }
    const bool is_ready = read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    close(ready[1]);
    return is_ready ? child : -1;
}

static bool is_killed(pid_t child) {
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

// A hog has its memory; then an innocent process, which began with little, gets all that it wants. The hog ends.
static bool hog_ends(void (*hog)(void), int (*innocent)(void)) {
    const pid_t child = begin(hog);
    const int status = child > 0 ? status_of(innocent) : -1;
    if (status != 0) printf("# the innocent one ended with %#x\n", status);
    if (status != 0) kill(-child, SIGKILL);
    return is_killed(child) && status == 0;
}

TEST(the_largest_ends_and_who_writes_goes_on) {
    CHECK(hog_ends(hog_alone, innocent_writes));
}
TEST(the_largest_ends_and_a_call_goes_on) {
    CHECK(hog_ends(hog_alone, innocent_reads));
}
TEST(shared_memory_counts_and_comes_back) {
    CHECK(hog_ends(hog_shared, innocent_writes));
    CHECK(hog_ends(hog_shared, innocent_reads));
}
TEST(two_who_share_their_memory_end_both) {
    CHECK(hog_ends(hog_with_child, innocent_writes));
    while (wait(nullptr) > 0) { // the hog's child is ours now
    }
}
TEST(who_waits_in_vfork_ends_with_its_child) {
    CHECK(hog_ends(hog_in_vfork, innocent_reads));
    while (wait(nullptr) > 0) {
    }
}

TEST(two_who_share_their_shared_memory_end_both) {
    CHECK(hog_ends(hog_shared_with_child, innocent_writes));
    while (wait(nullptr) > 0) {
    }
}

// The child has the same mappings, until one of them changes its own.
TEST(what_a_child_shares_with_who_ends_stays) {
    char byte;
    int end[2], status = -1;
    CHECK(pipe(ready) == 0 && pipe(end) == 0);
    const pid_t hog = fork();
    if (hog == 0) {
        char *both = map(20, MAP_SHARED), *own = map(HOG, MAP_PRIVATE);
        write_to(both, 20);
        if (fork() == 0) _exit(read(end[0], &byte, 1) == 1 && holds(both, 20) ? 7 : 8);
        write_to(own, HOG);
        wait_for_ever();
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    CHECK(status_of(innocent_writes) == 0 && is_killed(hog));
    CHECK(write(end[1], "", 1) == 1 && wait(&status) > 0 && WEXITSTATUS(status) == 7); // it is ours now
    CHECK(close(end[0]) == 0 && close(end[1]) == 0 && close(ready[0]) == 0 && close(ready[1]) == 0);
}

TEST(of_equals_the_younger_ends) {
    const pid_t older = begin(small_hog), younger = begin(small_hog);
    CHECK(older > 0 && younger > 0 && status_of(innocent_writes_little) == 0);
    CHECK(is_killed(younger) && waitpid(older, nullptr, WNOHANG) == 0);
    CHECK(kill(older, SIGKILL) == 0 && is_killed(older));
}

// It has not run since, as one call takes all the memory: what it had is taken before anybody is chosen.
TEST(who_was_killed_already_ends_before_a_larger_one) {
    const pid_t smaller = begin(small_hog), larger = begin(larger_hog);
    const int zeros = open("/dev/zero", O_RDONLY);
    char *memory = map(LITTLE, MAP_PRIVATE);
    CHECK(smaller > 0 && larger > 0 && memory != nullptr && zeros >= 0);
    CHECK(kill(smaller, SIGKILL) == 0 && read(zeros, memory, LITTLE * PAGE) == LITTLE * PAGE);
    CHECK(is_killed(smaller) && waitpid(larger, nullptr, WNOHANG) == 0);
    CHECK(kill(larger, SIGKILL) == 0 && is_killed(larger) && munmap(memory, LITTLE * PAGE) == 0 && close(zeros) == 0);
}

TEST(the_locks_of_who_ends_say_so) {
    pthread_mutexattr_t kind;
    shared = mmap(nullptr, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED && pthread_mutexattr_init(&kind) == 0);
    CHECK(pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) == 0);
    CHECK(pthread_mutex_init(&shared->lock, &kind) == 0);
    CHECK(hog_ends(hog_with_lock, innocent_takes_lock));
    CHECK(munmap(shared, sizeof *shared) == 0);
}

TEST(the_first_process_goes_on_when_it_wants_the_last_page) {
    const pid_t child = begin(hog_alone);
    char *memory = map(INNOCENT, MAP_PRIVATE);
    CHECK(child > 0 && memory != nullptr);
    write_to(memory, INNOCENT);
    CHECK(is_killed(child));
    CHECK(holds(memory, INNOCENT) && munmap(memory, INNOCENT * PAGE) == 0);
}

TEST(the_first_process_is_not_chosen_though_it_uses_the_most) {
    char *memory = map(HOG, MAP_PRIVATE);
    CHECK(memory != nullptr && madvise(memory, HOG * PAGE, MADV_DONTFORK) == 0);
    write_to(memory, HOG);
    const int status = status_of(innocent_writes);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK(holds(memory, HOG) && munmap(memory, HOG * PAGE) == 0);
}

// ---- what can be said beforehand

enum { NEVER = 16 << 20 }; // bytes: more than all pages

TEST(what_can_never_be_had_is_refused_beforehand) {
    constexpr int rights = PROT_READ | PROT_WRITE, kind = MAP_PRIVATE | MAP_ANONYMOUS;
    CHECK(mmap(nullptr, NEVER, rights, kind, -1, 0) == MAP_FAILED && errno == ENOMEM);
    CHECK(mmap(nullptr, NEVER, rights, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
    void *volatile heap = malloc(NEVER);
    CHECK(heap == nullptr && errno == ENOMEM);
    const long now = syscall(SYS_brk, 0);
    CHECK(syscall(SYS_brk, now + NEVER) == now && syscall(SYS_brk, now + PAGE) == now + PAGE);
    CHECK(syscall(SYS_brk, now) == now);
    char *memory = map(4, MAP_PRIVATE);
    CHECK(memory != nullptr);
    write_to(memory, 4);
    CHECK(mremap(memory, 4 * PAGE, NEVER, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
    CHECK(holds(memory, 4) && munmap(memory, 4 * PAGE) == 0);
}

TEST(what_is_only_reserved_may_be_larger) {
    constexpr int rights = PROT_READ | PROT_WRITE, kind = MAP_PRIVATE | MAP_ANONYMOUS;
    char *lazy = mmap(nullptr, NEVER, rights, kind | MAP_NORESERVE, -1, 0);
    char *none = mmap(nullptr, NEVER, PROT_NONE, kind, -1, 0);
    CHECK(lazy != MAP_FAILED && none != MAP_FAILED);
    lazy[NEVER - 1] = 1;
    CHECK(lazy[0] == 0 && munmap(lazy, NEVER) == 0 && munmap(none, NEVER) == 0);
}
