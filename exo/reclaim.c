// SPDX-License-Identifier: MIT
// Reclaim: what revoke, drop and pe_destroy have in common.
//
// A binding that ends is first made dying, so that nothing new can be done with it. Then what was done is undone:
//
//   frames   one pass over all page tables clears the entries that name a frame of its range. If the binding owned its
//            frames, that is all of them, and each frame then becomes free, so that nobody sees what was in it (P4);
//            PEs that stand on such frames are destroyed first. If not, it is those in tables that its holder has
//            written, for no other can hold an entry made by its authority: so nobody's mappings suffer from what a
//            neighbour gives up (P6). The holder gets a fault where it still holds the frames by another binding, and
//            maps them again; this costs a rare case a little, and spares every mapping a back pointer.
//   slices   the positions are emptied, if it could assign them.
//   extent   transfers under way are waited for (BUSY).
//   gate     the call under way through it is broken off.
//   PE, device: nothing was kept.
//
// Every call spends at most BUDGET units (a table entry looked at, or the like). How far a frames binding has come is
// kept in the binding itself: `tag` is the pass's place in the frame table, `count` shrinks as frames become free; how
// far the destruction of a PE, in the PE.
#include "exo/reclaim.h"
#include "exo/arch/arch.h"
#include "exo/frame.h"
#include "exo/ring.h"
#include "pe/tlb.h"

constexpr int64_t BUDGET = 32 * EXO_TABLE_ENTRIES;
constexpr uint32_t KILL_AT_ONCE = 512;
constexpr uint64_t EVERYBODY = UINT64_MAX; // of writers, those too that are not noted

// One call's work, handed down.
struct reclaim {
    int64_t budget;
    struct pe *blocker; // a PE that must be destroyed before the work can go on
    struct pe *wanted;  // the PE that the call destroys; null: none, or not yet
    struct pe *pe;      // the one that it is at,
    exo_frame below;    // and whose destruction waits for that
    uint64_t chain;     // the mark on the PEs between the two
};

static uint64_t last_chain;

struct range {
    uint64_t first, count;
};

static bool holds(struct range range, uint64_t frame) {
    return frame - range.first < range.count;
}

static void clear_entries(exo_frame table, struct range range) {
    uint64_t *entries = arch_frame(table);
    const unsigned end = frame_info(table)->type == EXO_FRAME_TABLE4 ? EXO_TABLE_ENTRIES / 2 : EXO_TABLE_ENTRIES;
    for (unsigned i = 0; i < end; i++) {
        const exo_frame named = exo_entry_frame((exo_entry){entries[i]});
        if ((entries[i] & EXO_ENTRY_PRESENT) && holds(range, named.raw)) {
            arch_entry_exchange(&entries[i], 0);
            frame_unmapped(named);
        }
    }
}

static bool stands_on(const struct pe *pe, struct range range) {
    return (pe->root != 0 && holds(range, pe->root >> EXO_PAGE_SHIFT))
           || (pe->ring != nullptr && holds(range, pe->ring_frame.raw));
}

// Goes on with a pass over the tables that any of `writers` wrote, from *cursor, and takes the bits of `forget` out of
// them. Returns whether it has reached the end. If all tables are to be cleared, a PE whose root or ring lies in the
// range blocks it.
static bool unmap(struct reclaim *work, struct range range, uint64_t writers, uint64_t forget, uint64_t *cursor) {
    for (; *cursor < frame_count; ++*cursor) {
        if (work->budget <= 0) return false;
        struct exo_frame_info *info = &frame_table[*cursor];
        if (frame_level(info->type) != 0 && (writers == EVERYBODY || (info->writers & writers))) {
            clear_entries((exo_frame){*cursor}, range);
            info->writers &= ~forget;
            work->budget -= EXO_TABLE_ENTRIES;
        } else if (info->type == EXO_FRAME_PE && writers == EVERYBODY) {
            struct pe *pe = arch_frame((exo_frame){*cursor});
            work->budget--;
            if (stands_on(pe, range)) {
                work->blocker = pe;
                return false;
            }
        } else if (*cursor % 8 == 0)
            work->budget--;
    }
    return true;
}

// The PE that a frame is a part of; its private frame is the first of the run.
static struct pe *pe_made_of(exo_frame frame) {
    while (frame_info(frame)->type != EXO_FRAME_PE) frame.raw--;
    return arch_frame(frame);
}

