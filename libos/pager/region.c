// SPDX-License-Identifier: MIT
// Regions outside of faults: attaching, announcing references, writing back on demand, statistics and their report.
#include "libos/pager/latency.h"
#include "libos/pager/recording.h"
#include "libos/pager/resident.h"
#include "libos/pager/sequence.h"
#include "libos/pager/trace.h"
#include "libos/pager/transit.h"
#include <string.h>

constexpr size_t NAME_MOST = 40;

struct pager_region pager_regions[PAGER_REGIONS];
unsigned pager_region_count;
static const char *problem = "no problem";

const char *pager_problem(void) {
    return problem;
}

static struct pager_region *refuse(const char *why) {
    problem = why;
    return nullptr;
}

struct pager_budget *pager_budget(uint64_t frames) {
    if (frames == 0 || frames >= 1ull << 31) {
        problem = "a budget must have 1 to 2^31 - 1 frames";
        return nullptr;
    }
    struct pager_budget *budget = budget_make((uint32_t)frames);
    if (budget == nullptr) problem = "fewer frames are left than the budget";
    return budget;
}

struct pager_budget *pager_budget_open(uint64_t most) {
    struct pager_budget *budget = most == 0 || most >= 1ull << 31 ? nullptr : budget_open((uint32_t)most);
    if (budget == nullptr) problem = "no memory for the tables of a budget";
    return budget;
}

uint64_t pager_budget_left(const struct pager_budget *budget) {
    return budget->free_count;
}

void pager_budget_level(struct pager_budget *budget) {
    budget->levels = true;
}

struct pager_region *pager_region_at(const void *address) {
    return region_of((uint64_t)address);
}

uint64_t pager_page_at(const struct pager_region *region, const void *address) {
    return ((uint64_t)address - region->options.first.raw) / EXO_PAGE_SIZE;
}

void region_disk_failed(const struct pager_region *region, enum exo_error error, const char *what, uint32_t page) {
    machine_fail("region %s: page %u: %s failed, error %lu, block %lu", region->options.name, page, what,
                 (uint64_t)error, region_block(region, page));
}

static bool has_transit(const struct pager_options *options) {
    return options->readahead != nullptr || options->cluster > 1;
}

static const char *wrong_with(const struct pager_options *options) {
    uint64_t end = options->first.raw + options->pages * EXO_PAGE_SIZE;
    if (options->policy == nullptr) return "no policy of this name";
    if (strnlen(options->name, NAME_MOST + 1) > NAME_MOST) return "its name is too long";
    if (options->first.raw % EXO_PAGE_SIZE != 0) return "it must start on a page";
    if (options->pages == 0 || options->pages >= 1ull << 31) return "it must have 1 to 2^31 - 1 pages";
    if (options->record && options->pages > RECORDED_PAGES) return "it has too many pages to be recorded";
    if (options->frames < options->policy->minimum) return "the policy needs more frames";
    if (options->policy->surplus != nullptr && options->frames >= 1ull << 31)
        return "the policy needs fewer than 2^31 frames";
    if (options->budget != nullptr && has_transit(options))
        return "read-ahead and clustered write-back need a budget of the region's own";
    if (has_transit(options) && transit_plan(options).slots == 0)
        return "the policy, read-ahead and clustered write-back need more frames, or fewer than 2^24";
    for (unsigned i = 0; i < pager_region_count; i++) {
        const struct pager_options *other = &pager_regions[i].options;
        if (options->first.raw < other->first.raw + other->pages * EXO_PAGE_SIZE && other->first.raw < end) {
            return "it overlaps another region";
        }
    }
    return pager_region_count == PAGER_REGIONS ? "there are too many regions" : nullptr;
}

// A policy has no use for more frames than there are pages, unless it gives frames up: then how many it has matters.
static uint32_t useful_frames(const struct pager_options *options) {
    const bool all = options->frames < options->pages || options->policy->surplus != nullptr;
    return (uint32_t)(all ? options->frames : options->pages);
}

struct pager_region *pager_attach(const struct pager_options *options) {
    const char *wrong = wrong_with(options);
    if (wrong != nullptr) return refuse(wrong);
    struct pager_region *region = &pager_regions[pager_region_count];
    const uint32_t pages = (uint32_t)options->pages;
    struct transit_plan plan = {.slots = useful_frames(options)};
    if (has_transit(options)) plan = transit_plan(options);
    const uint32_t slots = plan.slots;
    *region = (struct pager_region){
        .options = *options,
        .slots = slots,
        .limit = slots,
        .state = machine_memory(options->policy->state_size(slots, pages + 1)),
        .slot_of = machine_memory(pages * sizeof(uint32_t)),
        .page_in = machine_memory(slots * sizeof(uint32_t)),
        .empty = machine_memory(slots * sizeof(uint32_t)),
        .frame_of = machine_memory(slots * sizeof(uint32_t)),
        .stored = machine_memory(pages),
        .references = UINT64_MAX,
        .stamped = options->trace || options->measure,
        .statistics.sequence = SEQUENCE_START,
    };
    if (region->state == nullptr || region->slot_of == nullptr || region->page_in == nullptr || region->empty == nullptr
        || region->frame_of == nullptr || region->stored == nullptr || !machine_reserve(options->first, pages)
        || !record_attach(region) || !latency_attach(region)
        || (has_transit(options) && !transit_attach(region, &plan, slots + plan.spare))) {
        return refuse("no memory for its tables");
    }
    region->budget = options->budget != nullptr ? options->budget : budget_make(slots + plan.spare);
    if (region->budget == nullptr) return refuse("fewer frames are left than its budget");
    for (uint32_t slot = 0; slot < slots; slot++) region->page_in[slot] = POLICY_NONE;
    region->entries = machine_entries(options->first);
    for (uint32_t page = 0; page < pages; page++) {
        region->slot_of[page] = POLICY_NONE;
        region->stored[page] = options->backed ? PAGE_STORED : PAGE_ZERO;
    }
    region->view = view_of(region);
    options->policy->start(region->state, &region->view);
    pager_region_count++;
    return region;
}

