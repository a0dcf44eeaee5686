// SPDX-License-Identifier: MIT
// Protection of 1 and of 100 pages changed by the guest kernel, in each of the ways that Xen offers. A sample counts
// only if the page tables say so afterwards, and if a store to the first page faults or does not accordingly.
//
// Not done: keeping two page tables for the same pages, one without write rights, and exchanging them, or taking the
// right in the entry above them. Either changes 2 MiB at once, whatever pages are meant.
#include "peers/xen/protect.h"

// What a batch takes is prepared once: neither frames nor slots change from one time to the next.
struct batch {
    struct xen_update updates[PAGES];
    struct xen_call calls[PAGES];
};
static struct batch readable, writable;
static const struct xen_operation flush_all = {XEN_FLUSH_LOCAL, 0, 0}, flush_page = {XEN_FLUSH_PAGE_LOCAL, REGION, 0};
static volatile unsigned faults;

static void fill(struct batch *batch, const uint64_t *entries, uint64_t last_flush) {
    for (unsigned i = 0; i < PAGES; i++) {
        batch->updates[i] = (struct xen_update){space_slot(i), entries[i]};
        batch->calls[i] = (struct xen_call){XEN_UPDATE_VA_MAPPING, 0, {space_page(i), entries[i]}};
    }
    batch->calls[PAGES - 1].arguments[2] = last_flush;
}

void protect_prepare(void) {
    fill(&readable, space_readable, XEN_FLUSH_ALL);
    fill(&writable, space_writable, XEN_FLUSH_NONE);
}

int64_t protect_batch(void) {
    const int64_t result = xen_mmu_update(readable.updates, PAGES);
    return result != 0 ? result : xen_mmuext(&flush_all, 1);
}
int64_t unprotect_batch(void) {
    return xen_mmu_update(writable.updates, PAGES);
}

int64_t protect_table(void) {
    const int64_t result = space_rewrite(space_readable);
    return result != 0 ? result : xen_mmuext(&flush_all, 1);
}
int64_t unprotect_table(void) {
    return space_rewrite(space_writable);
}

static void skip_store(uint64_t address, struct fault_frame *frame) {
    (void)address;
    faults++;
    frame->rip += BENCH_STORE_BYTES;
}

// The sample, if the change has been made for `pages` pages.
static uint32_t checked(uint32_t instructions, int64_t result, unsigned pages, bool writable) {
    if (result != 0) return bench_trouble("Xen refused to change a mapping");
    for (unsigned i = 0; i < pages; i++)
        if (((space_entries[i] & ENTRY_WRITE) != 0) != writable) return bench_trouble("a page's entry did not change");
    fault_handler = skip_store;
    faults = 0;
    (void)mode->touch(space_page(0));
    if (faults != (writable ? 0 : 1)) return bench_trouble("the processor did not see the changed entry");
    return instructions;
}

static void all_writable(void) {
    must(unprotect_batch(), "unprotecting pages");
    (void)touched();
}

static uint32_t protect1(void) {
    all_writable();
    const uint32_t before = bench_stamp();
    const int64_t result = protect_page(0);
    return checked(bench_stamp() - before, result, 1, false);
}
static uint32_t protect1_by_slot(void) {
    all_writable();
    const uint32_t before = bench_stamp();
    const int64_t result = xen_mmu_update(readable.updates, 1) | xen_mmuext(&flush_page, 1);
    return checked(bench_stamp() - before, result, 1, false);
}
static uint32_t unprotect1(void) {
    must(protect_page(0), "protecting a page");
    const uint32_t before = bench_stamp();
    const int64_t result = unprotect_page(0);
    return checked(bench_stamp() - before, result, 1, true);
}
static uint32_t unprotect1_by_slot(void) {
    must(protect_page(0), "protecting a page");
    const uint32_t before = bench_stamp();
    const int64_t result = xen_mmu_update(writable.updates, 1);
    return checked(bench_stamp() - before, result, 1, true);
}
[[gnu::always_inline]] static inline uint32_t protect100(int64_t (*protect)(void)) {
    all_writable();
    const uint32_t before = bench_stamp();
    const int64_t result = protect();
    return checked(bench_stamp() - before, result, PAGES, false);
}
static uint32_t protect100_by_batch(void) {
    return protect100(protect_batch);
}
static uint32_t protect100_by_table(void) {
    return protect100(protect_table);
}
static int64_t protect_one_by_one(void) {
    return xen_multicall(readable.calls, PAGES);
}
static uint32_t protect100_one_by_one(void) {
    return protect100(protect_one_by_one);
}

[[gnu::always_inline]] static inline uint32_t unprotect100(int64_t (*unprotect)(void)) {
    must(protect_batch(), "protecting pages");
    const uint32_t before = bench_stamp();
    const int64_t result = unprotect();
    return checked(bench_stamp() - before, result, PAGES, true);
}
static uint32_t unprotect100_by_batch(void) {
    return unprotect100(unprotect_batch);
}
static uint32_t unprotect100_by_table(void) {
    return unprotect100(unprotect_table);
}
static int64_t unprotect_one_by_one(void) {
    return xen_multicall(writable.calls, PAGES);
}
static uint32_t unprotect100_one_by_one(void) {
    return unprotect100(unprotect_one_by_one);
}

void measure_protection(void) {
    protect_prepare();
    const uint32_t empty = bench_empty();
    MEASURE_CHEAPEST("prot1", "appel-li.prot1", empty, {"update_va_mapping with invlpg", protect1, 0},
                     {"mmu_update, mmuext_op to invlpg", protect1_by_slot, 0});
    MEASURE_CHEAPEST("unprot1", nullptr, empty, {"update_va_mapping", unprotect1, 0},
                     {"mmu_update", unprotect1_by_slot, 0});
    MEASURE_CHEAPEST("prot100", "appel-li.prot100", empty, {"one mmu_update, a flush", protect100_by_batch, 0},
                     {"multicall of 100 update_va_mapping", protect100_one_by_one, 0},
                     {"the table taken out, written and put back, a flush", protect100_by_table, 0});
    MEASURE_CHEAPEST("unprot100", "appel-li.unprot100", empty, {"one mmu_update", unprotect100_by_batch, 0},
                     {"multicall of 100 update_va_mapping", unprotect100_one_by_one, 0},
                     {"the table taken out, written and put back", unprotect100_by_table, 0});
    all_writable();
}
