// SPDX-License-Identifier: MIT
// See pool.h. The rule of levelling is that of resident_ask_another in libos/pager/resident.c; a region's rank is its
// place in the list.
#include "libos/pager/sim/pool.h"
#include "libos/pager/sim/memory.h"
#include "libos/pager/sim/run.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *pool_region_read(struct pool_region *region, char *text) {
    char *first = strchr(text, ':'), *pages = first == nullptr ? nullptr : strchr(first, '+'), *end;
    if (pages == nullptr || first[1] < '0' || first[1] > '9' || pages[1] < '0' || pages[1] > '9')
        return "a region is POLICY:FIRST+PAGES, with its first page and their number";
    *first++ = '\0';
    errno = 0;
    region->first = strtoull(first, &end, 10);
    if (end != pages) return "a region's first page is a decimal number";
    region->pages = strtoull(pages + 1, &end, 10);
    if (*end != '\0' || errno != 0 || region->pages == 0) return "a region's pages are a decimal number from 1 on";
    region->policy = policy_find(text);
    return region->policy == nullptr ? "a region has a policy that does not exist; --list prints the names" : nullptr;
}

// Frees a frame for the run that faults, if one is to come from another.
static void level(struct run *run) {
    struct pool *pool = run->pool;
    struct run *most = nullptr;
    const uint32_t least = run->resident == 0 ? 1 : run->resident + 2;
    if (pool->free != 0 || run->resident >= run->view.frames) return;
    for (unsigned i = 0; i < pool->count; i++) {
        struct run *other = &pool->run[i];
        if (other != run && other->resident >= least && run_can_spare(other)
            && (most == nullptr || other->resident > most->resident))
            most = other;
    }
    if (most != nullptr) run_release(most, most->view.pages - 1);
}

bool pool_has_room(struct run *run) {
    level(run);
    return run->pool->free != 0 && run->resident < run->view.frames;
}

static uint8_t region_of(const struct simulation_pool *pool, uint64_t number) {
    uint8_t region = 0;
    while (region + 1u < pool->count && number - pool->region[region].first >= pool->region[region].pages) region++;
    return region;
}

bool simulate_pool(const struct simulation_pool *pool, struct simulation_counts counts[POOL_MOST]) {
    const struct trace *trace = pool->common.trace;
    struct simulation options[POOL_MOST];
    struct run runs[POOL_MOST];
    struct pool frames = {.free = pool->common.frames, .count = pool->count, .run = runs};
    if (pool->common.frames < trace->widest) return false;
    for (unsigned i = 0; i < pool->count; i++) {
        if (pool->common.frames < pool->region[i].policy->minimum) return false;
    }
    for (unsigned i = 0; i < pool->count; i++) {
        options[i] = pool->common;
        options[i].policy = pool->region[i].policy;
        if (pool->region[i].pages < options[i].frames) options[i].frames = (uint32_t)pool->region[i].pages;
        run_begin(&runs[i], &options[i]);
        runs[i].pool = &frames;
        runs[i].base = pool->region[i].first;
    }
    uint8_t *of = memory_zeroed(trace->pages, 1);
    for (uint32_t page = 0; page < trace->pages; page++) of[page] = region_of(pool, trace->number[page]);
    for (size_t i = 0, group = 0; i < trace->length;) {
        if (group < trace->groups && trace->group[group].first == i) {
            struct run *members[GROUP_MOST];
            for (uint32_t j = 0; j < trace->group[group].count; j++, i++) {
                members[j] = &runs[of[reference_page(trace->reference[i])]];
                members[j]->counts.references++;
            }
            run_group(members, &trace->group[group++]);
            continue;
        }
        struct run *run = &runs[of[reference_page(trace->reference[i])]];
        run->counts.references++;
        run_reference(run, i++);
    }
    for (unsigned i = 0; i < pool->count; i++) {
        run_end(&runs[i]);
        counts[i] = runs[i].counts;
    }
    free(of);
    return true;
}
