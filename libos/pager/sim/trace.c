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