void pager_limit(struct pager_region *region, uint64_t frames) {
    const uint32_t least = region->options.policy->minimum;
    region->limit = frames < least ? least : frames > region->slots ? region->slots : (uint32_t)frames;
}

uint64_t pager_trim(struct pager_region *region) {
    uint64_t gone = 0;
    for (; region->resident > region->limit; gone++) resident_release(region);
    return gone;
}

uint64_t pager_resident(const struct pager_region *region) {
    return region->resident;
}

bool pager_sync(struct pager_region *region) {
    if (region->transit != nullptr && !writeback_finish(region)) return false;
    for (uint32_t slot = 0; slot < region->used; slot++) {
        uint32_t page = region->page_in[slot];
        if (page == POLICY_NONE) continue;
        const bool dirty = (region->entries[page] | record_bits(region, slot)) & EXO_ENTRY_DIRTY;
        if (!dirty && region->stored[page] != PAGE_OWED) continue;
        record_clear(region, slot, EXO_ENTRY_DIRTY);
        machine_clear(region_address(region, page), EXO_ENTRY_DIRTY); // before the write: a later store sets it again
        if (!machine_disk_start(EXO_RING_WRITE, region_frame(region, slot), region_block(region, page))
            || machine_disk_finish() != EXO_OK) {
            return false;
        }
        region->stored[page] = PAGE_STORED;
        region->statistics.writebacks++;
    }
    return true;
}

struct pager_statistics pager_statistics(const struct pager_region *region) {
    return region->statistics;
}

void pager_references(struct pager_region *region, uint64_t references) {
    region->references = references;
}

bool pager_future(struct pager_region *region, uint64_t references, const volatile uint64_t *position) {
    const uint64_t pages = region->options.pages;
    if (references >= POLICY_NONE) return false;
    region->next = machine_memory(references * sizeof(uint32_t));
    region->cursor = machine_memory(pages * sizeof(uint32_t));
    region->latest = machine_memory(pages * sizeof(uint32_t));
    if (region->next == nullptr || region->cursor == nullptr || region->latest == nullptr) return false;
    for (uint64_t page = 0; page < pages; page++) region->cursor[page] = region->latest[page] = POLICY_NONE;
    region->future_length = references;
    region->future_added = 0;
    region->options.position = position;
    return true;
}

void pager_future_add(struct pager_region *region, uint32_t page) {
    if (region->future_added == region->future_length || page >= region->options.pages) {
        machine_fail("region %s: reference %lu, to page %u, was announced in excess", region->options.name,
                     region->future_added, page);
    }
    const uint32_t here = (uint32_t)region->future_added++;
    uint32_t latest = region->latest[page];
    region->next[here] = POLICY_NONE;
    if (latest == POLICY_NONE)
        region->cursor[page] = here;
    else
        region->next[latest] = here;
    region->latest[page] = here;
}

// The decimal digits of a number, ending at the end of `text`.
static const char *decimal(uint64_t number, char text[21]) {
    char *at = text + 20;
    *at = '\0';
    do *--at = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    return at;
}

static const char *known(uint64_t number, char text[21]) {
    return number == UINT64_MAX ? "null" : decimal(number, text);
}

static void report_region(const struct pager_region *region) {
    const struct pager_statistics *counts = &region->statistics;
    char references[21], sum[21];
    machine_report("{\"event\":\"pager\",\"job\":%lu,\"region\":\"%s\",\"policy\":\"%s\",\"frames\":%lu,"
                   "\"references\":%s,\"faults\":%lu,\"reads\":%lu,\"writebacks\":%lu,\"policy_instructions\":%lu,"
                   "\"pages\":%lu,\"sequence\":\"%016lx\",\"soft_faults\":%lu,\"resident_sum\":%s,"
                   "\"dismissed\":%lu}",
                   region->options.job, region->options.name, region->options.policy->name, region->options.frames,
                   known(region->references, references), counts->faults, counts->reads, counts->writebacks,
                   counts->policy_time, region->options.pages, counts->sequence, counts->soft_faults,
                   known(resident_sum(region, region->references), sum), counts->dismissed);
}

void pager_report(void) {
    for (unsigned i = 0; i < pager_region_count; i++) {
        record_finish(&pager_regions[i]);
        report_region(&pager_regions[i]);
        latency_report(&pager_regions[i]);
        if (pager_regions[i].transit != nullptr) transit_report(&pager_regions[i]);
    }
    trace_report();
}
