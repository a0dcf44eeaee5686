// SPDX-License-Identifier: MIT
// The sorted array of mappings. See mapping.h.
#include "libos/unix/memory/mapping.h"
#include "libos/core/heap.h"
#include "libos/unix/map.h"
#include "libos/unix/memory/object.h"
#include <string.h>

struct mappings *mappings_new(void) {
    struct mappings *mappings = heap_allocate_zeroed(sizeof *mappings);
    if (mappings != nullptr) mappings->references = 1;
    return mappings;
}

void mappings_release(struct mappings *mappings) {
    if (--mappings->references != 0) return;
    for (uint32_t i = 0; i < mappings->count; i++)
        if (mappings->mapping[i].object != nullptr) object_release(mappings->mapping[i].object);
    heap_release(mappings->mapping);
    heap_release(mappings);
}

static bool make_room(struct mappings *mappings, uint32_t count) {
    if (mappings->mapping != nullptr && count <= mappings->room) return true;
    if (count > MAPPINGS_MOST) return false;
    const uint32_t room = count + count / 2 + 8;
    struct mapping *larger = heap_reallocate(mappings->mapping, room * sizeof *larger);
    if (larger == nullptr) return false;
    mappings->mapping = larger;
    mappings->room = room;
    return true;
}

struct mappings *mappings_own(struct mappings *mappings, uint32_t more) {
    if (mappings->references == 1) return make_room(mappings, mappings->count + more) ? mappings : nullptr;
    struct mappings *copy = mappings_new();
    if (copy == nullptr) return nullptr;
    if (!make_room(copy, mappings->count + more)) {
        heap_release(copy);
        return nullptr;
    }
    copy->count = mappings->count;
    for (uint32_t i = 0; i < copy->count; i++) {
        copy->mapping[i] = mappings->mapping[i];
        if (copy->mapping[i].object != nullptr) object_hold(copy->mapping[i].object);
    }
    mappings->references--;
    return copy;
}

uint32_t mappings_from(const struct mappings *mappings, uint64_t address) {
    uint32_t low = 0, high = mappings->count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (mappings->mapping[middle].end > address)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

struct mapping *mappings_at(const struct mappings *mappings, uint64_t address) {
    const uint32_t i = mappings_from(mappings, address);
    return i < mappings->count && mappings->mapping[i].first <= address ? &mappings->mapping[i] : nullptr;
}

// ---- changes

static void insert(struct mappings *mappings, uint32_t at, const struct mapping *mapping) {
    memmove(&mappings->mapping[at + 1], &mappings->mapping[at], (mappings->count - at) * sizeof *mapping);
    mappings->mapping[at] = *mapping;
    mappings->count++;
}

static void take_out(struct mappings *mappings, uint32_t at, uint32_t count) {
    for (uint32_t i = at; i < at + count; i++)
        if (mappings->mapping[i].object != nullptr) object_release(mappings->mapping[i].object);
    mappings->count -= count;
    memmove(&mappings->mapping[at], &mappings->mapping[at + count], (mappings->count - at) * sizeof *mappings->mapping);
}

static bool continues(const struct mapping *low, const struct mapping *high) {
    return low->end == high->first && low->rights == high->rights && low->flags == high->flags
           && low->object == high->object
           && (low->object == nullptr || low->offset + (low->end - low->first) == high->offset);
}

// Joins mapping `at` with the next one if that continues it.
static bool join_next(struct mappings *mappings, uint32_t at) {
    if (at + 1 >= mappings->count) return false;
    struct mapping *low = &mappings->mapping[at];
    if (!continues(low, low + 1)) return false;
    low->end = low[1].end;
    take_out(mappings, at + 1, 1);
    return true;
}

void mappings_add(struct mappings *mappings, const struct mapping *mapping) {
    const uint32_t at = mappings_from(mappings, mapping->first);
    insert(mappings, at, mapping);
    (void)join_next(mappings, at);
    if (at > 0) (void)join_next(mappings, at - 1);
}

void mappings_split(struct mappings *mappings, uint64_t address) {
    const uint32_t at = mappings_from(mappings, address);
    if (at == mappings->count || mappings->mapping[at].first >= address) return;
    struct mapping upper = mappings->mapping[at];
    upper.offset += address - upper.first;
    upper.first = address;
    if (upper.object != nullptr) object_hold(upper.object);
    mappings->mapping[at].end = address;
    insert(mappings, at + 1, &upper);
}

void mappings_join(struct mappings *mappings, uint64_t first, uint64_t end) {
    uint32_t at = mappings_from(mappings, first);
    if (at > 0) at--;
    while (at < mappings->count && mappings->mapping[at].first <= end)
        if (!join_next(mappings, at)) at++;
}

void mappings_cut(struct mappings *mappings, uint64_t first, uint64_t end) {
    mappings_split(mappings, first);
    mappings_split(mappings, end);
    const uint32_t from = mappings_from(mappings, first), to = mappings_from(mappings, end);
    take_out(mappings, from, to - from);
}

// ---- free addresses, above the library OS and below it

bool mappings_free(const struct mappings *mappings, uint64_t first, uint64_t end) {
    const uint32_t at = mappings_from(mappings, first);
    return at == mappings->count || mappings->mapping[at].first >= end;
}

// The highest gap between two addresses.
static uint64_t gap_between(const struct mappings *mappings, uint64_t bytes, uint64_t low, uint64_t high) {
    uint32_t above = mappings_from(mappings, high - 1); // those before it end below `high`
    uint64_t end = high;
    if (above < mappings->count && mappings->mapping[above].first < end) end = mappings->mapping[above].first;
    while (end > low && end - low >= bytes) {
        const uint64_t floor =
            above > 0 && mappings->mapping[above - 1].end > low ? mappings->mapping[above - 1].end : low;
        if (end - floor >= bytes) return end - bytes;
        if (floor == low) return 0;
        end = mappings->mapping[--above].first;
    }
    return 0;
}

uint64_t mappings_gap(const struct mappings *mappings, uint64_t bytes, uint64_t top) {
    const uint64_t above = gap_between(mappings, bytes, MAP_END, top);
    return above != 0 ? above : gap_between(mappings, bytes, UNIX_USER_FIRST, MAP_BASE);
}
