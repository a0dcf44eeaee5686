// SPDX-License-Identifier: MIT
// What the parts of init share.
//
//   main.c      reads the manifest and runs its groups of jobs
//   memory.c    init's own address space, runs of free frames, a window on frames of others
//   build.c     a job's PE: its frames, tables, image, bindings
//   lease.c     frames that move between the jobs of a group; share.c says how many each gets
//   watch.c     waits for jobs to end, reports and removes them
#pragma once
#include "libos/core/start.h"
#include "pe/package.h"
#include "pe/pe.h"
#include "pe/stubs.h"
#include "pe/types.h"

constexpr unsigned GROUP_JOBS = EXO_SLICE_POSITIONS - 1; // position 0 stays init's
constexpr unsigned PE_PARTS = 4;         // frames of a job's PE itself: private, page, two binding tables
constexpr unsigned PE_PARTS_LEASED = 18; // with leased frames, each of which has a binding: sixteen tables

// The handles of the kernel's grants, generation 1.
static inline exo_handle first_binding(enum exo_first_binding index) {
    return (exo_handle){1ull << 16 | index};
}

struct child {
    const struct exo_job *job;
    uint64_t number; // index of the job in the manifest
    exo_frame first; // its run of frames; raw 0: none
    uint64_t count;
    exo_handle pe; // raw 0: none
    bool running;
    exo_frame info;   // its start_info's
    uint64_t parts;   // PE_PARTS or PE_PARTS_LEASED
    char detail[160]; // why it could not be started
};

// memory.c
extern struct exo_first first;           // what the kernel said
const struct exo_package *package(void); // its header has been checked
[[noreturn]] void machine_stop(uint64_t status);
exo_frame run_find(exo_frame from, uint64_t count);                  // first free run of that length; raw 0: none
exo_frame run_largest(exo_frame from, uint64_t *count);              // longest free run
void *scratch_map(exo_frame frame, uint64_t count, uint64_t rights); // up to SCRATCH_PAGES; null: refused
void scratch_unmap(uint64_t count);
constexpr uint64_t SCRATCH_PAGES = 128;
const struct exo_pe_page *view_map(unsigned place, exo_frame page); // a PE page, to read; place below GROUP_JOBS
struct start_info *info_map(unsigned place, exo_frame page);        // and a start_info, to read and write
void info_unmap(unsigned place);
void view_unmap(unsigned place);

// build.c: makes the PE ready to be started. False: child->detail says why not, and nothing is left of it.
[[nodiscard]] bool child_build(struct child *child);
uint64_t child_least_frames(const struct child *child, const struct exo_image *image);
const struct exo_image *image_find(uint64_t index); // null: none, or one that doesn't lie in the package

// lease.c: frames that move between the jobs of a group. Reserves them for all, behind *from. False: too few.
[[nodiscard]] bool lease_begin(const struct child *children, unsigned count, exo_frame *from);
void lease_tell(const struct child *child, struct start_lease *lease); // what the PE finds at its start
void lease_watch(const struct child *children, unsigned count);        // the PEs are there
// Once a round, with the PE pages. False: nothing to look after.
bool lease_look(const struct child *children, const struct exo_pe_page *const *views, unsigned count);
void lease_leave(const struct child *child, unsigned place); // before its PE is removed
void lease_end(void);                                        // when all are gone

// watch.c
void group_watch(struct child *children, unsigned count); // until all have ended and are gone
void child_remove(struct child *child);                   // destroys its PE; reports frames that don't become free
