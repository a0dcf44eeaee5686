// SPDX-License-Identifier: MIT
// Programs' code as it was rewritten: kept, so that it is found out once, and mapped by all processes that run it.
//
// An image is shared memory: the veneers, and then each segment of code, in whole pages. While it is made the program's
// memory has it in a *window*, where it can be written. Afterwards it takes the place of the file's own pages, private,
// and mprotect refuses the right to write: a program that changes its code must know what stands there. It is another
// one for each version of the file's contents (object_version).
#pragma once
#include "libos/unix/process/exec.h"

struct object;

constexpr uint64_t VENEERS_BYTES = 0x1'0000;

struct image {
    uint64_t version;      // of the program's file
    struct object *memory; // null: there is nothing to rewrite
    uint64_t bytes, veneers_bytes;
    struct image *next;
};

// The image of a version; null: none is kept.
struct image *image_find(uint64_t version);
// Memory for one, with the program's code in it as the file has it, and a window. Null: there is too little memory for
// so much code.
struct image *image_make(const struct program *program, uint64_t version, uint64_t *window);
// It is finished: the window goes. No bytes of veneers: nothing is kept of it but that there is nothing. The oldest
// images go if there are many.
void image_keep(const struct program *program, struct image *image, uint64_t window, uint64_t veneers_bytes);
// Puts it into the program's memory. What cannot be mapped stays as the file has it.
void image_map(const struct program *program, const struct image *image);

// Where the program's veneers lie: behind it, and the break behind them, so that they share tables with it.
uint64_t image_veneers(const struct elf_image *program);
// Where a window shows these bytes of the program's code; 0: they are none.
uint64_t image_place(const struct elf_image *program, uint64_t window, uint64_t at, uint64_t bytes);
