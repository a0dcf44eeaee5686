// SPDX-License-Identifier: MIT
// Tests that are a static Linux program: what it expects holds on Linux, where it is run, too, and on libos/unix.
//
//   TEST(a_child_has_a_number_of_its_own) { CHECK(child_pid() != getpid()); }
//
// Prints TAP. A test that ends the process, or hangs, fails those after it. Who runs the program bounds its time: no
// clock in here does, as under -icount it runs far ahead while a disk is waited for.
#pragma once
#include <stdio.h>
#include <sys/types.h>

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};
void test_add(struct test *test);
void test_failed(const char *file, int line, const char *what);

#define TEST(name_)                                                                                                    \
    static void test_##name_(void);                                                                                    \
    [[gnu::constructor]] static void test_add_##name_(void) {                                                          \
        static struct test test = {.name = #name_, .run = test_##name_};                                               \
        test_add(&test);                                                                                               \
    }                                                                                                                  \
    static void test_##name_(void)

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            test_failed(__FILE__, __LINE__, #condition);                                                               \
            return;                                                                                                    \
        }                                                                                                              \
    } while (0)

int status_of(int (*code)(void)); // runs it in a child, which exits with its result; the status as wait gives it

bool is_asleep(pid_t process); // waits in a system call

// The program's own name, to be run again: with arguments it does what main.c says and no tests.
extern const char *self_path;
