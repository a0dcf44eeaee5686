// SPDX-License-Identifier: MIT
// Policies that vary the number of frames, against models of their definitions that share no code with them: VMIN by
// the distance to the next reference of each one, page-fault frequency by sets of pages and their last uses.
#include "libos/pager/policy/lcg.h"
#include "libos/pager/sim/simulate.h"
#include <criterion/criterion.h>
#include <stdlib.h>

constexpr unsigned LENGTH = 4000, PAGES = 50;

// Phases with a working set of their own, runs of the same page, and jumps.
static struct trace *references(uint64_t seed) {
    struct trace *trace = trace_new("phases");
    uint64_t x = seed, page = 0;
    for (unsigned i = 0; i < LENGTH; i++) {
        const uint64_t kind = lcg_draw(&x, 8);
        if (kind < 5) page = i / 500 * 7 % PAGES + lcg_draw(&x, 8);
        if (kind == 7) page = lcg_draw(&x, PAGES);
        trace_add(trace, page % PAGES, lcg_draw(&x, 4) == 0);
    }
    return trace;
}

static struct simulation_counts run(const char *policy, const struct trace *trace, uint32_t frames) {
    const struct simulation options = {.policy = policy_find(policy), .trace = trace, .frames = frames, .seed = 1};
    struct simulation_counts counts;
    cr_assert(simulate(&options, &counts));
    return counts;
}

struct model {
    uint64_t faults, sum; // pages in memory at each reference, once it is served
};

// The references after `i` up to the next one to the same page; UINT32_MAX: there is none.
static uint32_t forward(const struct trace *trace, unsigned i) {
    for (unsigned j = i + 1; j < trace->length; j++)
        if (reference_page(trace->reference[j]) == reference_page(trace->reference[i])) return j - i;
    return UINT32_MAX;
}

// A page is in memory at reference t if t is to it, or if it was referenced before at s and will be at s + d >= t, and
// d is no more than the window.
static struct model vmin(const struct trace *trace, uint32_t window) {
    struct model model = {};
    for (unsigned i = 0; i < trace->length; i++) {
        bool first = true;
        for (unsigned j = 0; j < i; j++)
            first &= reference_page(trace->reference[j]) != reference_page(trace->reference[i]);
        const uint32_t distance = forward(trace, i);
        model.faults += first;
        model.faults += distance != UINT32_MAX && distance > window;
        model.sum += distance <= window ? distance : 1; // from here to before its next reference
    }
    return model;
}

Test(policy_variable, vmin_faults_where_the_distance_is_above_its_window_and_holds_no_page_longer) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct trace *trace = references(seed);
        for (uint32_t window = 1; window < 3 * PAGES; window += 7) {
            const struct simulation_counts found = run("vmin", trace, window);
            const struct model wanted = vmin(trace, window);
            cr_expect_eq(found.faults, wanted.faults, "window %u: %lu faults, not %lu", window, found.faults,
                         wanted.faults);
            cr_expect_eq(found.resident_sum, wanted.sum, "window %u: %lu page references, not %lu", window,
                         found.resident_sum, wanted.sum);
        }
        trace_free(trace);
    }
}

// The working set of Denning, W(t, T): the pages of the last T references. VMIN has its faults in less memory.
Test(policy_variable, vmin_has_the_faults_of_the_working_set_in_less_memory) {
    struct trace *trace = references(4);
    for (uint32_t window = 5; window < 60; window += 11) {
        uint64_t last[PAGES] = {}, faults = 0, sum = 0;
        for (unsigned i = 0; i < trace->length; i++) {
            const uint32_t page = reference_page(trace->reference[i]);
            faults += last[page] == 0 || i + 1 - last[page] > window;
            last[page] = i + 1;
            for (unsigned other = 0; other < PAGES; other++) sum += last[other] != 0 && i + 1 - last[other] < window;
        }
        const struct simulation_counts found = run("vmin", trace, window);
        cr_expect_eq(found.faults, faults);
        cr_expect_lt(found.resident_sum, sum);
    }
    trace_free(trace);
}

// Page-fault frequency as its paper states it, bounded by the number of frames: pages by time of their last use. A
// victim at the bound is the page loaded longest ago among those not used since the fault before; the pages are asked
// in a ring.
static struct model pff(const struct trace *trace, uint32_t frames) {
    struct model model = {};
    struct place {
        uint32_t page;
        int64_t used; // last; -1: the place is empty
    } *places = malloc(frames * sizeof *places);
    cr_assert_not_null(places);
    for (uint32_t i = 0; i < frames; i++) places[i].used = -1;
    uint32_t filled = 0, free_places[1000], free_count = 0, count = 0, hand = 0;
    int64_t before = -1;
    for (int64_t now = 0; now < (int64_t)trace->length; now++) {
        const uint32_t page = reference_page(trace->reference[now]);
        uint32_t place = 0;
        while (place < filled && !(places[place].used >= 0 && places[place].page == page)) place++;
        if (place == filled) {
            model.faults++;
            const bool late = before >= 0 && now - before >= frames;
            for (uint32_t i = 0; i < filled && late; i++) {
                if (places[i].used < 0 || places[i].used >= before) continue;
                places[i].used = -1;
                free_places[free_count++] = i;
                count--;
            }
            if (count == frames) {
                uint32_t tries = 0;
                while (tries < frames && places[(hand + tries) % frames].used >= before) tries++;
                place = (hand + (tries == frames ? 0 : tries)) % frames;
                hand = (place + 1) % frames;
            } else {
                place = free_count > 0 ? free_places[--free_count] : filled++;
                count++;
            }
            places[place].page = page;
            before = now;
        }
        places[place].used = now;
        model.sum += count;
    }
    free(places);
    return model;
}

Test(policy_variable, page_fault_frequency_has_the_counts_of_its_definition) {
    for (uint64_t seed = 5; seed <= 8; seed++) {
        struct trace *trace = references(seed);
        for (uint32_t frames = 1; frames < 2 * PAGES; frames += 3) {
            const struct simulation_counts found = run("pff", trace, frames);
            const struct model wanted = pff(trace, frames);
            cr_expect_eq(found.faults, wanted.faults, "%u frames: %lu faults, not %lu", frames, found.faults,
                         wanted.faults);
            cr_expect_eq(found.resident_sum, wanted.sum, "%u frames: %lu page references, not %lu", frames,
                         found.resident_sum, wanted.sum);
        }
        trace_free(trace);
    }
}

Test(policy_variable, the_mean_of_a_fixed_policy_is_what_its_frames_fill_to) {
    struct trace *trace = trace_new("loop");
    for (unsigned i = 0; i < 100; i++) trace_add(trace, i % 10, false);
    cr_expect_eq(run("fifo", trace, 4).resident_sum, 1 + 2 + 3 + 97 * 4);
    cr_expect_eq(run("lru", trace, 20).resident_sum, 45 + 91 * 10);
    trace_free(trace);
}
