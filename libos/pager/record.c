// SPDX-License-Identifier: MIT
// Seeing the references of a region, by keeping as a rule a single page of it mapped: each change of page is then a
// fault, though for a page that is in memory only a soft one, which costs two calls and moves nothing. It serves two
// ends, one or both at a time:
//
// Following (for policies that see every reference, or whose clock counts them): the policy is told of each change of
// page. If the program says how many references it has made (options.position), the repeats between two changes are
// told as well, when the change is seen; nothing depends on them before.
//
// Recording (options.record): page runs ("12R 13W": one or more reads of page 12, then accesses to 13 with a write
// among them) are kept as words (recording.h), and how many there are is reported in an event "references". Replayed in
// the simulator the string gives this run's faults, write-backs and reads, and those of any other policy and number of
// frames, as far as the program does the same.
//
// The accessed and dirty bits of pages that are closed (in memory, not mapped) are kept here in software, so policies
// see what they would see in a run that has none of this.
//
// An instruction may need several pages at once and would fault for ever. So the pages of the instruction in progress
// (streak.h) stay open together, and are recorded together: "12R +13W". They are told in the order in which the
// instruction touches them, which is not always that of their faults: a page that it touches before may be open from
// the instruction before, and then faults only after it was closed. A page that the instruction has not reached has not
// been accessed when another one faults; this tells the order. "M" is a page that was read before the next one was
// touched and written when all were there, by this instruction or until the next change of page.
//
// Accesses of pages that are open are not seen, but for their bits. None is missed: while the pages of one instruction
// are open no fault takes a page, so all that happens until the next fault is as if it were done by that instruction.
#include "libos/pager/recording.h"
#include "libos/pager/resident.h"
#include "libos/pager/streak.h"

struct member {
    uint32_t page;
    bool early; // written when a further page faulted
};

struct recorder {
    // The pages of the instruction that has opened pages last, in the order in which it touches them. They are mapped,
    // but for those that it has lost while it is in progress.
    struct member member[STREAK_PAGES];
    unsigned count;
    uint64_t streak; // its number
    bool follows;
    uint64_t changes; // of page, the present one included
    uint64_t time;    // number of the reference that is being shown
    uint32_t last;    // page of that reference, POLICY_NONE
    uint8_t bits[];   // slot → POLICY_ACCESSED | POLICY_DIRTY while closed
};

bool record_attach(struct pager_region *region) {
    const struct pager_options *options = &region->options;
    const struct policy *policy = options->policy;
    const bool follows = policy->touched != nullptr
                         || (policy->surplus != nullptr && policy->sees >= POLICY_SEES_REFERENCES)
                         || (policy->timed && options->position == nullptr);
    if (!options->record && !follows) return true;
    region->recorder = machine_memory(sizeof(struct recorder) + region->slots);
    if (region->recorder == nullptr) return false;
    region->recorder->follows = follows;
    region->recorder->last = POLICY_NONE;
    return true;
}

uint8_t *record_kept(const struct pager_region *region) {
    return region->recorder->bits;
}

uint64_t record_kept_bits(const struct pager_region *region, uint32_t slot) {
    uint8_t bits = region->recorder->bits[slot];
    return (bits & POLICY_ACCESSED ? EXO_ENTRY_ACCESSED : 0) | (bits & POLICY_DIRTY ? EXO_ENTRY_DIRTY : 0);
}

void record_forget(struct pager_region *region, uint32_t slot, uint64_t bits) {
    if (bits & EXO_ENTRY_ACCESSED) region->recorder->bits[slot] &= (uint8_t)~POLICY_ACCESSED;
    if (bits & EXO_ENTRY_DIRTY) region->recorder->bits[slot] &= (uint8_t)~POLICY_DIRTY;
}

static bool is_open(const struct pager_region *region, uint32_t page) {
    return region->entries[page] & EXO_ENTRY_PRESENT;
}

// Unmaps an open page and keeps its bits; returns the old entry, 0 if it is not open.
static uint64_t close_page(struct pager_region *region, uint32_t page) {
    if (!is_open(region, page)) return 0;
    const uint64_t old = machine_unbind(region_address(region, page));
    region->recorder->bits[region->slot_of[page]] |=
        (old & EXO_ENTRY_ACCESSED ? POLICY_ACCESSED : 0) | (old & EXO_ENTRY_DIRTY ? POLICY_DIRTY : 0);
    return old;
}

void record_close(struct pager_region *region) {
    struct recorder *recorder = region->recorder;
    if (recorder == nullptr) return;
    for (unsigned i = 0; i < recorder->count; i++) {
        const struct member *member = &recorder->member[i];
        const bool wrote = close_page(region, member->page) & EXO_ENTRY_DIRTY, last = i + 1 == recorder->count;
        const enum recorded_kind kind = member->early || (wrote && last) ? RECORDED_WRITE
                                        : wrote                          ? RECORDED_LATE
                                                                         : RECORDED_READ;
        if (region->options.record)
            machine_record(member->page << RECORDED_SHIFT | (i > 0 ? RECORDED_JOINED : 0) | kind);
    }
    recorder->count = 0;
    recorder->streak = 0;
}

