// SPDX-License-Identifier: MIT
// Frames that move between the jobs of a group, each of which has a library OS and a policy of its own. Init lends them
// out, and once in a round of the slice vector it looks at how often each job faults and says how many each is to have
// (share.c). A job that is to have fewer is asked for frames, and chooses them; see struct start_lease.
//
// Each frame has a binding of init's own, from which the binding of its borrower is granted. What is given back is
// revoked before it is lent again, so it is taken back whatever the borrower has done with it, and becomes free, which
// no later holder can look behind. A borrower that gives nothing back for PATIENCE of its own slices loses frames
// without being asked which. Nothing that is read from a borrower's page is trusted but as what it wishes to give back.
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include "libos/init/init.h"
#include "libos/init/share.h"
#include "pe/layout.h"

constexpr unsigned LEASE_MOST = 896; // init's table has about a thousand bindings, and a borrower's as well
constexpr uint8_t NOBODY = UINT8_MAX;
constexpr uint64_t PATIENCE = 64;
static_assert(GROUP_JOBS < NOBODY);

static struct {
    exo_frame first;
    uint64_t count;
    exo_handle handles[LEASE_MOST]; // init's own binding of each
    uint8_t owners[LEASE_MOST];     // place of its borrower
} pool;

static struct borrower {
    struct start_lease *page; // null: none of this job's
    uint64_t lent, collected; // what init has written there
    uint64_t asked;           // slices that the job had begun when it last gave something back, or had to give nothing
    uint64_t start;
} borrowers[GROUP_JOBS];
static struct share_party parties[GROUP_JOBS];

bool lease_begin(const struct child *children, unsigned count, exo_frame *from) {
    uint64_t all = 0;
    pool.count = 0;
    for (unsigned i = 0; i < count; i++) {
        borrowers[i] = (struct borrower){.start = children[i].job->leased};
        parties[i] = (struct share_party){.target = children[i].job->leased};
        if (children[i].job->leased > LEASE_MOST) return false;
        all += children[i].job->leased;
    }
    if (all == 0) return true;
    if (all > LEASE_MOST) return false;
    pool.first = run_find(*from, all);
    if (pool.first.raw == 0) return false;
    pool.count = all;
    for (uint64_t i = 0; i < pool.count; i++) {
        const struct exo_result own =
            exo_binding_derive(first_binding(EXO_FIRST_FRAMES), pool.first.raw + i, 1, EXO_ALL);
        if (own.error != EXO_OK)
            pe_fail("frame %#lx cannot be bound: error %lu", pool.first.raw + i, (uint64_t)own.error);
        pool.handles[i] = (exo_handle){own.value};
        pool.owners[i] = NOBODY;
    }
    from->raw = pool.first.raw + pool.count;
    return true;
}

void lease_tell(const struct child *child, struct start_lease *lease) {
    if (child->job->leased == 0) return;
    *lease = (struct start_lease){.first = pool.first, .count = pool.count, .target = child->job->leased};
}

void lease_watch(const struct child *children, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        if (!children[i].running || children[i].job->leased == 0) continue;
        struct start_info *info = info_map(i, children[i].info);
        if (info == nullptr) pe_fail("the page of job %lu cannot be seen", children[i].number);
        borrowers[i].page = &info->lease;
        parties[i].running = true;
    }
}

// Ends whatever was done with a frame. False: a disk transfer uses it; later.
static bool revoke(uint64_t index) {
    enum exo_error error;
    while ((error = exo_binding_revoke(pool.handles[index]).error) == EXO_AGAIN) {
    }
    if (error == EXO_BUSY) return false;
    if (error != EXO_OK) pe_fail("a leased frame cannot be revoked: error %lu", (uint64_t)error);
    parties[pool.owners[index]].held--;
    pool.owners[index] = NOBODY;
    return true;
}

static void collect(unsigned place) {
    struct borrower *borrower = &borrowers[place];
    const uint64_t given = __atomic_load_n(&borrower->page->given, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < START_LEASE_RING && borrower->collected != given; i++) {
        const exo_frame frame = borrower->page->returns[borrower->collected % START_LEASE_RING];
        const uint64_t index = frame.raw - pool.first.raw;
        if (index < pool.count && pool.owners[index] == place && !revoke(index)) break;
        borrower->collected++;
    }
    __atomic_store_n(&borrower->page->collected, borrower->collected, __ATOMIC_RELEASE);
}

