// SPDX-License-Identifier: MIT
// The ways into a library OS, in instructions: an ordinary C program for libos/unix, which calls functions of its C
// library. How those make system calls depends on what it is linked with, and how it is run (tools/ways.py):
//
//   bench_ways trap         linked with Debian's musl: the instruction `syscall`
//   bench_ways rewritten    the same executable, where the library OS was told to rewrite call sites
//   bench_ways procedure    linked by bindery-cc --libos=unix: calls of the library OS
//
// The argument only names the rows. Prints a line a row, as peers/bench.h says. What is called:
//
//   null     close(-1): refused at the first look at its argument
//   getpid
//   64, 4096, 1048576     pwrite of so many bytes at the beginning of a file in memory (memfd_create), and they are
//                         read back and compared. A sample includes the steps of REP that copy them, one for 8 bytes
//
// A sample begins and ends in the program, so what the C library's function does itself is part of it.

#define _GNU_SOURCE
#include "apps/bench_ways.h"
#include "peers/bench.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST = 1 << 20, WORD = 8 };

static int file;
static long process;
static uint64_t words[MOST / WORD], back[MOST / WORD];
static size_t size;

void peer_put(const char *line) {
    (void)!write(1, line, strlen(line));
}

typedef long call(void);

static long call_null(void) {
    return close(-1) == -1 ? -errno : 0;
}
static long call_getpid(void) {
    return getpid();
}
static long call_pwrite(void) {
    return pwrite(file, words, size, 0);
}
// What surrounds each call, and is taken off: a function that is called by a pointer.
[[gnu::noinline]] static long call_nothing(void) {
    return 0;
}

static uint32_t timed(call *volatile do_call, long wanted) {
    call *const called = do_call;
    const uint32_t before = bench_stamp();
    const long result = called();
    const uint32_t after = bench_stamp();
    return result == wanted ? after - before : bench_trouble("a call gave another result than it must");
}

static uint32_t null_once(void) {
    return timed(call_null, -EBADF);
}
static uint32_t getpid_once(void) {
    return timed(call_getpid, process);
}
// What is written differs each time, and is looked for in the file.
static uint32_t write_once(void) {
    static uint64_t seed;
    seed += MOST;
    ways_fill(words, size, seed);
    const uint32_t took = timed(call_pwrite, (long)size);
    if (pread(file, back, size, 0) != (ssize_t)size || !ways_holds(back, size, seed))
        return bench_trouble("the file does not hold what was written");
    return took;
}
static uint32_t empty_once(void) {
    return timed(call_nothing, 0);
}

static void row(const char *way, const char *op, const char *how, uint32_t (*once)(void), size_t written) {
    const struct bench empty = {.once = empty_once};
    size = written;
    bench_row(way, op, how, once, bench_take(&empty).minimum, (uint32_t)(written / WORD));
}

int main(int count, char **arguments) {
    const char *way = count == 2 ? arguments[1] : "";
    if (strcmp(way, "trap") != 0 && strcmp(way, "rewritten") != 0 && strcmp(way, "procedure") != 0) {
        fprintf(stderr, "bench_ways: name the way: trap, rewritten or procedure\n");
        return 2;
    }
    process = getpid();
    file = memfd_create("ways", 0);
    if (file < 0) {
        fprintf(stderr, "bench_ways: no file in memory can be made\n");
        return 1;
    }
    row(way, "null", "close(-1)", null_once, 0);
    row(way, "getpid", "getpid", getpid_once, 0);
    row(way, "write.64", "pwrite to a file in memory", write_once, 64);
    row(way, "write.4096", "pwrite to a file in memory", write_once, 4096);
    row(way, "write.1048576", "pwrite to a file in memory", write_once, MOST);
    return 0;
}
