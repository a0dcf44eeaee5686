// SPDX-License-Identifier: MIT
// Tables of bindings: places, generations and handles.
//
// A place is named by index and generation. The generation counts the place's uses, so a handle from an earlier use
// never matches a later one. It is odd, 32 bits wide and does not wrap: a place whose generation has reached
// SB_GENERATION_END is retired, that is, stays free and is never used again. What links bindings of different tables
// is in tree.c.
#include "secure-bindings/bindings.h"
#include "secure-bindings/place.h"

void sb_table_init(struct sb_table *table, struct sb_binding *bindings, uint32_t size, void *owner) {
    *table = (struct sb_table){.bindings = bindings, .size = size, .search = 1, .owner = owner, .claim = SB_NO_CLAIM};
}

struct sb_binding *sb_place(struct sb_table *table) {
    uint32_t index = table->search;
    for (uint32_t tried = 1; tried < table->size; tried++) {
        struct sb_binding *place = &table->bindings[index];
        index = index + 1 < table->size ? index + 1 : 1;
        if (place->kind != EXO_KIND_NONE || place->generation == SB_GENERATION_END) continue;
        if (place->generation == 0) place->generation = 1;
        table->search = index;
        return place;
    }
    return nullptr;
}

void sb_place_free(struct sb_binding *place) {
    place->kind = EXO_KIND_NONE;
    place->generation += 2;
    place->previous = place->next = nullptr;
    place->table = nullptr;
    place->first = place->count = place->tag = 0;
    place->depth = place->uses = 0;
    place->rights = 0;
    place->dying = place->settled = false;
}

exo_handle sb_handle(const struct sb_binding *binding) {
    const uint64_t index = binding - binding->table->bindings;
    return (exo_handle){(uint64_t)binding->generation << 16 | index};
}

enum exo_error sb_refusal(const struct sb_table *table, exo_handle handle, enum exo_kind kind) {
    const struct sb_found found = sb_find_any(table, handle);
    if (found.error != EXO_OK) return found.error;
    return found.binding->kind != kind ? EXO_KIND : EXO_RIGHTS;
}

struct sb_found sb_find_any(const struct sb_table *table, exo_handle handle) {
    const uint64_t index = handle.raw & 0xffff;
    if (index >= table->size) return (struct sb_found){EXO_HANDLE, nullptr};
    struct sb_binding *binding = &table->bindings[index];
    if (binding->generation != handle.raw >> 16 || binding->kind == EXO_KIND_NONE || binding->dying)
        return (struct sb_found){EXO_HANDLE, nullptr};
    return (struct sb_found){EXO_OK, binding};
}

struct sb_binding *sb_find_dying(const struct sb_table *table, exo_handle handle) {
    const uint64_t index = handle.raw & 0xffff;
    if (index >= table->size) return nullptr;
    struct sb_binding *binding = &table->bindings[index];
    return binding->dying && binding->generation == handle.raw >> 16 ? binding : nullptr;
}

struct sb_binding *sb_any(struct sb_table *table, uint32_t *from) {
    for (; *from < table->size; ++*from)
        if (table->bindings[*from].kind != EXO_KIND_NONE) return &table->bindings[*from];
    return nullptr;
}
