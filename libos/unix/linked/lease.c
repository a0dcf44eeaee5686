// SPDX-License-Identifier: MIT
// Leased frames, see lease.h. They are looked after at every fault and at the beginning of every slice, so that a
// program that has stopped to fault gives frames back, too.
//
// The event handler interrupts the program anywhere, except where events are held. It uses the pager and its disk
// client, so whatever else does that outside of a fault holds events meanwhile (memory.c, region.c).
#include "libos/unix/linked/lease.h"
#include "libos/core/frames.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include "libos/pager/machine.h"
#include "pe/stubs.h"

static struct pager_budget *budget;
struct pager_region *lease_region;

static struct start_lease *lease(void) {
    return &start->lease;
}

static uint64_t read(const uint64_t *counter) {
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void count_up(uint64_t *counter) {
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELEASE);
}

bool lease_given(void) {
    return lease()->count != 0;
}

struct pager_budget *lease_budget(uint64_t *most) {
    if (budget != nullptr) pe_fail("frames that move between applications are for one region, and there are two");
    budget = pager_budget_open(lease()->count);
    frames_leased = machine_memory(lease()->count * sizeof *frames_leased);
    if (budget == nullptr || frames_leased == nullptr)
        pe_fail("no memory for the tables of %lu frames", lease()->count);
    *most = lease()->count;
    return budget;
}

// A frame comes as type free, so it is zeroed as it becomes data: nothing of its last holder is seen.
static void take_offers(void) {
    struct start_lease *from = lease();
    while (from->taken != read(&from->lent)) {
        const typeof(from->offers[0]) offer = from->offers[from->taken % START_LEASE_RING];
        frames_leased[offer.frame.raw - from->first.raw] = offer.handle;
        if (exo_frame_retype(offer.handle, offer.frame, 1, EXO_FRAME_DATA).error != EXO_OK
            || !pager_budget_add(budget, offer.frame))
            pe_fail("frame %#lx is offered and cannot be used", offer.frame.raw);
        count_up(&from->taken);
    }
}

static void give_back(void) {
    struct start_lease *to = lease();
    while (pager_budget_frames(budget) > read(&to->target) && to->given - read(&to->collected) < START_LEASE_RING) {
        const exo_frame frame = pager_budget_remove(budget);
        if (frame.raw == 0) break;
        to->returns[to->given % START_LEASE_RING] = frame;
        count_up(&to->given);
    }
}

void lease_serve(void) {
    take_offers();
    pager_limit(lease_region, read(&lease()->target));
    (void)pager_trim(lease_region);
    give_back();
    __atomic_store_n(&lease()->faults, pager_statistics(lease_region).faults, __ATOMIC_RELAXED);
}

// Held back where there is nothing to look after, so that other programs' slices begin as ever.
static void events(bool wanted) {
    constexpr uint64_t bit = 1ull << EXO_EVENT_slice_begin;
    if (wanted)
        __atomic_fetch_and(&pe_page()->mask, ~bit, __ATOMIC_RELAXED);
    else
        __atomic_fetch_or(&pe_page()->mask, bit, __ATOMIC_RELAXED);
}

void pe_on_slice_begin(void) {
    if (lease_region == nullptr)
        events(false);
    else
        lease_serve();
}

void lease_begin(struct pager_region *region) {
    lease_region = region;
    while (pager_budget_frames(budget) < read(&lease()->target)) {
        const uint64_t held = events_hold();
        lease_serve();
        events_release(held);
        (void)exo_pe_yield(EXO_NO_HANDLE);
    }
    events(true);
}

void lease_end(void) {
    events(false);
}
