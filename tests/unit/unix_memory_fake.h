// SPDX-License-Identifier: MIT
// A machine made of arrays for the memory of processes (libos/unix/memory): frames, page tables, a processor with a
// TLB, a disk, and a file system that only knows where pages lie.
//
// The processor remembers translations, and which table maps a 2 MiB range, until they are flushed or fault there; it
// sets A and D bits as x86 does. Tables may be written by machine_commit only. An access goes through it, faults are
// served by vm_fault, and the instruction is tried again.
#pragma once
#include "libos/unix/disk/filesystem.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/slots.h"
#include "libos/unix/memory/start.h"
#include "libos/unix/memory/swap.h"
#include "libos/unix/memory/vm.h"

constexpr unsigned FAKE_FILES = 300;
constexpr uint32_t FAKE_SWAP = 4096;

extern struct fake {
    uint64_t table_writes, tables, commits, flushes; // flushes: of all
    uint64_t reads, writes, kicks;                   // blocks; disk_kick
    uint64_t fail_transfer;                          // the transfer of this number from now on fails; 0: none
    uint64_t file_blocks;                            // that the file system may still hand out
    uint64_t tables_left;                            // that machine_table may still make
    struct inode file[FAKE_FILES];
} fake;

// An instance with so many frames for pages, a policy, and so many swap blocks (at most FAKE_SWAP).
void fake_begin(const char *policy, uint64_t frames, uint64_t swap_blocks);
// Nothing is left: all vms are gone, and the cache has been forgotten. Every table is empty, no page is taken.
void fake_end(void);

// One access to 8 bytes, by the address space that is entered. 0, or the signal that it ends in.
int fake_read(uint64_t address, uint64_t *value);
int fake_write(uint64_t address, uint64_t value);

// Checks everything that tables.h, page.h and object.h say is always so.
void fake_check(struct vm *const vms[], unsigned count);

// The first 8 bytes at an offset of what the disk has of a file; a hole has zeros.
uint64_t fake_on_disk(unsigned file, uint64_t offset);
