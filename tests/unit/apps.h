// SPDX-License-Identifier: MIT
// The applications as functions, and how tests run one.
#pragma once
#include <stdint.h>

int hello_main(int argc, char **argv);
int matmul_main(int argc, char **argv);
int bfs_main(int argc, char **argv);
int hashjoin_main(int argc, char **argv);
int loop_main(int argc, char **argv);
int zipfkv_main(int argc, char **argv);
int reports_main(int argc, char **argv);
int sort_main(int argc, char **argv);
int replay_main(int argc, char **argv);

typedef int app_main(int argc, char **argv);

struct outcome {
    int status;                                 // exit status; -1: ended by a signal
    char output[2048];                          // standard output and error
    uint64_t faults, writebacks, pages, struck; // of the test's pager, 0 if it was not started
};

// Runs an application in a child process with the words of `line` (separated by spaces) as its arguments, the first
// being its name. frames 0: without the test's pager.
struct outcome run_app(app_main *app, const char *line, unsigned frames, int defect, uint64_t nth);

// Makes a file in memory with the given contents and returns its name, valid until the next call. It lasts as long as
// the test.
const char *make_file(const char *contents);

// A whole file of less than 4 MiB as a string; to be freed.
char *file_contents(const char *name);
