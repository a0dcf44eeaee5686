// SPDX-License-Identifier: MIT
// What processes cost: one static Linux program, measured on Linux and, unmodified, on libos/unix.
//
// Each row is the least of its samples in ticks of the time-stamp counter, which are instructions under -icount. It
// reports at port 0xe9 where ports can be had (Linux, as root), else on its standard output.
//
//   process-bench SYSTEM           all rows but those of disk.c; process-large (exec_large.c) lies beside it
//   process-bench SYSTEM disk      the rows of files, and those of disk.c
#include "peers/bench.h"
#include "peers/processes/rows.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 0xe9, PAGE = 4096 };

static bool ports;
static const char *self, *beside; // this program, and process-large
static int there[2], back[2], file;
static char page[PAGE];

void peer_put(const char *line) {
    if (ports && ioperm(PORT, 1, 1) == 0) {
        for (; *line != 0; line++) outb((unsigned char)*line, PORT);
        (void)ioperm(PORT, 1, 0); // a process that has ports is dearer to switch to
    } else if (write(1, line, strlen(line)) < 0)
        _exit(1);
}

static uint32_t null_call(void) {
    const uint32_t before = bench_stamp();
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"((long)SYS_getpid) : "rcx", "r11", "memory");
    return bench_stamp() - before;
}

static uint32_t fork_exit(void) {
    const uint32_t before = bench_stamp();
    const pid_t child = fork();
    if (child == 0) _exit(0);
    const bool done = child > 0 && waitpid(child, NULL, 0) == child;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("fork failed");
}

static uint32_t exec_once(const char *path, char *word) {
    char *const words[] = {"x", word, NULL}, *const none[] = {NULL};
    const uint32_t before = bench_stamp();
    const pid_t child = fork();
    if (child == 0) {
        execve(path, words, none);
        _exit(1);
    }
    int status = 1;
    const bool done = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("exec failed");
}

static uint32_t fork_exec(void) {
    return exec_once(self, "exit");
}

static uint32_t exec_large(void) {
    return exec_once(beside, "exit");
}

static uint32_t exec_large_touch(void) {
    return exec_once(beside, "touch");
}

static uint32_t vfork_exec(void) {
    static char *const words[] = {"x", "exit", NULL}, *const none[] = {NULL};
    const uint32_t before = bench_stamp();
    const pid_t child = vfork();
    if (child == 0) {
        execve(self, words, none);
        _exit(1);
    }
    int status = 1;
    const bool done = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("exec failed");
}

// A byte to another process and one back.
static uint32_t pipe_round(void) {
    char byte = 'x';
    const uint32_t before = bench_stamp();
    const bool done = write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("a pipe failed");
}

// The same pipe's both ends in one process: no switch.
static uint32_t pipe_alone(void) {
    static int ends[2];
    char byte = 'x';
    if (ends[1] == 0 && pipe(ends) != 0) return bench_trouble("pipe failed");
    const uint32_t before = bench_stamp();
    const bool done = write(ends[1], &byte, 1) == 1 && read(ends[0], &byte, 1) == 1;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("a pipe failed");
}

static uint32_t read_cached(void) {
    const uint32_t before = bench_stamp();
    const bool done = pread(file, page, PAGE, 0) == PAGE;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("a file could not be read");
}

static uint32_t write_cached(void) {
    const uint32_t before = bench_stamp();
    const bool done = pwrite(file, page, PAGE, 0) == PAGE;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("a file could not be written");
}

static uint32_t open_close(void) {
    const uint32_t before = bench_stamp();
    const int opened = open("/bench-file", O_RDONLY);
    const bool done = opened >= 0 && close(opened) == 0;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("a file could not be opened");
}

static void nothing(int signal) {
    (void)signal;
}

static uint32_t signal_round(void) {
    const uint32_t before = bench_stamp();
    (void)syscall(SYS_kill, getpid(), SIGUSR1);
    return bench_stamp() - before;
}

static void *thread_body(void *argument) {
    return argument;
}

static uint32_t thread_round(void) {
    pthread_t thread;
    const uint32_t before = bench_stamp();
    const bool done = pthread_create(&thread, NULL, thread_body, NULL) == 0 && pthread_join(thread, NULL) == 0;
    const uint32_t after = bench_stamp();
    return done ? after - before : bench_trouble("a thread could not be made");
}

// A page that was never touched: mapped, written, unmapped.
static uint32_t map_touch(void) {
    const uint32_t before = bench_stamp();
    char *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return bench_trouble("mmap failed");
    *(volatile char *)memory = 1;
    (void)munmap(memory, PAGE);
    return bench_stamp() - before;
}