// Takes frames of a job that does not give any back.
static void repossess(const struct child *child, unsigned place) {
    uint64_t frames = 0;
    for (uint64_t index = pool.count; index-- > 0 && parties[place].held > parties[place].target;)
        if (pool.owners[index] == place) frames += revoke(index);
    report("{\"event\":\"repossessed\",\"job\":%lu,\"frames\":%lu}", child->number, frames);
}

static void ask(const struct child *child, unsigned place, uint64_t slices) {
    struct borrower *borrower = &borrowers[place];
    const uint64_t collected = borrower->collected;
    __atomic_store_n(&borrower->page->target, parties[place].target, __ATOMIC_RELEASE);
    collect(place);
    if (borrower->collected != collected || parties[place].held <= parties[place].target)
        borrower->asked = slices;
    else if (slices - borrower->asked > PATIENCE)
        repossess(child, place);
}

static bool lend(const struct child *child, unsigned place, uint64_t index) {
    struct borrower *borrower = &borrowers[place];
    const exo_handle own = pool.handles[index];
    const struct exo_result granted = exo_binding_grant(own, child->pe, pool.first.raw + index, 1, EXO_ALL);
    if (granted.error != EXO_OK) return false; // its table is full, or it has just ended
    borrower->page->offers[borrower->lent % START_LEASE_RING] =
        (typeof(borrower->page->offers[0])){{pool.first.raw + index}, {granted.value}};
    __atomic_store_n(&borrower->page->lent, ++borrower->lent, __ATOMIC_RELEASE);
    pool.owners[index] = (uint8_t)place;
    parties[place].held++;
    return true;
}

static void lend_some(const struct child *child, unsigned place) {
    const struct start_lease *page = borrowers[place].page;
    for (uint64_t index = 0; index < pool.count && parties[place].held < parties[place].target; index++) {
        if (borrowers[place].lent - __atomic_load_n(&page->taken, __ATOMIC_ACQUIRE) >= START_LEASE_RING) return;
        if (pool.owners[index] == NOBODY && !lend(child, place, index)) return;
    }
}

bool lease_look(const struct child *children, const struct exo_pe_page *const *views, unsigned count) {
    uint64_t spare = pool.count;
    bool any = false;
    for (unsigned i = 0; i < count; i++) {
        if (!parties[i].running) continue;
        any = true;
        spare -= parties[i].target;
        parties[i].faults = __atomic_load_n(&borrowers[i].page->faults, __ATOMIC_RELAXED);
    }
    if (!any) return false;
    share_round(parties, count, spare);
    for (unsigned i = 0; i < count; i++)
        if (parties[i].running) ask(&children[i], i, __atomic_load_n(&views[i]->slices, __ATOMIC_RELAXED));
    for (unsigned i = 0; i < count; i++)
        if (parties[i].running) lend_some(&children[i], i);
    return true;
}

void lease_leave(const struct child *child, unsigned place) {
    if (borrowers[place].page == nullptr) return;
    report("{\"event\":\"lease\",\"job\":%lu,\"start\":%lu,\"end\":%lu,\"came\":%lu,\"went\":%lu}", child->number,
           borrowers[place].start, parties[place].target, borrowers[place].lent, borrowers[place].collected);
    info_unmap(place);
    borrowers[place].page = nullptr;
    parties[place] = (struct share_party){};
    for (uint64_t i = 0; i < pool.count; i++)
        if (pool.owners[i] == place) pool.owners[i] = NOBODY; // free when the job's PE is gone, before the next look
}

void lease_end(void) {
    const volatile struct exo_frame_info *table = (const volatile struct exo_frame_info *)EXO_FRAME_TABLE;
    uint64_t lost = 0;
    for (uint64_t i = 0; i < pool.count; i++) {
        lost += table[pool.first.raw + i].type != EXO_FRAME_FREE;
        while (exo_binding_drop(pool.handles[i]).error == EXO_AGAIN) {
        }
    }
    if (lost != 0) report("{\"event\":\"leak\",\"job\":null,\"frames\":%lu}", lost);
    pool.count = 0;
}
