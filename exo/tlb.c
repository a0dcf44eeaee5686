// SPDX-License-Identifier: MIT
// TLB entries: the calls that write page tables. The kernel decides only whether the caller holds what an entry would
// give it; which page goes where is the library OS's business.
//
// A slot is named by its physical address, so nothing is walked: one binding must cover the table's frame (WRITE), one
// the frame that the entry names (the rights that the entry gives), and the types must fit. All O(1) per entry.
#include "exo/call.h"
#include "exo/frame.h"
#include "pe/tlb.h"

constexpr uint64_t FLUSH_SINGLY = 32; // above this many pages one full flush is cheaper
constexpr unsigned ROOT_USER_ENTRIES = EXO_TABLE_ENTRIES / 2;

// What a page of each type can be mapped for. Tables are for reading; PEs and bindings are nobody's to see.
static const uint8_t mappable[] = {
    [EXO_FRAME_FREE] = 0,
    [EXO_FRAME_DATA] = EXO_READ | EXO_WRITE | EXO_EXECUTE,
    [EXO_FRAME_TABLE1] = EXO_READ,
    [EXO_FRAME_TABLE2] = EXO_READ,
    [EXO_FRAME_TABLE3] = EXO_READ,
    [EXO_FRAME_TABLE4] = EXO_READ,
    [EXO_FRAME_RING] = EXO_READ | EXO_WRITE,
    [EXO_FRAME_PE_PAGE] = EXO_READ | EXO_WRITE,
    [EXO_FRAME_PE] = 0,
    [EXO_FRAME_BINDINGS] = 0,
    [EXO_FRAME_KERNEL] = 0,
};

// The rights that a present entry gives, as bits of enum exo_right.
static inline uint64_t entry_rights(uint64_t entry) {
    static_assert(EXO_ENTRY_WRITE == EXO_WRITE && EXO_READ == 1 && EXO_EXECUTE == 4);
    return EXO_READ | (entry & EXO_ENTRY_WRITE) | (~entry >> 63 << 2);
}

// The level of the table that holds a slot, if the binding lets the caller write there.
struct slot {
    enum exo_error error;
    unsigned level;
    uint64_t *entry;
};

static inline struct slot slot_find(const struct sb_binding *table, exo_paddr slot, uint64_t count) {
    const exo_frame frame = {slot.raw >> EXO_PAGE_SHIFT};
    const uint64_t index = slot.raw / 8 % EXO_TABLE_ENTRIES;
    if (slot.raw % 8 != 0) return (struct slot){.error = EXO_ADDRESS};
    if (!sb_covers(table, frame.raw, 1)) return (struct slot){.error = EXO_RANGE};
    const unsigned level = frame_level(frame_info(frame)->type);
    if (level == 0) return (struct slot){.error = EXO_TYPE};
    const unsigned entries = level == 4 ? ROOT_USER_ENTRIES : EXO_TABLE_ENTRIES;
    if (count > entries || index > entries - count) return (struct slot){.error = EXO_RANGE};
    return (struct slot){EXO_OK, level, (uint64_t *)arch_frame(frame) + index};
}

// Whether a frame of a type may stand in an entry of a table of a level, giving those rights.
static inline bool type_fits(enum exo_frame_type type, unsigned level, uint64_t rights) {
    if (level == 1) return (mappable[type] & rights) == rights;
    return frame_level(type) == level - 1;
}

// Whether `entry` may be written at a slot on the authority of `frames`.
static inline enum exo_error entry_allowed(exo_entry entry, unsigned level, const struct sb_binding *frames) {
    const exo_frame frame = exo_entry_frame(entry);
    const uint64_t rights = entry_rights(entry.raw);
    if ((frames->rights & rights) != rights) return EXO_RIGHTS;
    if (!sb_covers(frames, frame.raw, 1)) return EXO_RANGE;
    if (!type_fits(frame_info(frame)->type, level, rights)) return EXO_TYPE;
    return EXO_OK;
}

// Writes an entry that has been found allowed; returns the old one.
static inline uint64_t entry_write(uint64_t *at, exo_entry entry) {
    const bool present = entry.raw & EXO_ENTRY_PRESENT;
    if (present) frame_info(exo_entry_frame(entry))->maps++;
    const uint64_t old = arch_entry_exchange(at, present ? entry.raw | EXO_ENTRY_USER : entry.raw);
    if (old & EXO_ENTRY_PRESENT) frame_unmapped(exo_entry_frame((exo_entry){old}));
    return old;
}

struct exo_result call_tlb_set(exo_handle table, exo_paddr slot, exo_handle frames, exo_entry entry,
                               exo_vaddr flush) {
    FIND(tables, table, FRAMES, EXO_WRITE);
    const struct slot to = slot_find(tables, slot, 1);
    if (to.error != EXO_OK) return (struct exo_result){to.error, 0};
    CHECK((entry.raw & ~EXO_ENTRY_ALLOWED) == 0, VALUE);
    CHECK(is_user_address(flush), ADDRESS);
    if (entry.raw & EXO_ENTRY_PRESENT) {
        FIND(data, frames, FRAMES, 0);
        const enum exo_error refusal = entry_allowed(entry, to.level, data);
        if (refusal != EXO_OK) return (struct exo_result){refusal, 0};
    }

    const uint64_t old = entry_write(to.entry, entry);
    if (flush.raw != 0) arch_flush_page(flush);
    return done(old);
}

