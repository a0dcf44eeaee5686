// SPDX-License-Identifier: MIT
// The ways into a library OS, in instructions: an ordinary static Linux program, linked with musl, for libos/unix.
//
//   bench_ways trap         by the instruction `syscall`, as any Linux program
//   bench_ways rewritten    the same instruction, where the library OS was told to rewrite call sites (rewrite=1)
//   bench_ways procedure    by a call of the library OS's entry, whose address is AT_SYSINFO
//
// Prints a line a row, as peers/bench.h says. What is called:
//
//   null     close(-1): refused at the first look at its argument
//   getpid
//   64, 4096, 1048576     pwrite of so many bytes at the beginning of a file in memory (memfd_create), and they are
//                         read back and compared. A sample includes the steps of REP that copy them, one for 8 bytes

#define _GNU_SOURCE
#include "apps/bench_ways.h"
#include "peers/bench.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 1 << 20, WORD = 8 };

static uintptr_t entry; // 0: by the instruction
static int file;
static long process;
static uint64_t words[MOST / WORD], back[MOST / WORD];
static size_t size;

void peer_put(const char *line) {
    (void)!write(1, line, strlen(line));
}

// The instruction and its number side by side, as in a C library's wrappers.
#define CALL(name, number, operand)                                                                                    \
    [[gnu::noinline]] static long name(long a, long b, long c, long d) {                                               \
        register long fourth __asm__("r10") = d;                                                                       \
        long result;                                                                                                   \
        __asm__ volatile(operand                                                                                       \
                         : "=a"(result)                                                                                \
                         : "i"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "m"(entry)                                \
                         : "rcx", "r11", "memory");                                                                    \
        return result;                                                                                                 \
    }
#define BY_INSTRUCTION "movl %1, %%eax; syscall"
#define BY_CALL "movl %1, %%eax; call *%6"
CALL(trap_close, SYS_close, BY_INSTRUCTION)
CALL(trap_getpid, SYS_getpid, BY_INSTRUCTION)
CALL(trap_pwrite, SYS_pwrite64, BY_INSTRUCTION)
CALL(procedure_close, SYS_close, BY_CALL)
CALL(procedure_getpid, SYS_getpid, BY_CALL)
CALL(procedure_pwrite, SYS_pwrite64, BY_CALL)

typedef long call(long, long, long, long);
static call *do_close = trap_close, *do_getpid = trap_getpid, *do_pwrite = trap_pwrite;

// What surrounds each call, and is taken off: a function that is called by a pointer and does nothing.
[[gnu::noinline]] static long nothing(long a, long b, long c, long d) {
    long result;
    __asm__ volatile("movl %1, %%eax" : "=a"(result) : "i"(0), "D"(a), "S"(b), "d"(c), "r"(d) : "memory");
    return result;
}

static uint32_t timed(call *do_call, long a, long b, long c, long wanted) {
    const uint32_t before = bench_stamp();
    const long result = do_call(a, b, c, 0);
    const uint32_t after = bench_stamp();
    return result == wanted ? after - before : bench_trouble("a call gave another result than it must");
}

static uint32_t null_once(void) {
    return timed(do_close, -1, 0, 0, -9);
}
static uint32_t getpid_once(void) {
    return timed(do_getpid, 0, 0, 0, process);
}
// What is written differs each time, and is looked for in the file.
static uint32_t write_once(void) {
    static uint64_t seed;
    seed += MOST;
    ways_fill(words, size, seed);
    const uint32_t took = timed(do_pwrite, file, (long)words, (long)size, (long)size);
    if (pread(file, back, size, 0) != (ssize_t)size || !ways_holds(back, size, seed))
        return bench_trouble("the file does not hold what was written");
    return took;
}
static uint32_t empty_once(void) {
    return timed(nothing, 0, 0, 0, 0);
}

static void row(const char *way, const char *op, const char *how, uint32_t (*once)(void), size_t written) {
    const struct bench empty = {.once = empty_once};
    size = written;
    bench_row(way, op, how, once, bench_take(&empty).minimum, (uint32_t)(written / WORD));
}

int main(int count, char **arguments) {
    const char *way = count == 2 ? arguments[1] : "";
    if (strcmp(way, "procedure") == 0) {
        do_close = procedure_close, do_getpid = procedure_getpid, do_pwrite = procedure_pwrite;
        entry = getauxval(AT_SYSINFO);
        if (entry == 0) {
            fprintf(stderr, "bench_ways: this system has no entry for procedure calls\n");
            return 3;
        }
    } else if (strcmp(way, "trap") != 0 && strcmp(way, "rewritten") != 0) {
        fprintf(stderr, "bench_ways: name one way: trap, rewritten or procedure\n");
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
