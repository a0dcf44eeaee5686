// SPDX-License-Identifier: MIT
// Handles: every call that takes one refuses forged and stale handles, bindings of another kind, and bindings that
// lack a right, before it looks at anything else. One line per handle argument of pe/calls.def.
#include "tests/vm/child.h"

static exo_handle pe;   // a child not started, for calls that need a second handle
static exo_frame spare; // a frame in no use: ending a binding that owns a frame frees it

static struct exo_result derive(exo_handle h) {
    return exo_binding_derive(h, 0, 1, EXO_READ);
}
static struct exo_result grant(exo_handle h) {
    return exo_binding_grant(h, pe, 0, 1, EXO_READ);
}
static struct exo_result grant_to(exo_handle h) {
    return exo_binding_grant(POWER, h, EXO_POWER, 1, EXO_READ);
}
static struct exo_result revoke(exo_handle h) {
    return exo_binding_revoke(h);
}
static struct exo_result drop(exo_handle h) {
    return exo_binding_drop(h);
}
static struct exo_result read(exo_handle h) {
    return exo_binding_read(h);
}
static struct exo_result retype(exo_handle h) {
    return exo_frame_retype(h, spare, 1, EXO_FRAME_FREE);
}
static struct exo_result set(exo_handle h) {
    return exo_tlb_set(h, rig_slot(RIG_WINDOW), FRAMES, (exo_entry){0}, (exo_vaddr){0});
}
static struct exo_result set_frames(exo_handle h) {
    return exo_tlb_set(FRAMES, rig_slot(RIG_WINDOW), h, exo_entry_for(rig.table1, EXO_READ), (exo_vaddr){0});
}
static struct exo_result batch(exo_handle h) {
    return exo_tlb_set_batch(h, FRAMES, 0, (exo_vaddr){0});
}
static struct exo_result batch_frames(exo_handle h) {
    return exo_tlb_set_batch(FRAMES, h, 0, (exo_vaddr){0});
}
static struct exo_result protect(exo_handle h) {
    return exo_tlb_protect(h, rig_slot(RIG_WINDOW), 1, FRAMES, exo_protect_for((exo_vaddr){0}, EXO_READ));
}
static struct exo_result protect_frames(exo_handle h) {
    return exo_tlb_protect(FRAMES, rig_slot(RIG_WINDOW), 1, h, exo_protect_for((exo_vaddr){0}, EXO_READ | EXO_WRITE));
}
static struct exo_result harvest(exo_handle h) {
    return exo_tlb_harvest(h, rig_slot(RIG_WINDOW), 1, (exo_entry){EXO_ENTRY_ACCESSED}, (exo_vaddr){0});
}
static struct exo_result create(exo_handle h) {
    return exo_pe_create(h, spare, 2);
}
static struct exo_result set_root(exo_handle h) {
    return exo_pe_set_root(h, FRAMES, rig.table4);
}
static struct exo_result set_root_frames(exo_handle h) {
    return exo_pe_set_root(pe, h, rig.table4);
}
static struct exo_result set_entry(exo_handle h) {
    return exo_pe_set_entry(h, EXO_UPCALL_fault, (exo_vaddr){0}, (exo_vaddr){0});
}
static struct exo_result start(exo_handle h) {
    return exo_pe_start(h, 0);
}
static struct exo_result read_pe(exo_handle h) {
    return exo_pe_read(h);
}
static struct exo_result destroy(exo_handle h) {
    return exo_pe_destroy(h);
}
static struct exo_result set_slice(exo_handle h) {
    return exo_slice_set(h, 63, EXO_NO_HANDLE);
}
static struct exo_result set_slice_pe(exo_handle h) {
    return exo_slice_set(SLICES, 63, h);
}
static struct exo_result yield(exo_handle h) {
    return exo_pe_yield(h);
}
static struct exo_result bind_ring(exo_handle h) {
    return exo_ring_bind(h, spare);
}
static struct exo_result write_console(exo_handle h) {
    return exo_console_write(h, 0);
}
static struct exo_result read_console(exo_handle h) {
    return exo_console_read(h);
}
static struct exo_result off(exo_handle h) {
    return exo_machine_off(h, 1);
}

static const struct {
    const char *name;
    struct exo_result (*call)(exo_handle handle);
    enum exo_kind kind; // that it needs; none: any
    uint64_t rights;    // that it needs, each of them
} calls[] = {
    {"binding_derive", derive, EXO_KIND_NONE, 0},
    {"binding_grant", grant, EXO_KIND_NONE, EXO_GRANT},
    {"binding_grant.pe", grant_to, EXO_KIND_PE, EXO_WRITE},
    {"binding_revoke", revoke, EXO_KIND_NONE, 0},
    {"binding_drop", drop, EXO_KIND_NONE, 0},
    {"binding_read", read, EXO_KIND_NONE, 0},
    {"frame_retype", retype, EXO_KIND_FRAMES, EXO_OWN},
    {"tlb_set", set, EXO_KIND_FRAMES, EXO_WRITE},
    {"tlb_set.frames", set_frames, EXO_KIND_FRAMES, EXO_READ},
    {"tlb_set_batch", batch, EXO_KIND_FRAMES, EXO_WRITE},
    {"tlb_set_batch.frames", batch_frames, EXO_KIND_FRAMES, 0},
    {"tlb_protect", protect, EXO_KIND_FRAMES, EXO_WRITE},
    {"tlb_protect.frames", protect_frames, EXO_KIND_FRAMES, EXO_READ | EXO_WRITE},
    {"tlb_harvest", harvest, EXO_KIND_FRAMES, EXO_WRITE},
    {"pe_create", create, EXO_KIND_FRAMES, EXO_OWN},
    {"pe_set_root", set_root, EXO_KIND_PE, EXO_WRITE},
    {"pe_set_root.frames", set_root_frames, EXO_KIND_FRAMES, EXO_WRITE},
    {"pe_set_entry", set_entry, EXO_KIND_PE, EXO_WRITE},
    {"pe_start", start, EXO_KIND_PE, EXO_WRITE},
    {"pe_read", read_pe, EXO_KIND_PE, EXO_READ},
    {"pe_destroy", destroy, EXO_KIND_PE, EXO_OWN},
    {"slice_set", set_slice, EXO_KIND_SLICES, EXO_WRITE},
    {"slice_set.pe", set_slice_pe, EXO_KIND_PE, EXO_WRITE},
    {"pe_yield", yield, EXO_KIND_PE, EXO_EXECUTE},
    {"ring_bind", bind_ring, EXO_KIND_FRAMES, EXO_WRITE},
    {"console_write", write_console, EXO_KIND_DEVICE, EXO_WRITE},
    {"console_read", read_console, EXO_KIND_DEVICE, EXO_READ},
    {"machine_off", off, EXO_KIND_DEVICE, EXO_WRITE},
};
constexpr unsigned CALLS = sizeof calls / sizeof *calls;
constexpr unsigned FORGED = sizeof RIG_FORGED / sizeof *RIG_FORGED;

