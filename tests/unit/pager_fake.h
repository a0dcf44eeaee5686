// SPDX-License-Identifier: MIT
// A machine made of arrays for the pager (libos/pager/machine.h): page table, TLB, frames, disk, report channel.
//
// The processor remembers translations, with the A and D bits that it has already set, until they are flushed. The disk
// (pager_fake_disk.c) moves data when a transfer is finished, not when it starts, and spoils the frame of a read until
// then. Transfers that are not waited for end in a random order, and only after a kick; until then their frames must be
// mapped nowhere, in no other transfer, and stay as they are.
#pragma once
#include "libos/pager/machine.h"
#include "libos/pager/pager.h"
#include <setjmp.h>

constexpr uint64_t FAKE_FIRST = 0x4000'0000; // address of page 0 of the fake page table
constexpr unsigned FAKE_PAGES = 4096, FAKE_FRAMES = 512, FAKE_BLOCKS = 4096;
constexpr unsigned FAKE_WORDS = EXO_PAGE_SIZE / sizeof(uint64_t);

extern struct fake {
    uint64_t entries[FAKE_PAGES];
    uint64_t (*frames)[FAKE_WORDS];
    uint64_t (*disk)[FAKE_WORDS];
    uint64_t disk_reads, disk_writes, flushes, faults, binds;
    unsigned frames_taken, frames_limit; // limit 0: FAKE_FRAMES
    unsigned fail_transfer;              // the transfer of this number (from 1) fails; 0: none
    unsigned places;                     // for transfers that are not waited for; 0: FAKE_PLACES
    unsigned kick_takes;                 // of them at a kick; 0: all
    unsigned late;                       // one in so many has ended when nobody waits for it; 0: all
    uint64_t kicks;
    void (*on_put)(enum exo_ring_operation operation, uint64_t block);
    unsigned refuse_memory; // the machine_memory of this number (from 1) fails
    char failure[256];      // what machine_fail said
    jmp_buf *on_failure;    // where it goes; null: the test fails
    char *report;           // all lines so far
    uint32_t *recording;    // all words so far
    size_t recorded;        // their number
    uint64_t instructions;  // that got through
} fake;

constexpr unsigned FAKE_PLACES = 29;

static inline exo_vaddr fake_address(uint64_t page) {
    return (exo_vaddr){FAKE_FIRST + page * EXO_PAGE_SIZE};
}

struct fake_access {
    uint64_t page;
    bool write;
};

// One instruction at `rip` that makes up to 8 accesses, restarted after each fault until all succeed in one go.
// Returns the memory of the page accessed last. The test fails if it cannot get through.
uint64_t *fake_execute(uint64_t rip, const struct fake_access *accesses, unsigned count);

// A frame's memory; the test fails if it is not the pager's. Whether it is mapped anywhere.
uint64_t *fake_memory(exo_frame frame);
bool fake_is_mapped(exo_frame frame);

// Transfers that are not waited for, and are not over; whether a frame is in one.
unsigned fake_under_way(void);
bool fake_in_transfer(exo_frame frame);

// The recording so far as text: "3R 3M +4W ".
const char *fake_recording(void);

// Counts the calls of machine_memory from 1 again.
void fake_forget_memories(void);

// One instruction with a single access.
uint64_t *fake_touch(uint64_t page, bool write);
