// SPDX-License-Identifier: MIT
// Paging of regions of a library OS's address space, each with its own policy, frames and place on the disk.
//
//   struct pager_region *heap = pager_attach(&(struct pager_options){
//       .name = "heap", .first = {MAP_HEAP}, .pages = 4096, .policy = policy_find("clock1"), .frames = 500,
//       .block = swap_block, .seed = 1});
//   if (heap == nullptr) pe_fail("heap: %s", pager_problem());
//   void pe_on_fault(struct exo_exception *fault) { if (!pager_fault(fault)) pager_refuse(fault); }
//   … before the end: pager_report();
//
// All frames and tables of a region are taken when it is attached: the fault path (fault.c) allocates nothing, and its
// own memory is never paged. Compile everything here, policies included, with -mgeneral-regs-only: it runs in fault
// handlers. What it needs of the library OS is in machine.h.
#pragma once
#include "libos/pager/policy.h"
#include "pe/pe.h"

struct pager_options {
    const char *name; // in reports, at most 40 characters; kept, not copied
    uint64_t job;     // in reports
    exo_vaddr first;  // page-aligned; mapped by nobody else
    uint64_t pages;   // below 2^31
    const struct policy *policy;
    uint64_t frames; // budget, at least the policy's minimum; more than `pages` are not taken
    uint64_t block;  // first of `pages` disk blocks that hold what is not in memory
    uint64_t seed;   // for policies that draw numbers
    bool backed;     // the blocks hold the pages' contents from the start: each fault reads the disk.
                     // Otherwise a page is zero until written: the first touch fills with zeros, and no read
                     // is counted for a page that was never written back
    bool record;     // report the reference string, page change by page change (record.c); slow
    bool trace;      // keep the times of the eight steps and report them (trace.c)
};

struct pager_region;

// Makes a range of pages a region. The options are copied. Null: pager_problem says why in a sentence.
[[nodiscard]] struct pager_region *pager_attach(const struct pager_options *options);
const char *pager_problem(void);

// Serves a page fault. False: the address is in no region, or the page is there and does not allow the access; nothing
// was done. Ends the PE with one line if the disk fails.
[[nodiscard]] bool pager_fault(const struct exo_exception *exception);

// Ends the PE with one line that says what was done to which address, by which instruction, and what is there.
[[noreturn]] void pager_refuse(const struct exo_exception *exception);

// Reports each region's statistics as an event "pager", after what `record` and `trace` have left to report.
void pager_report(void);

// Writes all dirty pages of a region back, without unmapping them, and clears their dirty bits. False: the disk failed.
[[nodiscard]] bool pager_sync(struct pager_region *region);

struct pager_statistics {
    uint64_t faults;      // pages brought in
    uint64_t reads;       // of these, from disk
    uint64_t writebacks;  // dirty victims written to disk
    uint64_t policy_time; // time-stamp ticks inside the policy, its looks at bits and clearing of bits included
    uint64_t sequence;    // digest of the victims (sequence.h)
};
struct pager_statistics pager_statistics(const struct pager_region *region);

// For programs that know their references. All optional.
// How many references the program has made so far, for the report.
void pager_references(struct pager_region *region, uint64_t references);
// One reference, to policies that see every one (POLICY_SEES_REFERENCES); after it was made.
void pager_touched(struct pager_region *region, uint32_t page);
// Announces a string of references to come, for policies that see the future: `position` will hold the number of the
// reference being made, from 0 on. Then each page in order. False: no memory for it.
[[nodiscard]] bool pager_future(struct pager_region *region, uint64_t references, const volatile uint64_t *position);
void pager_future_add(struct pager_region *region, uint32_t page);