static uint64_t nothing(uint64_t argument) {
    return argument;
}

// One binding of each kind, all rights but `without`.
static exo_handle binding_of(enum exo_kind kind, uint64_t without) {
    switch (kind) {
    case EXO_KIND_FRAMES: return rig_derive(FRAMES, spare.raw, 1, EXO_ALL & ~without);
    case EXO_KIND_EXTENT: return rig_derive(DISK, 0, 1, EXO_ALL & ~without);
    case EXO_KIND_SLICES: return rig_derive(SLICES, 63, 1, EXO_ALL & ~without);
    case EXO_KIND_DEVICE: return rig_derive(CONSOLE, EXO_CONSOLE, 1, EXO_ALL & ~without);
    case EXO_KIND_PE: return rig_derive(pe, rig_binding(pe).first, 1, EXO_ALL & ~without);
    default: return EXO_NO_HANDLE;
    }
}

TEST(forged_handles_name_nothing) {
    struct child child = child_new(CHILD_SHARED, nothing);
    pe = child.pe;
    spare = rig_frames(1, EXO_FRAME_FREE);
    for (unsigned i = 0; i < CALLS; i++)
        for (unsigned j = 0; j < FORGED; j++) {
            rig_context(calls[i].name, RIG_FORGED[j]);
            CHECK_ERROR(calls[i].call((exo_handle){RIG_FORGED[j]}), HANDLE);
        }
    child_release(&child);
}

TEST(stale_handles_name_nothing) {
    struct child child = child_new(CHILD_SHARED, nothing);
    pe = child.pe;
    spare = rig_frames(1, EXO_FRAME_FREE);
    const exo_handle stale = rig_derive(FRAMES, spare.raw, 1, EXO_ALL);
    rig_drop(stale);
    for (unsigned i = 0; i < CALLS; i++) {
        rig_context(calls[i].name, 0);
        CHECK_ERROR(calls[i].call(stale), HANDLE);
    }
    child_release(&child);
}

TEST(the_handle_of_a_destroyed_pe_names_nothing) {
    struct child gone = child_new(CHILD_SHARED, nothing);
    const exo_handle stale = gone.pe;
    child_release(&gone);
    struct child child = child_new(CHILD_SHARED, nothing);
    pe = child.pe;
    spare = rig_frames(1, EXO_FRAME_FREE);
    for (unsigned i = 0; i < CALLS; i++) {
        rig_context(calls[i].name, 0);
        CHECK_ERROR(calls[i].call(stale), HANDLE);
    }
    child_release(&child);
}

TEST(bindings_of_another_kind_are_refused) {
    struct child child = child_new(CHILD_SHARED, nothing);
    pe = child.pe;
    spare = rig_frames(1, EXO_FRAME_FREE);
    const exo_handle others[] = {[EXO_KIND_FRAMES] = FRAMES,
                                 [EXO_KIND_EXTENT] = DISK,
                                 [EXO_KIND_SLICES] = SLICES,
                                 [EXO_KIND_DEVICE] = CONSOLE,
                                 [EXO_KIND_PE] = pe};
    for (unsigned i = 0; i < CALLS; i++) {
        if (calls[i].kind == EXO_KIND_NONE) continue;
        for (unsigned kind = EXO_KIND_FRAMES; kind <= EXO_KIND_PE; kind++) {
            rig_context(calls[i].name, kind);
            if (kind != calls[i].kind) CHECK_ERROR(calls[i].call(others[kind]), KIND);
        }
    }
    child_release(&child);
}

TEST(every_right_that_a_call_needs_is_needed) {
    struct child child = child_new(CHILD_SHARED, nothing);
    pe = child.pe;
    spare = rig_frames(1, EXO_FRAME_FREE);
    for (unsigned i = 0; i < CALLS; i++)
        for (uint64_t right = 1; right <= EXO_GRANT; right <<= 1) {
            if (!(calls[i].rights & right)) continue;
            rig_context(calls[i].name, right);
            const exo_handle weak = binding_of(calls[i].kind ? calls[i].kind : EXO_KIND_DEVICE, right);
            CHECK_ERROR(calls[i].call(weak), RIGHTS);
            rig_drop(weak);
        }
    child_release(&child);
}
