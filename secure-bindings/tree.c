// SPDX-License-Identifier: MIT
// The derivation tree: who got what from whom.
//
// The tree of all tables is one circular list in preorder through a head of depth 0. A child is put right behind its
// source; what stood there before is not deeper than the child, so the child begins without descendants:
//
//     head 0   A 1   B 2   C 3   D 2   E 1            children of A: B and D; of B: C
//              derive from A: A 1   N 2   B 2   C 3 …
//
// Revoking A kills B, C, D, then removes them front to back. When B is gone, C (3) stands right behind A (1): an
// orphan. Orphans are always dying, and all that is left to happen to them is their removal, so it does no harm
// that a binding derived from A before then comes to stand before them: it only has to outlast them.
//
// Killing is done in steps, whose place is kept in the list itself: a marker, which is place 0 of A's table and so
// costs no memory. All bindings between A and its marker are dying. It is deeper than any binding, so it cuts nobody's
// run. What were derived from A meanwhile would come to stand before the marker, so that is refused; a revocation of
// another binding of the same table brings A's walk to its end first. So nobody makes a walk begin anew, and keeps
// another from coming to its end. There the marker goes away, and A is `settled` until something is derived from it.
//
//     A 1   b 2   c 3   marker   D 2   E 1            b and c are dying, D is the next
#include "secure-bindings/bindings.h"
#include "secure-bindings/place.h"

void sb_list_init(struct sb_binding *head) {
    *head = (struct sb_binding){.previous = head, .next = head};
}

static bool is_marker(const struct sb_binding *binding) {
    return binding->table != nullptr && binding == &binding->table->bindings[0];
}

static void unlink(struct sb_binding *binding) {
    binding->previous->next = binding->next;
    binding->next->previous = binding->previous;
}

static void link_behind(struct sb_binding *binding, struct sb_binding *behind) {
    binding->previous = behind;
    binding->next = behind->next;
    behind->next->previous = binding;
    behind->next = binding;
}

// The binding that a table's marker stands in the list for, or null.
static struct sb_binding *begun(const struct sb_table *table) {
    if (table->bindings[0].next == nullptr) return nullptr;
    return &table->bindings[table->bindings[0].first];
}

static void marker_out(const struct sb_binding *binding) {
    struct sb_binding *marker = &binding->table->bindings[0];
    if (begun(binding->table) != binding) return;
    unlink(marker);
    *marker = (struct sb_binding){};
}

// The marker of a binding right behind it.
static void marker_in(struct sb_binding *binding) {
    struct sb_binding *marker = &binding->table->bindings[0];
    *marker = (struct sb_binding){.table = binding->table, .first = (uint64_t)(binding - marker), .depth = UINT16_MAX};
    link_behind(marker, binding);
}

static struct sb_made made(struct sb_binding *behind, struct sb_table *table, enum exo_kind kind, uint64_t first,
                           uint64_t count, uint64_t rights, uint64_t tag) {
    if (behind->table != nullptr && begun(behind->table) == behind) return (struct sb_made){.error = EXO_BUSY};
    if (behind->depth == UINT16_MAX) return (struct sb_made){.error = EXO_FULL};
    struct sb_binding *binding = sb_place(table);
    if (!binding) return (struct sb_made){.error = EXO_FULL};
    binding->table = table;
    binding->kind = kind;
    binding->first = first;
    binding->count = count;
    binding->rights = (uint8_t)rights;
    binding->tag = tag;
    binding->callable = sb_place_callable(binding);
    binding->depth = behind->depth + 1;
    behind->settled = false;
    link_behind(binding, behind);
    return (struct sb_made){EXO_OK, sb_handle(binding), binding};
}

struct sb_made sb_root(struct sb_binding *head, struct sb_table *table, enum exo_kind kind, uint64_t first,
                       uint64_t count, uint64_t rights, uint64_t tag) {
    return made(head, table, kind, first, count, rights, tag);
}

struct sb_made sb_derive(struct sb_binding *source, struct sb_table *target, uint64_t first, uint64_t count,
                         uint64_t rights) {
    if (source->dying) return (struct sb_made){.error = EXO_HANDLE};
    if (rights == 0 || (rights & ~(uint64_t)EXO_ALL) || count == 0) return (struct sb_made){.error = EXO_VALUE};
    if (!sb_covers(source, first, count)) return (struct sb_made){.error = EXO_RANGE};
    if (rights & ~(uint64_t)source->rights) return (struct sb_made){.error = EXO_RIGHTS};
    return made(source, target, source->kind, first, count, rights, source->tag);
}

struct sb_made sb_gate(struct sb_binding *source, struct sb_table *target, uint64_t first, uint64_t count,
                       uint64_t rights, uint64_t tag) {
    return made(source, target, EXO_KIND_GATE, first, count, rights, tag);
}

struct sb_binding *sb_descendant(const struct sb_binding *binding) {
    struct sb_binding *next = binding->next;
    while (is_marker(next)) next = next->next;
    return next->depth > binding->depth ? next : nullptr;
}

void sb_kill(struct sb_binding *binding) {
    binding->dying = true;
    binding->callable = 0;
    binding->table->claim = SB_NO_CLAIM;
}

// Goes on from a binding's marker.
static bool walk(struct sb_binding *binding, uint32_t limit) {
    struct sb_binding *marker = &binding->table->bindings[0], *each = marker->next;
    for (; each->depth > binding->depth && limit > 0; each = each->next, limit--) {
        if (is_marker(each)) continue;
        marker_out(each); // so that few markers ever stand side by side
        if (!each->dying) sb_kill(each);
    }
    unlink(marker);
    link_behind(marker, each->previous);
    binding->settled = each->depth <= binding->depth;
    if (binding->settled) marker_out(binding);
    return binding->settled;
}

bool sb_kill_descendants(struct sb_binding *binding, uint32_t limit) {
    if (binding->settled) return true;
    struct sb_binding *const other = begun(binding->table);
    if (other != nullptr && other != binding && !walk(other, limit)) return false;
    if (other != binding) marker_in(binding);
    return walk(binding, limit);
}

void sb_remove(struct sb_binding *binding) {
    marker_out(binding);
    unlink(binding);
    sb_place_free(binding);
}
