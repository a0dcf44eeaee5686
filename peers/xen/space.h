// SPDX-License-Identifier: MIT
// The guest's memory: a region of data pages that guest kernel and guest user both see at the same place, with page
// tables of its own, and two address spaces that share it.
//
// Page tables are the real ones, which Xen checks at every change: the guest maps them read-only and reads what the
// processor wrote there.
#pragma once
#include "peers/xen/hypervisor.h"

constexpr uint64_t PAGE = 4096;
constexpr unsigned PAGES = 100;
constexpr uint64_t REGION = 0x40000000; // the data pages
constexpr uint64_t USER_ORDER = REGION + PAGES * PAGE;
constexpr uint64_t USER_CODE = USER_ORDER + PAGE;

enum : uint64_t {
    ENTRY_PRESENT = 1 << 0,
    ENTRY_WRITE = 1 << 1,
    ENTRY_USER = 1 << 2,
    ENTRY_ACCESSED = 1 << 5,
    ENTRY_DIRTY = 1 << 6,
};

// Entries of data page `page`: as in use, and without the right to write.
extern uint64_t space_writable[PAGES], space_readable[PAGES];
extern volatile uint64_t space_entries[512]; // of the region, as the processor sees them

struct space {
    uint64_t kernel, user; // machine frames of the top-level tables
};
extern struct space spaces[2];

// Added to an address of the region: the same page, in the second space only.
constexpr uint64_t SECOND = 1ull << 39;

// Makes region and address spaces and enters the first. All data pages are mapped writable.
void space_make(const struct xen_start *start);

// Takes the region's page table out of the address spaces, writes the entries of all data pages, and puts it back.
// Returns 0, or what Xen answered. Flushes nothing that had fewer rights before.
int64_t space_rewrite(const uint64_t *entries);

// The machine address of the entry of data page `page`.
uint64_t space_slot(unsigned page);

static inline uint64_t space_page(unsigned page) {
    return REGION + page * PAGE;
}

extern volatile uint8_t shared_page[4096]; // the page that the guest shares with Xen

// The addresses of the data pages in an order to visit them, readable in user mode at USER_ORDER.
extern uint64_t space_order[512];
