// SPDX-License-Identifier: MIT
// One run of a policy over a reference string: the pager's order of calls (policy.h) without the machine.
#include "libos/pager/sequence.h"
#include "libos/pager/sim/memory.h"
#include "libos/pager/sim/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t view_bits(void *pager, uint32_t slot) {
    return ((struct run *)pager)->bits[slot];
}

static void view_bits_from(void *pager, uint32_t slot, uint32_t count, uint8_t *bits) {
    memcpy(bits, ((struct run *)pager)->bits + slot, count);
}

static void view_clear(void *pager, uint32_t slot) {
    struct run *run = pager;
    if (run->page_in[slot] != POLICY_NONE) run->bits[slot] &= (uint8_t)~POLICY_ACCESSED;
}

static void view_clear_all(void *pager) {
    struct run *run = pager;
    for (uint32_t slot = 0; slot < run->used; slot++) view_clear(run, slot);
}

static uint32_t view_next_use(void *pager, uint32_t slot) {
    return ((struct run *)pager)->next_use[slot];
}

static uint64_t view_now(void *pager) {
    return ((struct run *)pager)->time;
}

static uint64_t view_number(void *pager, uint32_t page) {
    const struct run *run = pager;
    return run->options->trace->number[page] - run->base;
}

constexpr uint8_t EMPTY = POLICY_ACCESSED | POLICY_DIRTY; // bits of a slot without a page

static void count_time(struct run *run) {
    run->counts.resident_sum += run->resident * (run->time - run->sum_time);
    run->sum_time = run->time;
}

static void evict(struct run *run, uint32_t slot) {
    uint32_t page = run->page_in[slot];
    if (run->bits[slot] & POLICY_DIRTY) {
        run->counts.writebacks++;
        run->stored[page] = 1;
    }
    run->bits[slot] = EMPTY;
    run->next_use[slot] = 0;
    run->page_in[slot] = POLICY_NONE;
    run->slot_of[page] = POLICY_NONE;
    run->counts.sequence = sequence_add(run->counts.sequence, page);
    if (run->policy->removed != nullptr) run->policy->removed(run->state, page, slot);
    if (run->options->evicted != nullptr) run->options->evicted(run->options->context, page);
}

// Takes a page out for none that comes.
static void leave(struct run *run, uint32_t slot) {
    count_time(run);
    evict(run, slot);
    run->resident--;
    run->empty[run->empty_count++] = slot;
    if (run->pool != nullptr) run->pool->free++;
}

static bool may_go(const struct run *run, uint32_t slot) {
    const uint32_t page = slot < run->used ? run->page_in[slot] : POLICY_NONE;
    if (page == POLICY_NONE || run->needs == nullptr) return page != POLICY_NONE;
    for (uint32_t i = 0; i < run->needs->count; i++) {
        if (run->needs->page[i] == page) return false;
    }
    return true;
}

bool run_can_spare(const struct run *run) {
    for (uint32_t slot = 0; slot < run->used; slot++) {
        if (may_go(run, slot)) return true;
    }
    return false;
}

// Until it names a page that the instruction in progress has brought in, as the pager does.
void run_give_up(struct run *run) {
    for (uint32_t slot; (slot = run->policy->surplus(run->state)) != POLICY_NONE;) {
        if (!may_go(run, slot)) return;
        leave(run, slot);
    }
}

// As the pager asks where slots may be empty, and pages needed (resident_victim in resident.c).
static uint32_t victim(struct run *run, uint32_t incoming) {
    uint32_t slot = 0;
    if (!run_can_spare(run)) {
        fprintf(stderr, "bindery-sim: %s: an instruction needs more pages at once than the %u frames hold\n",
                run->options->trace->name, run->resident);
        exit(2);
    }
    for (uint32_t tries = 0; tries <= run->view.frames - run->resident; tries++) {
        slot = run->policy->victim(run->state, incoming);
        if (slot < run->used && run->page_in[slot] != POLICY_NONE) break;
    }
    while (!may_go(run, slot)) slot = slot + 1 >= run->used ? 0 : slot + 1;
    return slot;
}

void run_release(struct run *run, uint32_t incoming) {
    leave(run, victim(run, incoming));
}

static uint32_t slot_for(struct run *run, uint32_t page) {
    if (run->pool != nullptr) {
        if (!pool_has_room(run)) run_release(run, page);
        run->pool->free--;
    } else if (run->resident == run->view.frames) {
        const uint32_t slot = run->needs == nullptr ? run->policy->victim(run->state, page) : victim(run, page);
        evict(run, slot);
        return slot;
    }
    count_time(run);
    run->resident++;
    return run->empty_count != 0 ? run->empty[--run->empty_count] : run->used++;
}

uint32_t run_fault(struct run *run, uint32_t page) {
    const struct policy *policy = run->policy;
    run->counts.faults++;
    if (run->options->faulted != nullptr) run->options->faulted(run->options->context, run->position);
    if (policy->fault != nullptr) policy->fault(run->state, page);
    if (policy->surplus != nullptr && policy->sees < POLICY_SEES_REFERENCES) run_give_up(run);
    const uint32_t slot = slot_for(run, page);
    run->counts.reads += run->stored[page];
    run->slot_of[page] = slot;
    run->page_in[slot] = page;
    run->bits[slot] = 0;
    if (policy->inserted != nullptr) policy->inserted(run->state, page, slot);
    return slot;
}

static uint8_t dirty_bit(uint32_t reference) {
    static_assert(POLICY_DIRTY == 2);
    return (uint8_t)(reference_writes(reference) << 1);
}

