// SPDX-License-Identifier: MIT
// Growing a reference string and renumbering its pages.
#include "libos/pager/sim/trace.h"
#include "libos/pager/policy.h"
#include "libos/pager/sim/memory.h"
#include <stdlib.h>
#include <string.h>

struct trace *trace_new(const char *name) {
    struct trace *trace = memory_grow(nullptr, sizeof *trace);
    size_t bytes = strlen(name) + 1;
    *trace = (struct trace){.name = memory_grow(nullptr, bytes)};
    memcpy(trace->name, name, bytes);
    return trace;
}

void trace_free(struct trace *trace) {
    if (trace == nullptr) return;
    free(trace->name);
    free(trace->reference);
    free(trace->number);
    free(trace->bucket);
    free(trace->group);
    free(trace);
}

// The bucket that holds a page number, or the empty one where it belongs.
static uint32_t bucket_of(const struct trace *trace, uint64_t number) {
    uint32_t place = (uint32_t)((number * 0x9e37'79b9'7f4a'7c15u) >> 32) & (trace->buckets - 1);
    while (trace->bucket[place] != POLICY_NONE && trace->number[trace->bucket[place]] != number) {
        place = (place + 1) & (trace->buckets - 1);
    }
    return place;
}

// Keeps the hash table at most half full.
static void grow_table(struct trace *trace) {
    if (trace->pages * 2ull < trace->buckets) return;
    trace->buckets = trace->buckets == 0 ? 1024 : trace->buckets * 2;
    trace->bucket = memory_grow(trace->bucket, trace->buckets * sizeof *trace->bucket);
    memset(trace->bucket, 0xff, trace->buckets * sizeof *trace->bucket);
    for (uint32_t page = 0; page < trace->pages; page++) trace->bucket[bucket_of(trace, trace->number[page])] = page;
}

static uint32_t page_of(struct trace *trace, uint64_t number) {
    grow_table(trace);
    uint32_t place = bucket_of(trace, number);
    if (trace->bucket[place] != POLICY_NONE) return trace->bucket[place];
    if (trace->pages == trace->numbers_room) {
        trace->numbers_room = trace->numbers_room == 0 ? 512 : trace->numbers_room * 2;
        trace->number = memory_grow(trace->number, trace->numbers_room * sizeof *trace->number);
    }
    trace->number[trace->pages] = number;
    trace->bucket[place] = trace->pages;
    return trace->pages++;
}

void trace_add(struct trace *trace, uint64_t page, bool write) {
    if (trace->length == trace->room) {
        trace->room = trace->room == 0 ? 4096 : trace->room * 2;
        trace->reference = memory_grow(trace->reference, trace->room * sizeof *trace->reference);
    }
    trace->reference[trace->length++] = page_of(trace, page) << 1 | (write ? 1 : 0);
    trace->last_late = false;
}

// The group that ends with the last reference; a new one if there is none.
static struct group *last_group(struct trace *trace) {
    struct group *last = trace->groups == 0 ? nullptr : &trace->group[trace->groups - 1];
    if (last != nullptr && last->first + last->count == trace->length) return last;
    if (trace->groups == trace->groups_room) {
        trace->groups_room = trace->groups_room == 0 ? 64 : trace->groups_room * 2;
        trace->group = memory_grow(trace->group, trace->groups_room * sizeof *trace->group);
    }
    last = &trace->group[trace->groups++];
    *last = (struct group){.first = (uint32_t)trace->length - 1, .count = 1, .late = trace->last_late};
    return last;
}

static uint32_t pages_of(const struct trace *trace, const struct group *group) {
    uint32_t pages = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        uint32_t j = 0;
        const uint32_t *reference = trace->reference + group->first;
        while (reference_page(reference[j]) != reference_page(reference[i])) j++;
        pages += i == j;
    }
    return pages;
}

bool trace_join(struct trace *trace, uint64_t page, bool write) {
    if (trace->length == 0) return false;
    struct group *group = last_group(trace);
    if (group->count == GROUP_MOST) return false;
    trace_add(trace, page, write);
    group->count++;
    const uint32_t pages = pages_of(trace, group);
    if (pages > trace->widest) trace->widest = pages;
    return true;
}

void trace_late(struct trace *trace) {
    const struct group *at = trace_group_at(trace, trace->length - 1);
    trace->last_late = true;
    if (at != nullptr) trace->group[at - trace->group].late |= (uint16_t)(1u << (at->count - 1));
}

const struct group *trace_group_at(const struct trace *trace, size_t at) {
    size_t low = 0, high = trace->groups;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct group *group = &trace->group[middle];
        if (at - group->first < group->count) return group; // wraps for a position before it
        if (at < group->first)
            high = middle;
        else
            low = middle + 1;
    }
    return nullptr;
}

uint32_t *trace_next_uses(const struct trace *trace) {
    uint32_t *next = memory_grow(nullptr, (trace->length + 1) * sizeof *next);
    uint32_t *seen = memory_grow(nullptr, (trace->pages + 1ul) * sizeof *seen);
    for (uint32_t page = 0; page < trace->pages; page++) seen[page] = POLICY_NONE;
    for (size_t i = trace->length; i-- > 0;) {
        uint32_t page = reference_page(trace->reference[i]);
        next[i] = seen[page];
        seen[page] = (uint32_t)i;
    }
    free(seen);
    return next;
}
