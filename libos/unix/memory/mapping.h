// SPDX-License-Identifier: MIT
// Mappings of an address space: which addresses mean what. A sorted array without overlaps, shared by a fork until one
// side changes it, like everything else.
#pragma once
#include "libos/unix/memory/memory.h"

struct object;

enum mapping_flags : uint16_t {
    MAPPING_SHARED = 1,
    MAPPING_STACK = 2,
    MAPPING_HEAP = 4,
    MAPPING_LOCKED = 8,        // as data: mlock is remembered and nothing is done
    MAPPING_NO_FORK = 16,      // MADV_DONTFORK
    MAPPING_NEVER_WRITES = 32, // of a file that was opened for reading only, or code that was rewritten
};

struct mapping {
    uint64_t first, end;
    uint64_t offset;       // in the object, bytes
    struct object *object; // null: anonymous private memory
    enum vm_rights rights;
    enum mapping_flags flags;
};

struct mappings {
    uint32_t references;
    uint32_t count, room;
    struct mapping *mapping;
};

constexpr uint32_t MAPPINGS_MOST = 65530; // as Linux's vm.max_map_count

struct mappings *mappings_new(void); // null: no memory
void mappings_release(struct mappings *mappings);

// For a change: mappings with one user, with room for `more` mappings. Null: no memory, or too many; nothing is
// changed.
struct mappings *mappings_own(struct mappings *mappings, uint32_t more);

// The number of the first mapping that ends above an address; count: none does.
uint32_t mappings_from(const struct mappings *mappings, uint64_t address);
// The mapping that an address is in, or null.
struct mapping *mappings_at(const struct mappings *mappings, uint64_t address);

// Changes to mappings with one user, in which there is room.
// Adds one where nothing is; joins it with neighbours that it continues. Takes over the caller's reference to an
// object.
void mappings_add(struct mappings *mappings, const struct mapping *mapping);
// Takes all out that lies in a range.
void mappings_cut(struct mappings *mappings, uint64_t first, uint64_t end);
// Makes a range begin and end between mappings. Each of both can add one.
void mappings_split(struct mappings *mappings, uint64_t at);
// Joins neighbours that continue each other, in a range and around it.
void mappings_join(struct mappings *mappings, uint64_t first, uint64_t end);

// A gap of so many bytes, the highest that ends at or below `top`; 0: none.
uint64_t mappings_gap(const struct mappings *mappings, uint64_t bytes, uint64_t top);
// Whether nothing lies in a range.
bool mappings_free(const struct mappings *mappings, uint64_t first, uint64_t end);
