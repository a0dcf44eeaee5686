// SPDX-License-Identifier: MIT
// Checks of every invariant that table.c and tree.c keep. Slow (a binding's ancestors are looked for backwards) and
// of use to tests and fuzzing only.
//
// A dying binding keeps its place but neither its range nor a meaningful parent (see tree.c on orphans), so what is
// promised of ranges and rights is promised of live bindings, each against its nearest live ancestor.
#include "secure-bindings/bindings.h"
#include "secure-bindings/place.h"

static bool range_wraps(const struct sb_binding *binding) {
    return binding->count && binding->first + (binding->count - 1) < binding->first;
}

static const char *audit_binding(const struct sb_binding *binding) {
    const struct sb_table *table = binding->table;
    if (!table) return "a linked binding stands in no table";
    const uintptr_t offset = (uintptr_t)binding - (uintptr_t)table->bindings;
    if (offset % sizeof *binding || offset / sizeof *binding >= table->size)
        return "a binding stands outside its table";
    if (offset == 0) return "place 0 of a table is used";
    if (binding->kind == EXO_KIND_NONE || binding->kind > EXO_KIND_GATE)
        return "a binding has a kind that is not defined";
    if (binding->rights == 0 || binding->rights & ~EXO_ALL) return "a binding has rights that are not defined";
    if (binding->generation % 2 == 0 || binding->generation == SB_GENERATION_END) return "a generation is out of range";
    if (binding->depth == 0) return "a binding has the depth of the head";
    if (range_wraps(binding)) return "a binding's range wraps";
    if (binding->callable != sb_place_callable(binding)) return "what can be called and what not is mixed up";
    return nullptr;
}

// Place 0 of a table, when it is linked, marks how far a revocation has come.
static bool is_marker(const struct sb_binding *binding) {
    return binding->kind == EXO_KIND_NONE && binding->table && binding == binding->table->bindings;
}

static const char *audit_marker(const struct sb_binding *marker) {
    if (marker->depth != UINT16_MAX) return "a marker is not deeper than every binding";
    const struct sb_binding *source = &marker->table->bindings[marker->first];
    if (marker->first == 0 || marker->first >= marker->table->size || source->kind == EXO_KIND_NONE)
        return "a marker is nobody's";
    const struct sb_binding *each = marker->previous;
    for (; each != source; each = each->previous) {
        if (each->depth <= source->depth) return "a marker stands outside the descendants of its binding";
        if (!is_marker(each) && !each->dying) return "a live binding stands before the marker of its source";
    }
    return nullptr;
}

static const char *audit_settled(const struct sb_binding *binding) {
    if (!binding->settled) return nullptr;
    for (const struct sb_binding *each = binding->next; each->depth > binding->depth; each = each->next)
        if (!is_marker(each) && !each->dying) return "a live binding descends from one that is settled";
    return nullptr;
}

static const char *audit_ancestor(const struct sb_binding *binding) {
    if (binding->dying) return nullptr;
    const struct sb_binding *before = binding->previous;
    while (is_marker(before)) before = before->previous;
    if (binding->depth > before->depth + 1) return "a live binding is an orphan";
    // The walk goes up: each step of it ends at something less deep than all seen so far, at last the head.
    uint16_t depth = binding->depth;
    const struct sb_binding *ancestor = binding->previous;
    while (ancestor->depth >= depth || ancestor->dying) {
        if (ancestor->depth < depth) depth = ancestor->depth;
        ancestor = ancestor->previous;
    }
    if (ancestor->depth == 0) return nullptr;
    if (binding->rights & ~ancestor->rights) return "a binding has rights that its source has not";
    if (ancestor->kind == EXO_KIND_PE && binding->kind == EXO_KIND_GATE)
        return nullptr; // its number is of its own kind
    if (ancestor->kind != binding->kind) return "a binding has another kind than its source";
    if ((ancestor->kind == EXO_KIND_PE || ancestor->kind == EXO_KIND_GATE) && ancestor->tag != binding->tag)
        return "a binding has another tag than its source";
    if (!sb_covers(ancestor, binding->first, binding->count)) return "a binding covers what its source does not";
    return nullptr;
}

const char *sb_audit(const struct sb_binding *head) {
    if (head->depth != 0 || head->kind != EXO_KIND_NONE || head->dying) return "the head is damaged";
    const struct sb_binding *binding = head;
    do {
        // With every link checked in both directions, the walk can't miss the head and so ends.
        if (!binding->next || binding->next->previous != binding) return "the list's links disagree";
        binding = binding->next;
        if (binding == head) return nullptr;
        if (is_marker(binding)) {
            const char *wrong = audit_marker(binding);
            if (wrong) return wrong;
            continue;
        }
        const char *wrong = audit_binding(binding);
        if (!wrong) wrong = audit_ancestor(binding);
        if (!wrong) wrong = audit_settled(binding);
        if (wrong) return wrong;
    } while (true);
}

// All but the generation is as in a place that was never used.
static bool is_empty(const struct sb_binding *place) {
    return !place->next && !place->previous && !place->table && place->first == 0 && place->count == 0
           && place->tag == 0 && place->depth == 0 && place->uses == 0 && place->rights == 0 && !place->dying
           && !place->settled && place->callable == 0;
}

const char *sb_audit_table(const struct sb_table *table) {
    if (table->search == 0 || table->search >= table->size) return "a table's search starts outside it";
    for (uint32_t index = 0; index < table->size; index++) {
        const struct sb_binding *place = &table->bindings[index];
        if (index == 0 && place->next) continue; // a marker, which the list's audit looks at
        if (place->kind != EXO_KIND_NONE) {
            if (place->table != table) return "a place of a table says it stands in another";
            if (!place->next || !place->previous) return "a used place is in no list";
            if (place->next->previous != place || place->previous->next != place) return "a place's links disagree";
        } else if (!is_empty(place)) {
            return "a free place is not empty";
        }
    }
    return nullptr;
}