// Whether a PE on frames that are being freed need not be waited for: its parts go last, when the chain comes back to
// it. One whose destruction was begun in another chain, and perhaps given up, is put into this one, right behind the PE
// that the call is at; the PE wanted, which ends the chain, has nothing behind it, and waits.
static bool goes_later(struct reclaim *work, struct pe *pe) {
    if (pe->chain == work->chain) return true;
    if (pe->chain == 0 || work->pe == work->wanted) {
        work->blocker = pe;
        return false;
    }
    pe->chain = work->chain;
    pe->below = work->below;
    work->below = pe->frame;
    return true;
}

// Frees the frames of a range from its end. Returns AGAIN, BUSY or OK. What another holder has mapped again since the
// pass over the tables becomes free as well, so that nobody maps it a third time, and then the pass is made once more.
static enum exo_error free_range(struct reclaim *work, struct sb_binding *binding) {
    bool mapped = false;
    for (uint64_t left = binding->count; left > 0; binding->count = mapped ? binding->count : left) {
        const exo_frame frame = {binding->first + --left};
        const struct exo_frame_info *info = frame_info(frame);
        if (work->budget <= 0) break;
        mapped |= info->maps != 0 && info->type <= EXO_FRAME_RING;
        if (info->pins != 0) {
            frame_info(frame)->claim = EXO_FRAME_FREE; // so that no other transfer begins, as others could for ever
            return EXO_BUSY;
        }
        if (info->type == EXO_FRAME_FREE) {
            if (left % 8 == 0) work->budget--;
            frame_quiesce(frame); // it may have been unmapped only since it became free
            continue;
        }
        if (info->type > EXO_FRAME_RING) {
            if (!goes_later(work, pe_made_of(frame))) return EXO_AGAIN;
            continue;
        }
        work->budget -= frame_level(info->type) != 0 ? EXO_TABLE_ENTRIES : 8;
        frame_free(frame);
    }
    if (mapped) binding->tag = 0;
    return binding->count == 0 ? EXO_OK : EXO_AGAIN;
}

static enum exo_error take_back_frames(struct reclaim *work, struct sb_binding *binding) {
    const struct range range = {binding->first, binding->count};
    const bool owns = binding->rights & EXO_OWN;
    const struct pe *holder = binding->table->owner;
    if (!unmap(work, range, owns ? EVERYBODY : holder->writer, 0, &binding->tag)) return EXO_AGAIN;
    if (owns) return free_range(work, binding);
    arch_flush_all();
    return EXO_OK;
}

// Undoes what was done with a dying binding, and removes it.
static enum exo_error take_back(struct reclaim *work, struct sb_binding *binding) {
    enum exo_error error = EXO_OK;
    if (binding->uses != 0) return EXO_BUSY;
    if (binding->kind == EXO_KIND_FRAMES) error = take_back_frames(work, binding);
    if (binding->kind == EXO_KIND_SLICES && (binding->rights & EXO_WRITE))
        slice_release(binding->first, binding->count);
    if (binding->kind == EXO_KIND_GATE) gate_close(binding);
    if (error == EXO_OK) sb_remove(binding);
    work->budget -= 16;
    return error;
}

// Ends the descendants of a binding, nearest in the list first.
static enum exo_error take_back_descendants(struct reclaim *work, struct sb_binding *source) {
    if (!sb_kill_descendants(source, KILL_AT_ONCE)) return EXO_AGAIN;
    for (struct sb_binding *next; (next = sb_descendant(source)) != nullptr;) {
        if (work->budget <= 0) return EXO_AGAIN;
        const enum exo_error error = take_back(work, next);
        if (error != EXO_OK) return error;
    }
    return EXO_OK;
}

// Ends every binding that a PE holds, with all that was derived from them.
static enum exo_error take_back_table(struct reclaim *work, struct pe *pe) {
    for (struct sb_binding *binding; (binding = sb_any(&pe->bindings, &pe->place)) != nullptr;) {
        if (work->budget <= 0) return EXO_AGAIN;
        if (binding->kind == EXO_KIND_PE && pe_of(binding) != nullptr && pe_of(binding)->binding == binding) {
            work->blocker = pe_of(binding); // a PE that this one made ends with it
            return EXO_AGAIN;
        }
        sb_kill(binding);
        enum exo_error error = take_back_descendants(work, binding);
        if (error == EXO_OK) error = take_back(work, binding);
        if (error != EXO_OK) return error;
    }
    return EXO_OK;
}

static void release_roots(struct pe *pe) {
    if (pe->root != 0) frame_unmapped((exo_frame){pe->root >> EXO_PAGE_SHIFT});
    pe->root = 0;
    ring_release(pe);
}

