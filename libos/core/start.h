// SPDX-License-Identifier: MIT
// What libos/init tells a PE that it starts: its bindings, its tables, its frames, its arguments.
//
//   const char *policy = start_argument("policy");        // "clock1" for `policy=clock1`, null if absent
//   uint64_t frames = start_number("frames", 64);          // 64 if absent
//
// The argument words `name=value` are separated by spaces; those after a word `--` belong to the application.
#pragma once
#include "libos/core/map.h"
#include "pe/package.h"
#include "pe/types.h"

constexpr uint64_t START_MAGIC = 0x5452'4154'5350'4942ull;
constexpr unsigned START_ARGUMENTS = 3072; // bytes, with the NUL
constexpr uint64_t START_INIT = UINT64_MAX;

// Frames that init lends to the jobs of a group and asks back for others (libos/init/lease.c). Each comes with a
// binding of its own. Both sides see this page; the counters only rise, and each has one writer. Of frames that it is
// asked for a PE chooses which to give back: it unmaps them and names them in `given`. Init then revokes their
// bindings, so what a PE says here can cost that PE frames, and nobody else.
constexpr unsigned START_LEASE_RING = 32;

struct start_lease {
    exo_frame first;           // of all frames that are lent in the group
    uint64_t count;            // of these; 0: this PE has none and gets none
    uint64_t target;           // how many this PE is to have; init changes it
    uint64_t lent, taken;      // offers made, by init; taken up, by the PE
    uint64_t given, collected; // frames given back, by the PE; of these revoked, by init
    uint64_t faults;           // of the PE's pager so far, by the PE: what init shares frames out by
    struct {
        exo_frame frame; // of type free
        exo_handle handle;
    } offers[START_LEASE_RING];
    exo_frame returns[START_LEASE_RING];
};

struct start_info {
    uint64_t magic;
    uint64_t job;      // index in the manifest; START_INIT: the first PE
    uint64_t flags;    // of the package
    exo_handle frames; // all rights but to PE frames; covers tables, image and pool
    exo_frame frames_first;
    uint64_t frames_count;
    exo_frame pool_first;              // from here to the end of the run the frames are of type free
    exo_frame table4, table3;          // the root, and the table of its first entry
    exo_frame table2;                  // of the GiB of map.h; its level-1 tables are seen in the window
    exo_handle extent;                 // READ, WRITE; 0: none
    uint64_t block, blocks;            // what it covers, from the start of the disk
    exo_handle console, report, power; // 0: none
    struct start_lease lease;
    uint8_t reserved[4096 - 16 * 8 - START_ARGUMENTS - sizeof(struct start_lease)];
    char arguments[START_ARGUMENTS];
};
static_assert(sizeof(struct start_info) == EXO_PAGE_SIZE);

extern struct start_info *start; // at MAP_START_INFO, except in init

// The value of an argument, or null. Valid for ever.
const char *start_argument(const char *name);

// The value of an argument as a number (decimal, or hexadecimal after 0x); `otherwise` if it is absent. An argument
// that is not a number ends the PE with a line that names it.
uint64_t start_number(const char *name, uint64_t otherwise);

// The application's name and arguments, ended by a null pointer, as for main.
int start_argc(void);
char **start_argv(void);

// Makes `start` valid before anything is done with it. The default checks that init has; init makes its own.
void start_prepare(void);

// What the library OS does with the machine it was given: prepares it and calls the application's main. Returning
// means exit. The default, used by programs that are linked with libcore alone, only calls main.
int libos_main(int argc, char **argv);

// Ends this PE. Nothing is flushed or reported. (Weak: init stops the machine instead.)
[[noreturn]] void pe_end(uint32_t status);

// Ends this PE after a line on the console that begins with its job number, and an event "failed" with that line.
[[noreturn, gnu::format(printf, 1, 2)]] void pe_fail(const char *format, ...);
constexpr uint32_t PE_FAILED = 125; // its status then
