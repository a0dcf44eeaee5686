// SPDX-License-Identifier: MIT
// Paging of regions of a library OS's address space, each with its own policy, frames and place on the disk.
//
//   struct pager_region *heap = pager_attach(&(struct pager_options){
//       .name = "heap", .first = {MAP_HEAP}, .pages = 4096, .policy = policy_find("clock1"), .frames = 500,
//       .block = swap_block, .seed = 1});
//   if (heap == nullptr) pe_fail("heap: %s", pager_problem());
//   void pager_on_fault(struct exo_exception *fault) { if (!pager_fault(fault)) pager_refuse(fault); }
//   … before the end: pager_report();
//
// All frames and tables of a region are taken when it is attached: the fault path (fault.c) allocates nothing, and its
// own memory is never paged. Compile everything here, policies included, with -mgeneral-regs-only: it runs in fault
// handlers. What it needs of the library OS is in machine.h. The PE's pe_on_fault is the pager's (machine.c); it goes
// on in pager_on_fault, which the library OS defines.
#pragma once
#include "libos/pager/policy.h"
#include "libos/pager/readahead.h"
#include "pe/pe.h"

// With the page that is waited for, as many pages as the disk's ring has room for beside other requests.
constexpr uint32_t PAGER_WINDOW = 28;

struct pager_budget;

struct pager_options {
    const char *name; // in reports, at most 40 characters; kept, not copied
    uint64_t job;     // in reports
    exo_vaddr first;  // page-aligned; mapped by nobody else
    uint64_t pages;   // below 2^31
    const struct policy *policy;
    uint64_t frames;             // budget, at least the policy's minimum; more than `pages` are not taken
    struct pager_budget *budget; // that its frames are from, `frames` of them at most; null: one of its own
    uint8_t rank;                // unlike any other's in a budget that levels (pager_budget_level)
    uint64_t block;              // first of `pages` disk blocks that hold what is not in memory
    uint64_t seed;               // for policies that draw numbers
    bool backed;                 // the blocks hold the pages' contents from the start: each fault reads the disk.
                 // Otherwise a page is zero until written: the first touch fills with zeros, and no read
                 // is counted for a page that was never written back
    // Both options take frames of the budget away from the policy: at most a quarter. Without them each fault waits for
    // its own read, and for the write of a dirty victim before.
    const struct readahead *readahead; // null: none
    uint32_t window;  // pages read ahead at a time, at most; fewer if there are few frames; 0: PAGER_WINDOW
    uint32_t cluster; // dirty victims written at a time, likewise; 0 and 1: singly, and waited for unless there is
                      // read-ahead

    // Number of the reference that is being made, from 0 on, in a program that counts them; null: it does not.
    const volatile uint64_t *position;

    bool record;  // keep the reference string, page change by page change, where pager_record_to says (record.c); slow
    bool trace;   // keep the times of the eight steps and report them (trace.c)
    bool measure; // keep how many instructions faults took, and when they were, and report it (latency.h)
};

struct pager_region;

// Says which disk blocks the reference string of a region with `record` is written to. False: no frame is left for
// that.
[[nodiscard]] bool pager_record_to(uint64_t block, uint64_t blocks);

// Takes frames for several regions to have together, as in pager_options.budget. A region that faults when all are in
// use gives up a page of its own; pager_limit and pager_trim take pages from others. Null: pager_problem says why.
[[nodiscard]] struct pager_budget *pager_budget(uint64_t frames);
uint64_t pager_budget_left(const struct pager_budget *budget); // frames that no region has

// A budget whose frames come and go, at most so many at a time, and at first none. Null: pager_problem. Add: maps the
// frame where the pager sees it; false: there are as many as can be, or the kernel refused. Remove: a frame that no
// region has, mapped nowhere; raw 0: all are in use (pager_limit and pager_trim change that).
[[nodiscard]] struct pager_budget *pager_budget_open(uint64_t most);
[[nodiscard]] bool pager_budget_add(struct pager_budget *budget, exo_frame frame);
exo_frame pager_budget_remove(struct pager_budget *budget);
uint64_t pager_budget_frames(const struct pager_budget *budget); // those it has now

// From now on a region of this budget that faults when all frames are in use need not give up a page of its own: the
// frame is taken from the region with the most pages, if that has two more than the region that faults. (Of several the
// one with the lowest rank; its policy chooses the page.) So each region has what it wants up to an equal share, and
// those that want more share the rest evenly. Min-funding revocation with equal shares: Waldspurger, "Memory resource
// management in VMware ESX Server", OSDI 2002.
void pager_budget_level(struct pager_budget *budget);

