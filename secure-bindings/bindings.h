// SPDX-License-Identifier: MIT
// Bindings: who may use what, and on whose authority. Pure: no hardware, no globals, no allocation, no printing.
//
// Each PE has a table of bindings; a handle is generation << 16 | index. Generations are odd, so that the lowest bit of
// one can ask for another kind of call through a gate (EXO_ONE_WAY). Every binding but a root was derived from
// another, which covered at least as much with at least the same rights (promise P2). The derivation tree of all PEs
// is kept as one list in preorder, each binding with its depth, so that the descendants of a binding are the run of
// deeper ones right behind it, and ending them needs no recursion and no memory.
//
// A place whose generation has come to its end (2^31 - 1 uses) is retired, so no handle ever comes back to life.
//
// A binding that is being ended is first made `dying`: no handle finds it any more, but it keeps its place (and its
// range, which the kernel shrinks while it takes back what was done with it) until sb_remove.
//
// Place 0 of a table is no binding's: it marks in the list how far a revocation by the table's holder has come, until
// it has come to the end (tree.c).
#pragma once
#include "pe/types.h"

struct sb_table;

struct sb_binding {
    struct sb_binding *previous, *next; // neighbours in the derivation list; null when free
    struct sb_table *table;             // the table it stands in
    uint64_t first, count;              // as `kind` says
    uint64_t tag; // unique number of a PE for EXO_KIND_PE, the kernel's PE for a gate; the kernel's cursor while dying
    uint32_t generation;                // of the current or next use of this place: 1, 3, 5 …
    uint16_t depth;                     // 0: the list's head, 1: a root
    uint16_t uses;                      // disk requests in flight under it; it can't be removed before they end
    enum exo_kind kind;                 // EXO_KIND_NONE: free
    uint8_t rights;
    bool dying;
    bool settled; // all its descendants are dying
    int32_t callable; // ~(generation / 2), of a live gate with the right EXECUTE; else 0. For the kernel's short path
};
static_assert(sizeof(struct sb_binding) == 64);

struct sb_table {
    struct sb_binding *bindings; // [size]
    uint32_t size;
    uint32_t search; // where the search for a free place starts; never place 0
    void *owner;     // the kernel's PE
    uint64_t claim;  // the kernel's, for caching what it found here; any kill in this table makes it SB_NO_CLAIM
};

constexpr uint64_t SB_NO_CLAIM = UINT64_MAX;

struct sb_found {
    enum exo_error error;
    struct sb_binding *binding; // valid if error is EXO_OK
};

struct sb_made {
    enum exo_error error;
    exo_handle handle; // valid if error is EXO_OK
    struct sb_binding *binding;
};

// Prepares the head of an empty derivation list.
void sb_list_init(struct sb_binding *head);

// Prepares an empty table over `size` (2 to 65,536) zeroed bindings, which the caller keeps for the table's life.
void sb_table_init(struct sb_table *table, struct sb_binding *bindings, uint32_t size, void *owner);

// The handle that names a binding.
[[nodiscard]] exo_handle sb_handle(const struct sb_binding *binding);

// A new root, derived from nothing: for what the kernel itself hands out. The caller answers for a range that does
// not wrap and for rights that are defined. Errors: FULL.
[[nodiscard]] struct sb_made sb_root(struct sb_binding *head, struct sb_table *table, enum exo_kind kind,
                                     uint64_t first, uint64_t count, uint64_t rights, uint64_t tag);

// Why sb_find did not find: HANDLE, KIND or RIGHTS, in that order.
[[nodiscard]] enum exo_error sb_refusal(const struct sb_table *table, exo_handle handle, enum exo_kind kind);

// The live binding that a handle names, if it is of that kind (never NONE) and has at least those rights.
// Errors: HANDLE, KIND, RIGHTS, in that order. O(1). Inline, because every access goes through it.
[[nodiscard, gnu::always_inline]] static inline struct sb_found sb_find(const struct sb_table *table, exo_handle handle,
                                                                        enum exo_kind kind, uint64_t rights) {
    const uint64_t index = handle.raw & 0xffff;
    if (index < table->size) [[clang::likely]] {
        struct sb_binding *binding = &table->bindings[index];
        if (binding->generation == handle.raw >> 16 && binding->kind == kind && !binding->dying
            && (rights & ~(uint64_t)binding->rights) == 0) [[clang::likely]]
            return (struct sb_found){EXO_OK, binding};
    }
    return (struct sb_found){sb_refusal(table, handle, kind), nullptr};
}

// The same for any kind. Errors: HANDLE.
[[nodiscard]] struct sb_found sb_find_any(const struct sb_table *table, exo_handle handle);

// The dying binding that a handle named while it lived, or null.
[[nodiscard]] struct sb_binding *sb_find_dying(const struct sb_table *table, exo_handle handle);

// Whether first … first + count - 1 (count of at least 1) lies in what the binding covers; no overflow.
[[nodiscard]] static inline bool sb_covers(const struct sb_binding *binding, uint64_t first, uint64_t count) {
    const uint64_t offset = first - binding->first;
    return count >= 1 && offset < binding->count && count <= binding->count - offset;
}

// A child of `source` in `target`, covering first … first + count - 1 with `rights`. Bounded by the target's size.
// Errors, in this order: HANDLE (the source is dying), VALUE (undefined or no rights, count 0), RANGE, RIGHTS (more
// than the source has), BUSY (its descendants are being made dying), FULL (no free place, or 65,535 derivations deep).
[[nodiscard]] struct sb_made sb_derive(struct sb_binding *source, struct sb_table *target, uint64_t first,
                                       uint64_t count, uint64_t rights);

// A gate: a child of `source`, which is a binding of kind PE or the list's head. The caller answers for the range, the
// rights (no more than the source's) and a source that is not dying. Errors: BUSY, FULL.
[[nodiscard]] struct sb_made sb_gate(struct sb_binding *source, struct sb_table *target, uint64_t first,
                                     uint64_t count, uint64_t rights, uint64_t tag);

// The first descendant of a binding in list order, or null.
[[nodiscard]] struct sb_binding *sb_descendant(const struct sb_binding *binding);

// Makes a binding dying: its handle is stale from now on, and nothing can be derived from it.
void sb_kill(struct sb_binding *binding);

// Goes on making descendants dying, and looks at `limit` (at least 1) of them at most; returns whether all are dying.
// The next call goes on where this one stopped; meanwhile nothing can be derived from the binding. Another binding of
// its table that was begun with first is brought to its end before, `limit` at a time, too. Once all descendants are
// dying, they can be removed front to back in as many steps as one likes.
[[nodiscard]] bool sb_kill_descendants(struct sb_binding *binding, uint32_t limit);

// Takes a dying binding out of the list and frees its place. It must have no uses, and no descendants unless it is
// itself the first descendant of the binding that is being revoked (so that what lies behind it stays a descendant
// of that one).
void sb_remove(struct sb_binding *binding);

// The first binding of a table that is not free, from place *from on, or null; *from becomes its place, or the table's
// size. For ending a whole PE.
[[nodiscard]] struct sb_binding *sb_any(struct sb_table *table, uint32_t *from);

// Checks every invariant of a derivation list (order, depths, ranges, rights, links, tables). Null if all hold, else
// what does not. For tests and fuzzing.
[[nodiscard]] const char *sb_audit(const struct sb_binding *head);

// The same for one table: every used place is linked, every free one empty.
[[nodiscard]] const char *sb_audit_table(const struct sb_table *table);
