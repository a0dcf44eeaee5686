// SPDX-License-Identifier: MIT
// Recording the reference string of a region, by keeping as a rule a single page of it mapped: each change of page is
// then a fault, though for a page that is in memory only a soft one, which costs two calls and no policy is told of.
// What is recorded are page runs ("12R 13W": one or more reads of page 12, then accesses to 13 with a write among
// them), in events "pages". Replayed in the simulator the string gives this run's faults, write-backs and reads, and
// those of any other policy and number of frames, as far as the program does the same.
//
// The accessed and dirty bits of pages that are closed (in memory, not mapped) are kept here in software, so policies
// see what they would see in a run that is not recorded.
//
// An instruction may need several pages at once and would fault for ever. So a soft fault that an instruction has had
// before without getting through (streak.h) leaves the other pages open. A real fault always closes all others, so that
// what is accessed between two real faults is recorded completely, and only that decides what the policies see. One
// thing is not as in the simulator: if such an instruction has a second real fault, the page of its first one has not
// been accessed yet.
#include "libos/pager/region.h"
#include "libos/pager/streak.h"

struct recorder {
    uint32_t open[STREAK_PAGES]; // mapped pages, oldest first; all of them are in the present streak
    unsigned open_count;
    uint64_t runs;
    unsigned used; // of `line`
    char line[MACHINE_LINE - 128];
    uint8_t bits[]; // slot → POLICY_ACCESSED | POLICY_DIRTY while closed
};

bool record_attach(struct pager_region *region) {
    if (!region->options.record) return true;
    region->recorder = machine_memory(sizeof(struct recorder) + region->slots);
    return region->recorder != nullptr;
}

uint64_t record_kept_bits(const struct pager_region *region, uint32_t slot) {
    uint8_t bits = region->recorder->bits[slot];
    return (bits & POLICY_ACCESSED ? EXO_ENTRY_ACCESSED : 0) | (bits & POLICY_DIRTY ? EXO_ENTRY_DIRTY : 0);
}

void record_forget(struct pager_region *region, uint32_t slot, uint64_t bits) {
    if (bits & EXO_ENTRY_ACCESSED) region->recorder->bits[slot] &= (uint8_t)~POLICY_ACCESSED;
    if (bits & EXO_ENTRY_DIRTY) region->recorder->bits[slot] &= (uint8_t)~POLICY_DIRTY;
}

static void flush(struct pager_region *region) {
    struct recorder *recorder = region->recorder;
    if (recorder->used == 0) return;
    machine_report("{\"event\":\"pages\",\"job\":%lu,\"region\":\"%s\",\"pages\":\"%.*s\"}", region->options.job,
                   region->options.name, (int)recorder->used, recorder->line);
    recorder->used = 0;
}

static void append(struct pager_region *region, uint32_t page, bool wrote) {
    struct recorder *recorder = region->recorder;
    char digits[10];
    unsigned count = 0;
    do digits[count++] = (char)('0' + page % 10);
    while ((page /= 10) != 0);
    if (recorder->used + count + 2 > sizeof recorder->line) flush(region);
    if (recorder->used > 0) recorder->line[recorder->used++] = ' ';
    while (count > 0) recorder->line[recorder->used++] = digits[--count];
    recorder->line[recorder->used++] = wrote ? 'W' : 'R';
    recorder->runs++;
}

// Closes the oldest open page: unmaps it, keeps its bits, and records its run.
static void close_oldest(struct pager_region *region) {
    struct recorder *recorder = region->recorder;
    uint32_t page = recorder->open[0];
    uint64_t old = machine_unbind(region_address(region, page));
    recorder->open_count--;
    for (unsigned i = 0; i < recorder->open_count; i++) recorder->open[i] = recorder->open[i + 1];
    recorder->bits[region->slot_of[page]] |=
        (old & EXO_ENTRY_ACCESSED ? POLICY_ACCESSED : 0) | (old & EXO_ENTRY_DIRTY ? POLICY_DIRTY : 0);
    append(region, page, old & EXO_ENTRY_DIRTY);
}

static void close_all(struct pager_region *region) {
    while (region->recorder->open_count > 0) close_oldest(region);
}

static void open_page(struct pager_region *region, uint32_t page) {
    struct recorder *recorder = region->recorder;
    recorder->open[recorder->open_count++] = page;
}

static void serve_soft(struct pager_region *region, uint32_t page, bool again) {
    if (!again) close_all(region);
    if (!machine_bind(region_address(region, page), region_frame(region, region->slot_of[page]))) {
        machine_fail("region %s: the kernel refused to bind page %u again", region->options.name, page);
    }
    open_page(region, page);
}

bool record_serve(struct pager_region *region, uint32_t page, bool again) {
    if (region->slot_of[page] != POLICY_NONE) {
        serve_soft(region, page, again);
        return true;
    }
    close_all(region);
    open_page(region, page); // fault_bind maps it
    return false;
}

void record_finish(struct pager_region *region) {
    if (region->recorder == nullptr) return;
    close_all(region);
    flush(region);
    region->references = region->recorder->runs;
}
