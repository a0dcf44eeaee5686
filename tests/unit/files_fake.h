// SPDX-License-Identifier: MIT
// What libos/unix/files stands on, for tests: a file system in memory (files_fake_disk.c), a page cache that is none,
// one process after another, and sleeping that a test gives a meaning to.
#pragma once
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include "libos/unix/calls.h"
#include "libos/unix/files/files.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/process/process.h"

// Before and after each test: an empty disk, one process of the superuser, nothing else. Afterwards nothing may be
// held.
void fake_begin(void);
void fake_end(void);

// More processes; they can be made the current one. Freed by fake_end.
struct process *fake_process(void);
void fake_become(struct process *process);

// What happens while the current thread sleeps: called once for each sleep. Null: sleeping fails the test, as nobody
// would wake it. Returns what the sleep gives.
extern int (*fake_asleep)(struct wait_queue *queue);
extern unsigned fake_sleeps;
extern uint64_t fake_time; // of clock_now, which a sleep until a time moves
extern unsigned fake_wakes;

// Signals that were sent since the test began: bit n for signal n.
extern uint64_t fake_signals;

// Addresses from here on are nobody's.
constexpr uint64_t FAKE_BAD = 0xffff'8000'0000'0000;

// A call, with up to six arguments of any kind.
#define CALL_OF(name, ...) sys_##name(thread_current(), (const uint64_t[6]){__VA_ARGS__})
#define P(pointer) ((uint64_t)(uintptr_t)(pointer))

// Shorthands of tests. They fail the test if the call fails.
void fake_make_file(const char *path, const char *contents);
void fake_make_directory(const char *path);
int fake_open(const char *path, uint32_t flags);