// The usual case, and a fast one: a hit only sets bits.
static void references_to_bits(struct run *run, size_t first, size_t end) {
    const struct trace *trace = run->options->trace;
    const uint8_t first_access = run->view.starts_clear ? 0 : POLICY_ACCESSED;
    const uint32_t *const slot_of = run->slot_of;
    uint8_t *const bits = run->bits;
    for (const uint32_t *each = trace->reference + first; each < trace->reference + end; each++) {
        const uint32_t reference = *each, slot = slot_of[reference_page(reference)];
        if (slot != POLICY_NONE) {
            bits[slot] |= POLICY_ACCESSED | dirty_bit(reference);
        } else {
            run->position = (size_t)(each - trace->reference);
            run->time = run->made + run->position - first;
            bits[run_fault(run, reference_page(reference))] = first_access | dirty_bit(reference);
        }
    }
}

// With what a hit may do besides: it is shown to the policy, or is no change of page; the next use of its page is
// known; a repeat is dropped.
static inline void reference(struct run *run, size_t i) {
    const struct policy *policy = run->policy;
    const uint32_t reference = run->options->trace->reference[i], page = reference_page(reference);
    uint8_t set = POLICY_ACCESSED;
    if (run->options->changes && run->slot_of[page] != POLICY_NONE && run_follows(run) && run_had_before(run, page)) {
        run->bits[run->slot_of[page]] |= POLICY_ACCESSED | dirty_bit(reference);
        return;
    }
    run->position = i;
    run->time = run->made++;
    if (policy->surplus != nullptr && policy->sees >= POLICY_SEES_REFERENCES) run_give_up(run);
    uint32_t slot = run->slot_of[page];
    if (slot == POLICY_NONE) {
        slot = run_fault(run, page);
        if (run->view.starts_clear) set = 0;
    } else if (page == run->last && run->options->drop_repeats) {
        set = 0;
    }
    run->bits[slot] |= set | dirty_bit(reference);
    if (run->next != nullptr) run->next_use[slot] = run->next[i];
    if (policy->touched != nullptr) policy->touched(run->state, slot);
    run->last = page;
    run->item_first = (uint32_t)i;
    run->item_count = 1;
}

void run_reference(struct run *run, size_t number) {
    reference(run, number);
}

void run_begin(struct run *run, const struct simulation *options) {
    const struct trace *trace = options->trace;
    const struct policy *policy = options->policy;
    const uint32_t frames = options->frames;
    *run = (struct run){
        .options = options,
        .policy = policy,
        .view = {.frames = frames,
                 .pages = trace->pages + 1, // one that is never in memory, as in the pager
                 .seed = options->seed,
                 .starts_clear = options->starts_clear,
                 .pager = run,
                 .bits = view_bits,
                 .bits_from = view_bits_from,
                 .clear_accessed = view_clear,
                 .clear_accessed_all = view_clear_all,
                 .next_use = view_next_use,
                 .now = view_now,
                 .number = options->renumbered ? nullptr : view_number},
        .state = memory_zeroed(policy->state_size(frames, trace->pages + 1), 1),
        .slot_of = memory_zeroed(trace->pages, sizeof(uint32_t)),
        .page_in = memory_zeroed(frames, sizeof(uint32_t)),
        .empty = memory_zeroed(frames, sizeof(uint32_t)),
        .bits = memory_zeroed(frames, 1),
        .next_use = memory_zeroed(frames, sizeof(uint32_t)),
        .stored = memory_zeroed(trace->pages, 1),
        .last = POLICY_NONE,
        .counts = {.sequence = SEQUENCE_START},
    };
    for (uint32_t page = 0; page < trace->pages; page++) run->slot_of[page] = POLICY_NONE;
    for (uint32_t slot = 0; slot < frames; slot++) run->page_in[slot] = POLICY_NONE;
    memset(run->bits, EMPTY, frames);
    if (!options->zero_filled) memset(run->stored, 1, trace->pages);
    if (policy->sees == POLICY_SEES_FUTURE) run->next = trace_next_uses(trace);
    policy->start(run->state, &run->view);
}

void run_end(struct run *run) {
    run->time = run->made;
    count_time(run);
    free(run->state);
    free(run->slot_of);
    free(run->page_in);
    free(run->empty);
    free(run->bits);
    free(run->next);
    free(run->next_use);
    free(run->stored);
}

// Instructions with a single reference each.
static void references(struct run *run, size_t first, size_t end) {
    if (first == end) return;
    const bool changes = run->options->changes && run_follows(run);
    if (run->policy->touched == nullptr && run->next == nullptr && !run->options->drop_repeats && !changes) {
        references_to_bits(run, first, end);
        run->made += end - first;
        run->item_first = (uint32_t)end - 1;
        run->item_count = 1;
    } else
        for (size_t i = first; i < end; i++) reference(run, i);
}

bool simulate(const struct simulation *options, struct simulation_counts *counts) {
    const struct trace *trace = options->trace;
    struct run run, *of[GROUP_MOST];
    size_t at = 0;
    if (options->frames < options->policy->minimum || options->frames < trace->widest) return false;
    run_begin(&run, options);
    for (unsigned i = 0; i < GROUP_MOST; i++) of[i] = &run;
    for (size_t i = 0; i < trace->groups; i++) {
        const struct group *group = &trace->group[i];
        references(&run, at, group->first);
        run_group(of, group);
        at = group->first + group->count;
    }
    references(&run, at, trace->length);
    run_end(&run);
    *counts = run.counts;
    counts->references = trace->length;
    return true;
}