// From now on the region has at most `frames` pages in memory: at least the policy's minimum, at most its budget. Pages
// beyond go at the region's next fault, or with pager_trim, and the policy chooses which. It is told of nothing else: a
// policy that tunes itself by the number of frames has the number with which it started.
void pager_limit(struct pager_region *region, uint64_t frames);
uint64_t pager_trim(struct pager_region *region);           // not in a fault's handling; how many pages went
uint64_t pager_resident(const struct pager_region *region); // pages in memory

// Makes a range of pages a region. The options are copied. Null: pager_problem says why in a sentence.
[[nodiscard]] struct pager_region *pager_attach(const struct pager_options *options);
const char *pager_problem(void);

// The PE's page faults come here, to the library OS's function.
void pager_on_fault(struct exo_exception *exception);

// Serves a page fault. False: the address is in no region, or the page is there and does not allow the access; nothing
// was done. Ends the PE with one line if the disk fails.
[[nodiscard]] bool pager_fault(const struct exo_exception *exception);

// Ends the PE with one line that says what was done to which address, by which instruction, and what is there.
[[noreturn]] void pager_refuse(const struct exo_exception *exception);

// Reports each region's statistics as an event "pager", after what `record` and `trace` have left to report.
void pager_report(void);

// What a program says about pages `first` to `first + count` - 1. The first three hold until it says otherwise and,
// like the fourth, are for read-ahead: they do nothing in a region without. No advice but the last changes what a
// program reads.
enum pager_advice : uint8_t {
    PAGER_NORMAL,
    PAGER_SEQUENTIAL, // it goes through them in rising order
    PAGER_RANDOM,     // it goes through them in no order: a fault on one of them reads nothing ahead
    PAGER_WILL_NEED,  // now: they are read as far as there are free frames, without waiting for the last of them
    PAGER_WONT_NEED,  // now: they leave memory and their frames are free, without another fault. Dirty ones are written
                      // back, clean ones are not; the policy is told as of victims
    PAGER_DISCARD,    // the same, and nothing is written: they are zero again. In a backed region as PAGER_WONT_NEED
};
void pager_advise(struct pager_region *region, uint64_t first, uint64_t count, enum pager_advice advice);

// The region that an address is in, or null.
struct pager_region *pager_region_at(const void *address);
// The page of a region that an address in it is in.
uint64_t pager_page_at(const struct pager_region *region, const void *address);

// Writes all dirty pages of a region back, without unmapping them, and clears their dirty bits. False: the disk failed.
[[nodiscard]] bool pager_sync(struct pager_region *region);

struct pager_statistics {
    uint64_t faults;      // pages brought into the policy's frames
    uint64_t reads;       // pages read from disk, ahead or not
    uint64_t writebacks;  // dirty victims
    uint64_t policy_time; // time-stamp ticks inside the policy, its looks at bits and clearing of bits included
    uint64_t sequence;    // digest of the victims (sequence.h)
    uint64_t dismissed;   // pages that left because the program said so
    uint64_t soft_faults; // on pages in memory, taken to see the references (record.c)

    // With read-ahead or clusters only. reads - ahead_reads is the number of major faults.
    uint64_t ahead_reads;  // of the reads, those ahead of a fault
    uint64_t ahead_hits;   // faults on pages read ahead
    uint64_t ahead_late;   // of these, those that had to wait for the read's end
    uint64_t ahead_wasted; // pages read ahead whose frame was taken for another before a touch
    uint64_t rescues;      // faults on pages whose write was not over, or not begun
    uint64_t writes;       // pages written by clusters
    uint64_t kicks;        // times the kernel was told of reads and writes
};
struct pager_statistics pager_statistics(const struct pager_region *region);

// For programs that know their references. All optional.
// How many references the program has made so far, for the report.
void pager_references(struct pager_region *region, uint64_t references);
// Announces a string of references to come, for policies that see the future: `position` will hold the number of the
// reference being made, from 0 on. Then each page in order. False: no memory for it.
[[nodiscard]] bool pager_future(struct pager_region *region, uint64_t references, const volatile uint64_t *position);
void pager_future_add(struct pager_region *region, uint32_t page);
