// SPDX-License-Identifier: MIT
// What grows with its argument: many bytes, many names, many pages. A row of its own for what a fork puts off.
//
// Files lie where main.c's do: in memory on Linux, whose file system there has no disk; on libos/unix in its file
// system on the disk, whose contents and metadata are in memory. Nothing here waits for a disk.
#include "peers/processes/rows.h"
#include "peers/bench.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, MIB = 1 << 20, PIPE = 65536 };

static char buffer[MIB];
static int file, ends[2];
static struct pollfd watched[LARGE_PIPES];
static volatile char *memory;

void large_prepare(const void *) {
    char name[32];
    memset(buffer, 'l', sizeof buffer);
    file = open("/bench-large", O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || write(file, buffer, MIB) != MIB || pipe(ends) != 0) _exit(2);
    for (int i = 0; i < LARGE_PIPES; i++) {
        int two[2];
        if (pipe(two) != 0) _exit(2);
        watched[i] = (struct pollfd){.fd = two[0], .events = POLLIN};
    }
    if (mkdir("/bench-names", 0755) != 0 || mkdir("/bench-names/a", 0755) != 0 || mkdir("/bench-names/a/b", 0755) != 0)
        _exit(2);
    for (int i = 0; i < LARGE_NAMES; i++) {
        (void)snprintf(name, sizeof name, "/bench-names/%d", i);
        const int made = open(name, O_WRONLY | O_CREAT, 0644);
        if (made < 0 || close(made) != 0) _exit(2);
    }
    if (link("/bench-names/1", "/bench-names/a/b/file") != 0) _exit(2);
}

uint32_t large_read(void) {
    const uint32_t before = bench_stamp();
    const bool done = pread(file, buffer, MIB, 0) == MIB;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("a file could not be read");
}

uint32_t large_write(void) {
    const uint32_t before = bench_stamp();
    const bool done = pwrite(file, buffer, MIB, 0) == MIB;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("a file could not be written");
}

uint32_t large_pipe(void) {
    const uint32_t before = bench_stamp();
    const bool done = write(ends[1], buffer, PIPE) == PIPE && read(ends[0], buffer, PIPE) == PIPE;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("a pipe failed");
}

uint32_t large_directory(void) {
    static char names[32768];
    long bytes, total = 0;
    const uint32_t before = bench_stamp();
    const int folder = open("/bench-names", O_RDONLY | O_DIRECTORY);
    while ((bytes = syscall(SYS_getdents64, folder, names, sizeof names)) > 0) total += bytes;
    close(folder);
    const uint32_t after = bench_stamp();
    return bytes == 0 && total >= LARGE_NAMES * 24 ? after - before : bench_trouble("a folder could not be read");
}

static void touch(volatile char *at, bool writes) {
    for (int i = 0; i < MIB; i += PAGE) {
        if (writes)
            at[i] = 1;
        else
            (void)at[i];
    }
}

uint32_t large_map(void) {
    const uint32_t before = bench_stamp();
    char *at = mmap(NULL, MIB, PROT_READ, MAP_SHARED, file, 0);
    if (at == MAP_FAILED) return bench_trouble("a file could not be mapped");
    touch(at, false);
    (void)munmap(at, MIB);
    return bench_stamp() - before;
}

uint32_t large_grow(void) {
    const uint32_t before = bench_stamp();
    char *at = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return bench_trouble("mmap failed");
    touch(at, true);
    (void)munmap(at, MIB);
    return bench_stamp() - before;
}

uint32_t large_poll(void) {
    const uint32_t before = bench_stamp();
    const bool done = poll(watched, LARGE_PIPES, 0) == 0;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("poll failed");
}

// ---- a large process

static void write_all(void) {
    for (long i = 0; i < LARGE_PAGES; i++) memory[i * PAGE] = (char)i;
}

void large_memory(const void *) {
    if (memory == NULL)
        memory = mmap(NULL, (size_t)LARGE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(2);
    write_all();
}

static bool fork_once(void) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    return child > 0 && waitpid(child, NULL, 0) == child;
}

uint32_t large_fork(void) {
    const uint32_t before = bench_stamp();
    const bool done = fork_once();
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("fork failed");
}

// What the fork has put off is in it: each page is written by the parent, when it is its own again.
uint32_t large_fork_write(void) {
    const uint32_t before = bench_stamp();
    const bool done = fork_once();
    write_all();
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("fork failed");
}

// ---- one of a kind

uint32_t name_stat(void) {
    struct stat found;
    const uint32_t before = bench_stamp();
    const bool done = stat("/bench-names/a/b/file", &found) == 0;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("stat failed");
}

uint32_t name_create(void) {
    const uint32_t before = bench_stamp();
    const int made = open("/bench-names/a/new", O_WRONLY | O_CREAT | O_EXCL, 0644);
    const bool done = made >= 0 && close(made) == 0 && unlink("/bench-names/a/new") == 0;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("a file could not be made");
}

// A name that was never asked for, in the folder of LARGE_NAMES names.
uint32_t name_create_new(void) {
    static unsigned number;
    char name[32];
    (void)snprintf(name, sizeof name, "/bench-names/new%u", number++);
    const uint32_t before = bench_stamp();
    const int made = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    const bool done = made >= 0 && close(made) == 0 && unlink(name) == 0;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("a file could not be made");
}

static atomic_int turn;

static void hand_over(int from, int to) {
    atomic_store(&turn, to);
    (void)syscall(SYS_futex, &turn, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
    while (atomic_load(&turn) != from) (void)syscall(SYS_futex, &turn, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, to, NULL);
}

static void *other_side(void *argument) {
    while (atomic_load(&turn) != 2) (void)syscall(SYS_futex, &turn, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 1, NULL);
    while (true) hand_over(2, 1);
    return argument;
}

uint32_t futex_round(void) {
    static pthread_t thread;
    if (turn == 0) {
        turn = 1;
        if (pthread_create(&thread, NULL, other_side, NULL) != 0) return bench_trouble("a thread could not be made");
    }
    const uint32_t before = bench_stamp();
    hand_over(1, 2);
    return bench_stamp() - before;
}

// The 100th page of an area, made read-only and writable again.
uint32_t protect_round(void) {
    char *page = (char *)memory + 100 * PAGE;
    const uint32_t before = bench_stamp();
    const bool done = mprotect(page, PAGE, PROT_READ) == 0 && mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("mprotect failed");
}
