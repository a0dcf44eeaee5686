// SPDX-License-Identifier: MIT
// Random operations on files against a model in memory: what the files of the program `files` share.
//
// The model has *bodies*, which names and descriptors share as they share inodes. A body's bytes past its size are
// always zero. What differs from the model ends the program with one line: the seed, the step, and what.
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum : size_t { PAGE = 4096, LARGEST = 40 * PAGE };
enum : unsigned { NAMES = 6, FILES = 5, MAPS = 4 };

struct body {
    unsigned char bytes[LARGEST + PAGE];
    size_t size;
    unsigned names, users; // users: descriptors and mappings
};

struct open_file {
    int fd; // -1: this place is free
    struct body *body;
    size_t offset;
    bool appends;
};

struct map {
    unsigned char *place; // null: free
    struct body *body;
    size_t first, bytes; // in the file
    bool shared;
    bool own[LARGEST / PAGE]; // private: pages that were written to, whose contents are in `copy`
    unsigned char copy[LARGEST];
};

extern struct body *named[NAMES];
extern struct open_file files[FILES];
extern struct map maps[MAPS];
extern unsigned seed, step;
extern unsigned char buffer[LARGEST];

unsigned draw(unsigned below);
[[noreturn, gnu::format(printf, 1, 2)]] void wrong(const char *format, ...);
static inline void need(bool good, const char *what) {
    if (!good) wrong("%s", what);
}
const char *name_of(unsigned name);
void body_leave(struct body *body); // frees it when nothing is left that uses it
void compare(const char *what, const unsigned char *found, const unsigned char *wanted, size_t bytes, size_t offset);

// random_maps.c
void map_make(void);
void map_remove(struct map *map);
void map_read(void);
void map_write(void);
void map_sync(void);
void map_behind_end(void);                     // touching there is SIGBUS
void maps_cut(struct body *body, size_t size); // private ones that a shorter file would change are removed
void maps_check(void);                         // all contents
