// SPDX-License-Identifier: MIT
// Checks of the kernel's books: what each frame counts is counted again from the tables, PEs and transfers.
#include <stdlib.h>
#include <string.h>
#include "exo/arch/host/machine.h"
#include "pe/tlb.h"

static uint32_t *maps; // recounted

// Whether a frame is on its way to become free: nobody maps it again, but who has it mapped loses that only later.
static bool is_closing(exo_frame frame) {
    const struct exo_frame_info *info = frame_info(frame);
    if (info->type == EXO_FRAME_BINDINGS) { // a PE's page, next to its private frame
        const struct pe *pe = arch_frame((exo_frame){frame.raw - 1});
        return info[-1].type == EXO_FRAME_PE && pe->state == EXO_PE_ENDED && pe->chain != 0;
    }
    for (const struct sb_binding *each = derivations.next; each != &derivations; each = each->next)
        if (each->kind == EXO_KIND_FRAMES && each->dying && (each->rights & EXO_OWN) && sb_covers(each, frame.raw, 1))
            return info->type == EXO_FRAME_FREE;
    return false;
}

static bool page_allows(enum exo_frame_type type, uint64_t entry) {
    switch (type) {
    case EXO_FRAME_DATA: return true;
    case EXO_FRAME_TABLE1:
    case EXO_FRAME_TABLE2:
    case EXO_FRAME_TABLE3:
    case EXO_FRAME_TABLE4: return !(entry & EXO_ENTRY_WRITE) && (entry & EXO_ENTRY_NO_EXECUTE);
    case EXO_FRAME_RING:
    case EXO_FRAME_PE_PAGE: return entry & EXO_ENTRY_NO_EXECUTE;
    default: return false;
    }
}

// P1, P3: whether an entry of a table is allowed by a binding that has not ended, of a PE that has written the table.
// (By bindings with every right a table may be written unnoted, see the binding cache in exo/tlb.c.)
static bool has_authority(exo_frame table, uint64_t entry) {
    constexpr uint64_t every = EXO_READ | EXO_WRITE | EXO_EXECUTE | EXO_OWN;
    const uint64_t needed =
        EXO_READ | (entry & EXO_ENTRY_WRITE ? EXO_WRITE : 0) | (entry & EXO_ENTRY_NO_EXECUTE ? 0 : EXO_EXECUTE);
    const exo_frame frame = exo_entry_frame((exo_entry){entry});
    for (const struct sb_binding *each = derivations.next; each != &derivations; each = each->next) {
        if (each->kind != EXO_KIND_FRAMES || !sb_covers(each, frame.raw, 1)) continue;
        const struct pe *holder = each->table->owner;
        if ((each->rights & every) == every) return true;
        if ((each->rights & needed) == needed && (frame_info(table)->writers & holder->writer)) return true;
    }
    return false;
}

static const char *audit_entry(exo_frame table, uint64_t entry, unsigned level) {
    if (entry & ~EXO_ENTRY_ALLOWED) return "an entry has bits that are not a library OS's";
    if (!(entry & EXO_ENTRY_PRESENT)) return nullptr;
    if (!(entry & EXO_ENTRY_USER)) return "a present entry lacks the user bit";
    const exo_frame frame = exo_entry_frame((exo_entry){entry});
    if (frame.raw >= frame_count) return "an entry names no frame";
    const enum exo_frame_type type = frame_info(frame)->type;
    if (level > 1 && frame_level(type) != level - 1 && !is_closing(frame))
        return "an entry of a table names a frame of a wrong type";
    if (level == 1 && !page_allows(type, entry) && !is_closing(frame))
        return "an entry gives what the frame's type forbids";
    if (!has_authority(table, entry)) return "no binding allows an entry of a table";
    maps[frame.raw]++;
    return nullptr;
}

static const char *audit_table(exo_frame frame, unsigned level) {
    const uint64_t *entries = arch_frame(frame);
    const char *wrong = nullptr;
    for (unsigned i = 0; i < (level == 4 ? 256 : 512) && wrong == nullptr; i++)
        wrong = audit_entry(frame, entries[i], level);
    if (level != 4) return wrong;
    const uint64_t *kernel = arch_frame(memory_root());
    for (unsigned i = EXO_USER_END >> 39; i < 512 && wrong == nullptr; i++)
        if ((entries[i] ^ kernel[i]) & ~EXO_ENTRY_ACCESSED)
            wrong = "the kernel's part of a root table has been changed";
    return wrong;
}

