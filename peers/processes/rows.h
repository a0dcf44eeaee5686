// SPDX-License-Identifier: MIT
// The rows that are in files of their own, for main.c. Each function takes one sample; prepare functions come first.
#ifndef PEERS_PROCESSES_ROWS_H
#define PEERS_PROCESSES_ROWS_H
#include <stdint.h>

void large_prepare(const void *); // files and pipes that the rows of large.c need

uint32_t large_read(void);      // 1 MiB of a file, in memory
uint32_t large_write(void);     // the same, overwritten
uint32_t large_pipe(void);      // 64 KiB into a pipe and out of it
uint32_t large_directory(void); // LARGE_NAMES names
uint32_t large_map(void);       // a file of 1 MiB, in memory: mapped, a byte read of each page, unmapped
uint32_t large_grow(void);      // 1 MiB of fresh memory: mapped, a byte written of each page, unmapped
uint32_t large_fork(void);      // of a process that has written LARGE_PAGES pages
uint32_t large_fork_write(void);
uint32_t large_poll(void); // of LARGE_PIPES pipes, none of which has anything

uint32_t name_stat(void);   // of a file three folders down
uint32_t name_create(void); // a file made and removed
uint32_t name_create_new(void);
uint32_t futex_round(void); // from one thread to another and back
uint32_t protect_round(void);

void large_memory(const void *); // makes the process that large: after this a fork has that to share
enum { LARGE_NAMES = 500, LARGE_PAGES = 4096, LARGE_PIPES = 64 };

void disk_rows(const char *system); // those of disk.c, all of them
enum { DISK_COLD = 32 };            // MiB of /cold

// exec_large.c, a program of its own.
enum { EXEC_CONSTANT = 4 << 20, EXEC_DATA = 1 << 20 };

#endif