struct exo_result call_tlb_set_batch(exo_handle table, exo_handle frames, uint64_t count, exo_vaddr flush) {
    FIND(tables, table, FRAMES, EXO_WRITE);
    FIND(data, frames, FRAMES, 0);
    CHECK(count <= EXO_BATCH_MAX, VALUE);

    struct exo_tlb_update *updates = (struct exo_tlb_update *)pe_page(arch_current())->args;
    enum exo_error error = EXO_OK;
    uint64_t i = 0;
    for (; i < count; i++) {
        const struct exo_tlb_update update = *(volatile struct exo_tlb_update *)&updates[i]; // read once
        const struct slot to = slot_find(tables, update.slot, 1);
        error = to.error;
        if (error == EXO_OK && (update.entry.raw & ~EXO_ENTRY_ALLOWED) != 0) error = EXO_VALUE;
        if (error == EXO_OK && (update.entry.raw & EXO_ENTRY_PRESENT))
            error = entry_allowed(update.entry, to.level, data);
        if (error != EXO_OK) break;
        updates[i].entry.raw = entry_write(to.entry, update.entry);
    }
    if (flush.raw != 0) arch_flush_all();
    return (struct exo_result){error, i};
}

struct exo_result call_tlb_protect(exo_handle table, exo_paddr slot, uint64_t count, exo_handle frames,
                                   exo_protect change) {
    const uint64_t rights = change.raw % EXO_PAGE_SIZE;
    const exo_vaddr flush = {change.raw - rights};
    FIND(tables, table, FRAMES, EXO_WRITE);
    FIND(data, frames, FRAMES, rights);
    CHECK((rights & ~(EXO_READ | EXO_WRITE | EXO_EXECUTE)) == 0 && (rights & EXO_READ), VALUE);
    CHECK(count >= 1 && count <= EXO_TABLE_ENTRIES, VALUE);
    CHECK(is_user_address(flush), ADDRESS);
    const struct slot to = slot_find(tables, slot, count);
    if (to.error != EXO_OK) return (struct exo_result){to.error, 0};
    CHECK(to.level == 1, TYPE);

    constexpr uint64_t changing = EXO_ENTRY_WRITE | EXO_ENTRY_NO_EXECUTE;
    const uint64_t bits = exo_entry_for((exo_frame){0}, rights).raw & changing;
    const bool singly = flush.raw != 0 && count <= FLUSH_SINGLY;
    const uint64_t first = data->first, covered = data->count;
    enum exo_error error = EXO_OK;
    uint64_t changed = 0;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t old = to.entry[i];
        if (!(old & EXO_ENTRY_PRESENT)) continue;
        const exo_frame frame = exo_entry_frame((exo_entry){old});
        if (frame.raw - first >= covered) error = EXO_RANGE;
        else if (rights & ~mappable[frame_info(frame)->type]) error = EXO_TYPE;
        if (error != EXO_OK) break;
        const uint64_t seen = arch_entry_exchange(&to.entry[i], (old & ~changing) | bits);
        to.entry[i] |= (seen ^ old) & (EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY); // set by the MMU just before
        if (singly) arch_flush_page((exo_vaddr){flush.raw + i * EXO_PAGE_SIZE});
        changed++;
    }
    if (flush.raw != 0 && !singly) arch_flush_all();
    return (struct exo_result){error, changed};
}

struct exo_result call_tlb_harvest(exo_handle table, exo_paddr slot, uint64_t count, exo_entry bits,
                                   exo_vaddr flush) {
    FIND(tables, table, FRAMES, EXO_WRITE);
    CHECK((bits.raw & ~(EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY)) == 0 && bits.raw != 0, VALUE);
    CHECK(count >= 1 && count <= EXO_TABLE_ENTRIES, VALUE);
    CHECK(is_user_address(flush), ADDRESS);
    const struct slot to = slot_find(tables, slot, count);
    if (to.error != EXO_OK) return (struct exo_result){to.error, 0};
    CHECK(to.level == 1, TYPE);

    struct exo_harvest *harvest = (struct exo_harvest *)pe_page(arch_current())->args;
    const bool singly = flush.raw != 0 && count <= FLUSH_SINGLY;
    uint64_t set = 0, accessed = 0, dirty = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t old = to.entry[i];
        if ((old & EXO_ENTRY_PRESENT) && (old & bits.raw)) {
            old = arch_entry_clear(&to.entry[i], bits.raw) & bits.raw;
            accessed |= (uint64_t)!!(old & EXO_ENTRY_ACCESSED) << i % 64;
            dirty |= (uint64_t)!!(old & EXO_ENTRY_DIRTY) << i % 64;
            if (singly) arch_flush_page((exo_vaddr){flush.raw + i * EXO_PAGE_SIZE});
            set++;
        }
        if (i % 64 == 63 || i == count - 1) {
            harvest->accessed[i / 64] = accessed;
            harvest->dirty[i / 64] = dirty;
            accessed = dirty = 0;
        }
    }
    if (flush.raw != 0 && !singly && set != 0) arch_flush_all();
    return done(set);
}

struct exo_result call_tlb_flush(exo_vaddr first, uint64_t count) {
    CHECK(is_user_address(first), ADDRESS);
    if (count == 0 || count > FLUSH_SINGLY) arch_flush_all();
    else
        for (uint64_t i = 0; i < count; i++) arch_flush_page((exo_vaddr){first.raw + i * EXO_PAGE_SIZE});
    return done(0);
}