// One part of the destruction of a PE that is not the caller.
static enum exo_error destroy(struct reclaim *work, struct pe *pe) {
    if (pe->state != EXO_PE_ENDED) pe_end(pe, EXO_END_DESTROYED, 0, 0);
    slice_forget(pe);
    if (pe->inflight != 0) return EXO_BUSY;
    release_roots(pe);
    enum exo_error error = take_back_table(work, pe);
    if (error != EXO_OK) return error;

    const exo_frame first = {pe->binding->first};
    const struct range parts = {first.raw, pe->frames};
    const uint64_t writer = pe->writer == PE_SHARED_WRITER ? 0 : pe->writer;
    frame_info((exo_frame){first.raw + 1})->claim = EXO_FRAME_BINDINGS; // its page: nobody maps it again
    if (!unmap(work, parts, EVERYBODY, writer, &pe->cursor)) return EXO_AGAIN;
    struct sb_binding *binding = pe->binding;
    error = take_back_descendants(work, binding);
    if (error != EXO_OK) return error;
    pe_forget_writer(pe);
    sb_kill(binding);
    sb_remove(binding);
    for (uint64_t i = parts.count; i-- > 0;) frame_free((exo_frame){first.raw + i});
    work->budget -= 8 * (int64_t)parts.count; // and for the places that sb_any passed over
    return EXO_OK;
}

// The PE whose private frame it is, or null: frames are reused.
static struct pe *pe_on(exo_frame frame) {
    return frame_info(frame)->type == EXO_FRAME_PE ? arch_frame(frame) : nullptr;
}

// PEs made by a PE, or on frames that are taken back, or standing on such, go first. So a chain of PEs comes to be,
// each of which waits for the one reached from it; when that is gone, it is the next. The chain never leads to the
// caller, whom that would kill in the middle of its call, nor to the first PE, which nobody made.
//
// The next call goes on at the deepest PE: else a chain of more PEs than one call can go down would have no end. A
// link is believed only if it has the chain's mark, which no PE made later has; without it, the way down begins anew
// with a new mark: what was skipped for the sake of the old one must be seen again. That costs time only after a PE is
// gone, so others who destroy the same PEs meanwhile, even against it, can't keep a chain from its end.
//
// OK only when the PE itself is gone.
static enum exo_error destroy_chain(struct reclaim *work, struct pe *const wanted) {
    enum exo_error error = EXO_AGAIN;
    struct pe *pe = pe_on(wanted->deepest.frame);
    if (pe != nullptr && pe->id != wanted->deepest.id) pe = nullptr;
    work->chain = wanted->deepest.chain;
    for (work->wanted = wanted; work->budget > 0; work->budget -= 16) {
        if (pe == nullptr) {
            pe = wanted;
            work->chain = ++last_chain;
            wanted->below = (exo_frame){0};
        }
        if (pe == arch_current() || pe->binding == nullptr) {
            error = EXO_BUSY;
            break;
        }
        work->pe = pe;
        work->below = pe->below;
        work->blocker = nullptr;
        pe->chain = wanted->chain = work->chain;
        error = destroy(work, pe);
        if (error == EXO_OK) {
            if (pe == wanted) return EXO_OK;
            pe = pe_on(work->below);
            if (pe != nullptr && pe->chain != work->chain) pe = nullptr;
            continue;
        }
        pe->below = work->below;
        if (work->blocker == nullptr) break;
        work->blocker->below = pe->frame;
        pe = work->blocker;
    }
    wanted->deepest.frame = pe == nullptr || error == EXO_BUSY ? (exo_frame){0} : pe->frame;
    wanted->deepest.id = pe == nullptr ? 0 : pe->id;
    wanted->deepest.chain = work->chain;
    return error == EXO_BUSY ? EXO_BUSY : EXO_AGAIN;
}

// An error of the work itself, once what blocked it has had its turn.
static enum exo_error after_blocker(struct reclaim *work, enum exo_error error) {
    if (error != EXO_AGAIN || work->blocker == nullptr) return error;
    const enum exo_error chain = destroy_chain(work, work->blocker);
    return chain == EXO_OK ? EXO_AGAIN : chain;
}

enum exo_error reclaim_descendants(struct sb_binding *source) {
    struct reclaim work = {.budget = BUDGET, .chain = ++last_chain};
    return after_blocker(&work, take_back_descendants(&work, source));
}

enum exo_error reclaim_drop(struct sb_binding *binding) {
    struct reclaim work = {.budget = BUDGET, .chain = ++last_chain};
    sb_kill(binding);
    return after_blocker(&work, take_back(&work, binding));
}

enum exo_error reclaim_pe(struct pe *pe) {
    struct reclaim work = {.budget = BUDGET, .chain = ++last_chain};
    return destroy_chain(&work, pe);
}