// Makes room for one more of the instruction's pages, before those that it has not reached yet.
static void join(struct pager_region *region, uint32_t page) {
    struct recorder *recorder = region->recorder;
    unsigned at = 0;
    if (recorder->count == STREAK_PAGES) streak_too_long();
    while (at < recorder->count && is_open(region, recorder->member[at].page)
           && region->entries[recorder->member[at].page] & EXO_ENTRY_ACCESSED) {
        at++;
    }
    for (unsigned i = recorder->count++; i > at; i--) recorder->member[i] = recorder->member[i - 1];
    recorder->member[at] = (struct member){page, false};
}

static bool is_member(const struct recorder *recorder, uint32_t page) {
    for (unsigned i = 0; i < recorder->count; i++) {
        if (recorder->member[i].page == page) return true;
    }
    return false;
}

void record_loses(struct pager_region *region, uint32_t page) {
    struct recorder *recorder = region->recorder;
    if (recorder == nullptr || !(is_open(region, page) && region->entries[page] & EXO_ENTRY_DIRTY)) return;
    for (unsigned i = 0; i < recorder->count; i++) {
        if (recorder->member[i].page == page) recorder->member[i].early = true;
    }
}

static void note_writes(struct pager_region *region) {
    struct recorder *recorder = region->recorder;
    for (unsigned i = 0; i < recorder->count; i++) {
        struct member *member = &recorder->member[i];
        if (is_open(region, member->page) && region->entries[member->page] & EXO_ENTRY_DIRTY) member->early = true;
    }
}

// ---- following ----

uint64_t record_time(const struct pager_region *region) {
    return region->recorder->time;
}

static void touch(struct pager_region *region, uint32_t page) {
    const struct policy *policy = region->options.policy;
    if (policy->touched != nullptr && region->slot_of[page] != POLICY_NONE)
        REGION_TIMED(region, policy->touched(region->state, region->slot_of[page]));
}

// A reference before it is served.
static void begin(struct pager_region *region, uint64_t time) {
    region->recorder->time = time;
    if (region->options.policy->sees >= POLICY_SEES_REFERENCES) resident_give_up(region);
}

// Tells of the repeats of the last page before a reference.
static void repeat_until(struct pager_region *region, uint64_t time) {
    struct recorder *recorder = region->recorder;
    while (recorder->last != POLICY_NONE && recorder->time + 1 < time) {
        begin(region, recorder->time + 1);
        touch(region, recorder->last);
    }
}

// A change of page. Nothing is given up for those after an instruction's first.
static void change(struct pager_region *region, uint32_t page, bool first) {
    struct recorder *recorder = region->recorder;
    const uint64_t number = recorder->changes++;
    const uint64_t time = region->options.position != nullptr ? *region->options.position : number;
    if (!first || !recorder->follows) {
        recorder->time = time;
    } else {
        repeat_until(region, time);
        begin(region, time);
    }
    recorder->last = page;
}

// ---- faults ----

static void serve_soft(struct pager_region *region, uint32_t page) {
    if (!machine_bind(region_address(region, page), region_frame(region, region->slot_of[page]))) {
        machine_fail("region %s: the kernel refused to bind page %u again", region->options.name, page);
    }
    region->statistics.soft_faults++;
    if (region->recorder->follows) touch(region, page);
}

// A fault of an instruction that has opened pages before.
static void serve_further(struct pager_region *region, uint32_t page) {
    note_writes(region);
    if (is_member(region->recorder, page)) return;
    join(region, page);
    change(region, page, false);
}

bool record_serve(struct pager_region *region, uint32_t page, uint64_t streak) {
    struct recorder *recorder = region->recorder;
    if (recorder->streak == streak) {
        serve_further(region, page);
    } else {
        record_close(region);
        recorder->streak = streak;
        recorder->member[0] = (struct member){page, false};
        recorder->count = 1;
        change(region, page, true);
    }
    if (region->slot_of[page] == POLICY_NONE) return false;
    serve_soft(region, page);
    return true;
}

void record_served(struct pager_region *region, uint32_t page) {
    if (region->recorder->follows) touch(region, page);
}

void record_finish(struct pager_region *region) {
    struct recorder *recorder = region->recorder;
    if (recorder == nullptr) return;
    record_close(region);
    if (region->options.record)
        machine_report("{\"event\":\"references\",\"job\":%lu,\"region\":\"%s\",\"count\":%lu}", region->options.job,
                       region->options.name, machine_recorded());
    if (region->references == UINT64_MAX) region->references = recorder->changes;
    if (recorder->follows && region->options.position != nullptr) repeat_until(region, region->references);
}
