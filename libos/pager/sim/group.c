// SPDX-License-Identifier: MIT
// An instruction that makes several references (struct group in trace.h), as the machine carries it out: it makes them
// in order, begins again after each fault, and gets through when none is left. Pages that its faults have brought in
// don't go for its further ones (libos/pager/streak.h).
//
// On the machine a policy that sees references, or whose clock counts them, is told of changes of page, and for that
// only the pages of one instruction are mapped at a time (libos/pager/record.c). The same is done here for *followers*:
// a page is open from its first fault, real or soft, to the first one of another instruction. So a page that the
// instruction before had is not told of again if no other page is needed; else the first one told is the first that
// the instruction before did not have, as that is where it faults. Each page's first fault is a reference, in time too.
//
// Policies that know the future are run by no pager on instructions with several pages. They are told of the references
// in their order when all pages are there, and until then all of these are needed next.
//
// The accessed bit is always hardware's here: options starts_clear and drop_repeats are for single references.
#include "libos/pager/sim/run.h"

struct instruction {
    const struct group *group;
    const uint32_t *reference; // its first one
    struct run *const *of;
    uint32_t begun, met, open; // references, by their bits: of followers that have told of one; told of; open
    struct needs needs;
};

bool run_follows(const struct run *run) {
    const struct policy *policy = run->policy;
    return policy->sees != POLICY_SEES_FUTURE
           && (policy->touched != nullptr || policy->timed
               || (policy->surplus != nullptr && policy->sees >= POLICY_SEES_REFERENCES));
}

static bool asks_before(const struct policy *policy) {
    return policy->surplus != nullptr && policy->sees >= POLICY_SEES_REFERENCES;
}

static uint32_t page_at(const struct instruction *in, uint32_t i) {
    return reference_page(in->reference[i]);
}

// The references to the same page, and those of the same run.
static uint32_t same_page(const struct instruction *in, uint32_t i) {
    uint32_t set = 0;
    for (uint32_t j = 0; j < in->group->count; j++) set |= (uint32_t)(page_at(in, j) == page_at(in, i)) << j;
    return set;
}

static uint32_t same_run(const struct instruction *in, uint32_t i) {
    uint32_t set = 0;
    for (uint32_t j = 0; j < in->group->count; j++) set |= (uint32_t)(in->of[j] == in->of[i]) << j;
    return set;
}

// Whether the instruction before, of the same run, had a page.
bool run_had_before(const struct run *run, uint32_t page) {
    const uint32_t *reference = run->options->trace->reference + run->item_first;
    for (uint32_t i = 0; i < run->item_count; i++) {
        if (reference_page(reference[i]) == page) return true;
    }
    return false;
}

static bool is_mapped(const struct instruction *in, uint32_t i) {
    const struct run *run = in->of[i];
    return run->slot_of[page_at(in, i)] != POLICY_NONE && (!run_follows(run) || in->open >> i & 1);
}

// The fault at a reference of a follower: its policy's clock goes on, and it may give pages up.
static void follow(struct instruction *in, uint32_t i) {
    struct run *run = in->of[i];
    const uint32_t own = same_run(in, i), same = same_page(in, i);
    const bool first = !(in->begun & own);
    if (first) in->open &= ~own;
    in->begun |= own;
    if (in->met & same) return;
    run->time = run->made++;
    in->met |= 1u << i;
    if (first && asks_before(run->policy)) run_give_up(run);
}

static void serve(struct instruction *in, uint32_t i) {
    struct run *run = in->of[i];
    const bool follower = run_follows(run);
    const uint32_t page = page_at(in, i);
    run->position = in->group->first + i;
    if (follower)
        follow(in, i);
    else if (run->made + i > run->time)
        run->time = run->made + i;
    if (run->slot_of[page] == POLICY_NONE) {
        run->bits[run_fault(run, page)] = 0;
        in->needs.page[in->needs.count++] = page;
    }
    const uint32_t slot = run->slot_of[page];
    if (run->next != nullptr) run->next_use[slot] = in->group->first;
    in->open |= same_page(in, i);
    if (follower && run->policy->touched != nullptr) run->policy->touched(run->state, slot);
}

static void begin(struct instruction *in) {
    for (uint32_t i = 0; i < in->group->count; i++) {
        struct run *run = in->of[i];
        run->needs = &in->needs;
        in->open |= (uint32_t)run_had_before(run, page_at(in, i)) << i;
        if (run->next == nullptr) continue;
        run->time = run->made;
        if (asks_before(run->policy)) run_give_up(run);
    }
    for (uint32_t i = 0; i < in->group->count; i++) {
        const struct run *run = in->of[i];
        const uint32_t slot = run->slot_of[page_at(in, i)];
        if (run->next != nullptr && slot != POLICY_NONE) run->next_use[slot] = in->group->first;
    }
}

static void end(const struct instruction *in) {
    for (uint32_t i = 0; i < in->group->count; i++) {
        struct run *run = in->of[i];
        run->needs = nullptr;
        if (run->next != nullptr) {
            run_reference(run, in->group->first + i);
            continue;
        }
        if (reference_writes(in->reference[i])) run->bits[run->slot_of[page_at(in, i)]] |= POLICY_DIRTY;
        run->made += !run_follows(run);
    }
    for (uint32_t i = 0; i < in->group->count; i++) {
        in->of[i]->item_first = in->group->first;
        in->of[i]->item_count = in->group->count;
    }
}

void run_group(struct run *const of[], const struct group *group) {
    const struct trace *trace = of[0]->options->trace;
    struct instruction in = {.group = group, .reference = trace->reference + group->first, .of = of};
    begin(&in);
    for (uint32_t i = 0; i < group->count;) {
        if (!is_mapped(&in, i)) {
            serve(&in, i);
            i = 0;
            continue;
        }
        const bool writes = reference_writes(in.reference[i]) && !(group->late >> i & 1);
        of[i]->bits[of[i]->slot_of[page_at(&in, i)]] |= POLICY_ACCESSED | (writes ? POLICY_DIRTY : 0);
        i++;
    }
    end(&in);
}