static void echo(void) {
    char byte;
    close(there[1]);
    while (read(there[0], &byte, 1) == 1)
        if (write(back[1], &byte, 1) != 1) break;
    _exit(0);
}

static void prepare(void) {
    if (pipe(there) != 0 || pipe(back) != 0) _exit(2);
    const pid_t child = fork();
    if (child == 0) echo();
    (void)signal(SIGUSR1, nothing);
    file = open("/bench-file", O_RDWR | O_CREAT | O_TRUNC, 0644);
    memset(page, 'b', sizeof page);
    if (child < 0 || file < 0 || write(file, page, PAGE) != PAGE) _exit(2);
}

static const char *path_beside(const char *path) {
    static char found[256];
    const char *last = strrchr(path, '/');
    (void)snprintf(found, sizeof found, "%.*sprocess-large", last == NULL ? 0 : (int)(last + 1 - path), path);
    return found;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "exit") == 0) _exit(0);
    const char *system = argc > 1 ? argv[1] : "linux";
    const bool disk = argc > 2 && strcmp(argv[2], "disk") == 0;
    self = (const char *)getauxval(AT_EXECFN);
    beside = path_beside(self);
    ports = ioperm(PORT, 1, 1) == 0 && ioperm(PORT, 1, 0) == 0;
    prepare();
    const struct bench rows[] = {
        {.op = "getpid", .how = "the call", .once = null_call},
        {.op = "fork.exit", .how = "fork, _exit, waitpid", .once = fork_exit},
        {.op = "fork.exec", .how = "fork, execve of this program, _exit, waitpid", .once = fork_exec, .samples = 64},
        {.op = "vfork.exec", .how = "the same with vfork", .once = vfork_exec, .samples = 64},
        {.op = "exec.large", .how = "fork, execve of a program of 5 MiB", .once = exec_large, .samples = 64},
        {.op = "exec.large.touch",
         .how = "the same, which reads 1024 pages of itself and writes 256",
         .once = exec_large_touch,
         .samples = 16},
        {.op = "pipe.round", .how = "a byte to another process and one back", .once = pipe_round},
        {.op = "pipe.alone", .how = "a byte through a pipe in one process", .once = pipe_alone},
        {.op = "file.read", .how = "pread of 4 KiB that are in memory", .once = read_cached},
        {.op = "file.write", .how = "pwrite of 4 KiB that are in memory", .once = write_cached},
        {.op = "file.open", .how = "open and close", .once = open_close},
        {.op = "signal", .how = "kill(getpid()), handler, return", .once = signal_round},
        {.op = "thread", .how = "pthread_create, pthread_join", .once = thread_round},
        {.op = "page", .how = "mmap, first write, munmap", .once = map_touch},
        {.op = "file.stat", .how = "stat, three folders down", .once = name_stat, .prepare = large_prepare},
        {.op = "file.create", .how = "open of a new file, close, unlink", .once = name_create},
        {.op = "file.create.new", .how = "the same, new names in a folder of 500", .once = name_create_new},
        {.op = "file.read.large", .how = "pread of 1 MiB that is in memory", .once = large_read, .samples = 64},
        {.op = "file.write.large", .how = "pwrite of 1 MiB that is in memory", .once = large_write, .samples = 64},
        {.op = "file.map",
         .how = "mmap of 1 MiB that is in memory, 256 pages read, munmap",
         .once = large_map,
         .samples = 64},
        {.op = "directory", .how = "open, getdents64 of 500 names, close", .once = large_directory, .samples = 64},
        {.op = "pipe.large", .how = "64 KiB through a pipe in one process", .once = large_pipe, .samples = 64},
        {.op = "poll", .how = "poll of 64 pipes", .once = large_poll},
        {.op = "futex", .how = "to another thread and back", .once = futex_round},
        {.op = "memory.large", .how = "mmap of 1 MiB, 256 pages written, munmap", .once = large_grow, .samples = 64},
        {.op = "fork.large",
         .how = "fork, _exit, waitpid with 16 MiB written",
         .once = large_fork,
         .samples = 64,
         .prepare = large_memory},
        {.op = "fork.large.write",
         .how = "the same, and then 4096 pages written",
         .once = large_fork_write,
         .samples = 16},
        {.op = "protect", .how = "mprotect of a page of an area, and back", .once = protect_round},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench row = rows[i];
        if (disk && strncmp(row.op, "file.", 5) != 0) continue;
        row.system = system;
        row.empty = bench_empty();
        const struct bench_figures figures = bench_take(&row);
        bench_report(&row, &figures);
    }
    if (disk) disk_rows(system);
    return 0;
}