static bool is_pe(const struct pe *pe) {
    const uint64_t offset = (uint64_t)((const uint8_t *)pe - (uint8_t *)arch_frame((exo_frame){0}));
    const uint64_t frame = offset >> EXO_PAGE_SHIFT;
    return offset % EXO_PAGE_SIZE == 0 && frame < frame_count && frame_table[frame].type == EXO_FRAME_PE;
}

static const char *audit_pe(struct pe *pe, exo_frame frame) {
    if (pe->root != 0) maps[pe->root >> EXO_PAGE_SHIFT]++;
    if (pe->ring != nullptr) maps[pe->ring_frame.raw]++;
    const exo_frame page = {frame.raw + 1};
    if (frame_info(page)->type != EXO_FRAME_PE_PAGE && !is_closing(page)) return "a PE's page has another type";
    for (uint64_t i = 2; i < pe->frames; i++)
        if (frame_info((exo_frame){frame.raw + i})->type != EXO_FRAME_BINDINGS)
            return "a PE's bindings have another type";
    if (pe->bindings.owner != pe) return "a binding table belongs to another PE";
    return sb_audit_table(&pe->bindings);
}

// Who calls and who serves agree, and no chain of calls comes back to where it began.
static const char *audit_gates(struct pe *pe) {
    if (pe->state == EXO_PE_RESTING && pe->caller != nullptr) return "a PE that rests serves a call";
    if (pe->caller != nullptr) {
        if (pe->state == EXO_PE_ENDED) return "a PE that has ended serves a call";
        const struct pe *caller = pe->caller;
        const struct sb_binding *gate = &caller->bindings.bindings[caller->calling / sizeof *gate];
        if (caller->state != EXO_PE_CALLING || gate_callee(gate) != pe) return "a PE serves who has not called it";
    }
    if (pe->state != EXO_PE_CALLING) return nullptr;
    const struct sb_binding *gate = &pe->bindings.bindings[pe->calling / sizeof *gate];
    if (gate->kind != EXO_KIND_GATE || !(gate->rights & EXO_EXECUTE))
        return "a call is under way through what is no gate";
    if (gate_callee(gate)->caller != pe) return "a PE calls who does not serve it";
    const struct pe *end = pe;
    while (end->state == EXO_PE_CALLING) {
        end = gate_callee(&end->bindings.bindings[end->calling / sizeof *gate]);
        if (end == pe) return "a chain of calls is a circle";
    }
    return nullptr;
}

static const char *audit_pe_bindings(void) {
    for (const struct sb_binding *each = derivations.next; each != &derivations; each = each->next)
        if ((each->kind == EXO_KIND_PE && frame_info((exo_frame){each->first})->type != EXO_FRAME_PE)
            || (each->kind == EXO_KIND_GATE && !is_pe(gate_callee(each))))
            return "a binding names a PE that is none";
    return nullptr;
}

static const char *audit_cpu(void) {
    for (unsigned i = 0; i < EXO_SLICE_POSITIONS; i++) {
        const struct pe *pe = host_cpu.vector[i];
        if (pe == nullptr) continue;
        if (!is_pe(pe)) return "a slice is given to what is no PE";
    }
    return nullptr;
}

static const char *audit_counts(void) {
    for (uint64_t i = 0; i < frame_count; i++) {
        const struct exo_frame_info *info = &frame_table[i];
        if (info->maps != maps[i]) return "a frame's maps differ from a recount of all tables";
        if (info->pins != disk_pins((exo_frame){i})) return "a frame's pins differ from the disk's transfers";
        if (info->pins != 0 && info->type > EXO_FRAME_DATA) return "the disk moves data of a frame that holds none";
        if (info->type == EXO_FRAME_FREE && (info->maps | info->pins) != 0 && !is_closing((exo_frame){i}))
            return "a free frame is in use";
    }
    return nullptr;
}

const char *host_audit(void) {
    const char *wrong = sb_audit(&derivations);
    maps = calloc(frame_count, sizeof *maps);
    for (uint64_t i = 0; i < frame_count && wrong == nullptr; i++) {
        const exo_frame frame = {i};
        const enum exo_frame_type type = frame_info(frame)->type;
        if (frame_level(type) != 0) wrong = audit_table(frame, frame_level(type));
        if (type == EXO_FRAME_PE) wrong = audit_pe(arch_frame(frame), frame);
        if (type == EXO_FRAME_PE && wrong == nullptr) wrong = audit_gates(arch_frame(frame));
    }
    if (wrong == nullptr) wrong = audit_counts();
    if (wrong == nullptr) wrong = audit_pe_bindings();
    if (wrong == nullptr) wrong = audit_cpu();
    if (wrong == nullptr) wrong = mmu_audit();
    free(maps);
    return wrong;
}
