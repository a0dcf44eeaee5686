// SPDX-License-Identifier: MIT
// The rows of Appel and Li's benchmark (ASPLOS 1991) that protect.c does not have.
//
//   dirty   whether a page has been written to, from its page-table entry, which the guest can read
//   trap    a store to a protected page, skipped by its handler
//   appel1  prot1 + trap + unprot: a store to a protected page; the handler protects another page and unprotects this
//   appel2  protN + trap + unprot, a page: 100 pages protected at once, then a store to each in a random order; the
//           handler unprotects it. Less the same stores to pages that are not protected
#include "peers/xen/protect.h"

static unsigned other; // the page that appel1's handler protects

static unsigned page_of(uint64_t address) {
    return (unsigned)((address - REGION) / PAGE);
}

static void skip_store(uint64_t address, struct fault_frame *frame) {
    (void)address;
    frame->rip += BENCH_STORE_BYTES;
}
static void unprotect_this(uint64_t address, struct fault_frame *frame) {
    (void)frame;
    must(unprotect_page(page_of(address)), "unprotecting a page");
}
static void protect_other(uint64_t address, struct fault_frame *frame) {
    must(protect_page(other), "protecting a page");
    unprotect_this(address, frame);
}
// Both in one hypercall, and the flush in a second.
static void protect_other_by_slot(uint64_t address, struct fault_frame *frame) {
    (void)frame;
    const unsigned page = page_of(address);
    const struct xen_update updates[] = {{space_slot(other), space_readable[other]},
                                         {space_slot(page), space_writable[page]}};
    const struct xen_operation flush = {XEN_FLUSH_PAGE_LOCAL, space_page(other), 0};
    must(xen_mmu_update(updates, 2) | xen_mmuext(&flush, 1), "changing the protection of two pages");
}

static volatile uint64_t asked = REGION;
static uint32_t dirty(void) {
    (void)touched();
    const uint64_t address = asked;
    const uint32_t before = bench_stamp();
    const bool is = (space_entries[page_of(address)] & ENTRY_DIRTY) != 0;
    __asm__ volatile("" ::"r"(is));
    const uint32_t after = bench_stamp();
    return is ? after - before : bench_trouble("a page that was written to is not dirty");
}

static uint32_t store_to(unsigned page) {
    const struct bench_touch stamps = mode->touch(space_page(page));
    return stamps.after - stamps.before;
}

static uint32_t trap(void) {
    fault_handler = skip_store;
    const uint32_t instructions = store_to(0);
    return space_entries[0] & ENTRY_WRITE ? bench_trouble("the page was not protected") : instructions;
}

static uint32_t appel1(void (*handler)(uint64_t, struct fault_frame *)) {
    static unsigned page; // protected, from the sample before
    must(protect_page(page), "protecting a page");
    other = (page + 37) % PAGES; // 37 and 100 have no common divisor: every page has its turn
    fault_handler = handler;
    const uint32_t instructions = store_to(page);
    if ((space_entries[page] & ENTRY_WRITE) == 0 || (space_entries[other] & ENTRY_WRITE) != 0)
        return bench_trouble("the handler did not change both pages");
    page = other;
    return instructions;
}
static uint32_t appel1_by_address(void) {
    return appel1(protect_other);
}
static uint32_t appel1_by_slot(void) {
    return appel1(protect_other_by_slot);
}

static uint32_t walked(void) {
    const struct bench_touch stamps = mode->walk(space_order, PAGES);
    return stamps.after - stamps.before;
}

[[gnu::always_inline]] static inline uint32_t appel2(int64_t (*protect)(void)) {
    must(unprotect_batch(), "unprotecting pages");
    fault_handler = unprotect_this;
    const uint32_t before = bench_stamp();
    const int64_t result = protect();
    const uint32_t protecting = bench_stamp() - before - bench_empty();
    const uint32_t trapping = walked();
    if (result != 0) return bench_trouble("Xen refused to protect pages");
    for (unsigned i = 0; i < PAGES; i++)
        if ((space_entries[i] & ENTRY_WRITE) == 0) return bench_trouble("a page was not visited");
    return protecting + trapping;
}
static uint32_t appel2_by_batch(void) {
    return appel2(protect_batch);
}
static uint32_t appel2_by_table(void) {
    return appel2(protect_table);
}

// A random order (Fisher and Yates), the same in every run.
static void shuffle(void) {
    uint64_t random = 1;
    for (unsigned i = 0; i < PAGES; i++) space_order[i] = space_page(i);
    for (unsigned i = PAGES - 1; i > 0; i--) {
        random = random * 6364136223846793005 + 1442695040888963407;
        const unsigned with = (unsigned)((random >> 33) % (i + 1));
        const uint64_t swap = space_order[i];
        space_order[i] = space_order[with];
        space_order[with] = swap;
    }
}

void measure_appel_li(void) {
    const uint32_t empty = touched();
    measure("appel-li.dirty", "its page-table entry, read", dirty, bench_empty());
    must(protect_page(0), "protecting a page");
    measure("appel-li.trap", "the handler skips the store", trap, empty);
    must(unprotect_page(0), "unprotecting a page");
    MEASURE_CHEAPEST("appel-li.appel1", nullptr, empty, {"two update_va_mapping", appel1_by_address, 0},
                     {"mmu_update of 2 and invlpg", appel1_by_slot, 0});
    must(unprotect_batch(), "unprotecting pages");
    shuffle();
    MEASURE_CHEAPEST("appel-li.appel2", nullptr, walked(),
                     {"mmu_update of 100, update_va_mapping in the handler", appel2_by_batch, PAGES},
                     {"a table taken out, update_va_mapping in the handler", appel2_by_table, PAGES});
    must(unprotect_batch(), "unprotecting pages");
}
