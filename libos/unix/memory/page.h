// SPDX-License-Identifier: MIT
// Pages: 4 KiB of contents with an identity, a number below `memory.page_count`.
//
//   private   anonymous memory, known to entries of leaves (tables.h): `references` counts them. Two or more: nobody
//             writes to it, each copies it first. Past the last one it is gone.
//   held      page of an object (object.h): a file's, or one of shared memory. Leaves know it only while they map it.
//   dead      gone, but its frame has not been taken for another yet: the policy is told when that happens
//   free      no page at all; the number that was given back first is handed out first, as policies with a memory of
//             evicted pages go by numbers
//
// Where a page's contents are: in its slot's frame; else on its disk block (private: of the swap space; held: of the
// file system, or of the swap space for shared memory); else, without a block, they are zero. In a frame and not dirty:
// as on the block, too.
//
// The number 0 is the page of zeros, which is nobody's, always in memory, and never written to.
#pragma once
#include "libos/pager/policy.h"
#include "pe/types.h"

struct chunk;
struct leaf;

constexpr uint32_t NONE = POLICY_NONE;
constexpr uint32_t PAGE_ZERO = 0;

enum page_kind : uint8_t { PAGE_FREE, PAGE_DEAD, PAGE_PRIVATE, PAGE_HELD };

enum page_flags : uint8_t {
    PAGE_ACCESSED = 1, // by library code, or through an entry that is gone
    PAGE_DIRTY = 2,    // likewise written. A held page that any entry may write to has it
    PAGE_FRESH = 4,    // its block's own contents are nobody's: to be overwritten before the file system commits
    PAGE_PLACED = 8,   // of a file: `block` is what the file system says; 0: a hole
    PAGE_WRITING = 32, // on its way to the disk, see transfer.h
    PAGE_FAILED = 64,  // it could not be read just now
    PAGE_LOST = 128,   // it could not be written, and is nowhere
    PAGE_IDLE = 16,    // held, not in memory, and in the list of those whose number may be taken
};

struct page {
    uint32_t slot;  // NONE: not in memory
    uint32_t block; // 0: none
    union {
        uint32_t map;  // in memory: the first entry that maps it, see tables.h
        uint32_t next; // free or idle: the next one
    };
    union {
        uint32_t references; // private
        uint32_t previous;   // idle
    };
    enum page_kind kind;
    uint8_t flags;
    uint16_t pins;       // not to be evicted
    uint8_t index;       // held: place in its chunk
    uint8_t use;         // held: by calls, see once.h
    struct chunk *chunk; // held
};

struct slot {
    uint32_t page; // NONE: none, given up by the policy
    uint32_t frame;
};

struct memory_statistics {
    uint64_t faults;         // page faults served
    uint64_t misses;         // pages brought into memory, by a fault or a file operation: what the policy is told
    uint64_t reads, writes;  // blocks, from and to the disk
    uint64_t rescues;        // pages that came back while they were being written, without a read
    uint64_t zeroed, copied; // pages filled with zeros; copied on write
    uint64_t evictions;
    uint64_t forks;
    uint64_t peak;           // the most pages in memory at a time
    uint64_t table_writes;   // entries
};

extern struct memory {
    bool started;
    const struct policy *policy;
    struct policy_state *policy_state;
    struct policy_view view;
    struct page *page;
    uint32_t page_count;
    struct slot *slot;
    uint32_t slots, used;
    uint32_t *dead; // a stack of slots with dead pages, or none
    uint32_t dead_count;
    uint32_t free_first, free_last; // page numbers
    uint32_t idle_first, idle_last;
    uint32_t private_count, private_most;
    char *frames; // their memory
    uint32_t *frame_number;
    uint32_t zero_frame; // behind those of the slots; the spare ones (transfer.h) are behind it
    struct memory_statistics count;
} memory;

static inline char *frame_memory(uint32_t frame) {
    return memory.frames + (uint64_t)frame * EXO_PAGE_SIZE;
}
static inline exo_frame frame_of(uint32_t page) {
    return (exo_frame){
        memory.frame_number[page == PAGE_ZERO ? memory.zero_frame : memory.slot[memory.page[page].slot].frame]};
}
// The contents of a page that is in memory.
static inline char *page_memory(uint32_t page) {
    return frame_memory(memory.slot[memory.page[page].slot].frame);
}
static inline bool page_resident(uint32_t page) {
    return memory.page[page].slot != NONE;
}

// A new page, with one reference or for an object; not in memory, zero. NONE: there are as many as there can be.
uint32_t page_new_private(void);
uint32_t page_new_held(struct chunk *chunk, uint8_t index);

// One reference to a private page less. Its entries no longer map it if it was the last.
void page_release(uint32_t page);

// A page's end. Nothing maps it.
void page_end(uint32_t page);

// The number of a dead page comes free; a number for a dead page. For slots.c.
void page_number_free(uint32_t page);
uint32_t page_number_take(void);

void pages_start(void); // all but page 0 are free
