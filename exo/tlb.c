// SPDX-License-Identifier: MIT
// TLB entries: the calls that write page tables. The kernel decides only whether the caller holds what an entry would
// give it; which page goes where is the library OS's business.
//
// A slot is named by its physical address, so nothing is walked: one binding must cover the table's frame (WRITE), one
// the frame that the entry names (the rights that the entry gives), and the types must fit. All O(1) per entry.
//
// The binding cache. A frame that has once been found covered by a binding with every right is marked with its
// holder's claim, a number that no other table of bindings has; tlb_set then needs one comparison per frame instead
// of finding bindings. Whenever a binding of a table is killed, the table loses its claim, and all its marks with it:
// so a stale handle is always found out, while a handle that never named anything is not looked at where the caller
// holds what it asks for by another.
#include "exo/call.h"
#include "exo/frame.h"
#include "pe/tlb.h"

constexpr uint64_t FLUSH_SINGLY = 32; // above this many pages one full flush is cheaper
constexpr unsigned ROOT_USER_ENTRIES = EXO_USER_END >> (EXO_PAGE_SHIFT + 27);

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
[[gnu::always_inline]] static inline uint64_t entry_rights(uint64_t entry) {
    static_assert(EXO_ENTRY_WRITE == EXO_WRITE && EXO_READ == 1 && EXO_EXECUTE == 4);
    return EXO_READ | (entry & EXO_ENTRY_WRITE) | (~entry >> 63 << 2);
}

// The level of the table that holds a slot, if the binding lets the caller write there.
struct slot {
    enum exo_error error;
    unsigned level;
    uint64_t *entry;
};

[[gnu::always_inline]] static inline struct slot slot_find(const struct sb_binding *table, exo_paddr slot,
                                                           uint64_t count) {
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
[[gnu::always_inline]] static inline bool type_fits(enum exo_frame_type type, unsigned level, uint64_t rights) {
    if (level == 1) return (mappable[type] & rights) == rights;
    return frame_level(type) == level - 1;
}

// Whether `entry` may be written at a slot on the authority of `frames`.
[[gnu::always_inline]] static inline enum exo_error entry_allowed(exo_entry entry, unsigned level,
                                                                  const struct sb_binding *frames) {
    const exo_frame frame = exo_entry_frame(entry);
    const uint64_t rights = entry_rights(entry.raw);
    if ((frames->rights & rights) != rights) return EXO_RIGHTS;
    if (!sb_covers(frames, frame.raw, 1)) return EXO_RANGE;
    if (!type_fits(frame_info(frame)->type, level, rights)) return EXO_TYPE;
    return EXO_OK;
}

// Notes that what stands in a table may stand there on the authority of the caller's bindings. What the cached path
// writes need not be noted: it is written under bindings with OWN, whose end is felt in every table.
[[gnu::always_inline]] static inline void table_written(exo_paddr slot) {
    frame_info((exo_frame){slot.raw >> EXO_PAGE_SHIFT})->writers |= arch_current()->writer;
}

// Writes an entry that has been found allowed; returns the old one.
[[gnu::always_inline]] static inline uint64_t entry_write(exo_paddr slot, uint64_t *at, exo_entry entry) {
    table_written(slot);
    const bool present = entry.raw & EXO_ENTRY_PRESENT;
    if (present) frame_info(exo_entry_frame(entry))->maps++;
    const uint64_t old = arch_entry_exchange(at, present ? entry.raw | EXO_ENTRY_USER : entry.raw);
    if (old & EXO_ENTRY_PRESENT) frame_unmapped(exo_entry_frame((exo_entry){old}));
    return old;
}

// A claim is a frame line's `claim` word for a level-1 table; for a page of data it is one less.
static_assert(EXO_FRAME_DATA == EXO_FRAME_TABLE1 - 1);
static uint64_t last_claim = EXO_FRAME_TABLE1;

// Marks a frame as found under a binding of the caller's.
static void claim_frame(exo_frame frame, const struct sb_binding *binding) {
    constexpr uint64_t every = EXO_READ | EXO_WRITE | EXO_EXECUTE | EXO_OWN;
    const enum exo_frame_type type = frame_info(frame)->type;
    if ((binding->rights & every) != every) return;
    if (type != EXO_FRAME_DATA && type != EXO_FRAME_TABLE1) return;
    if (binding->table->claim == SB_NO_CLAIM) binding->table->claim = last_claim += 1 << 8;
    frame_info(frame)->claim = binding->table->claim - EXO_FRAME_TABLE1 + type;
}

// tlb_set with every check made anew. Like set_replaced, it zeroes the registers that call_tlb_set has used, too.
[[gnu::noinline, gnu::zero_call_used_regs("all-gpr")]]
static struct exo_result set_uncached(exo_handle table, exo_paddr slot, exo_handle frames, exo_entry entry,
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
        claim_frame(exo_entry_frame(entry), data);
    }
    claim_frame((exo_frame){slot.raw >> EXO_PAGE_SHIFT}, tables);

    const uint64_t old = entry_write(slot, to.entry, entry);
    if (flush.raw != 0) arch_flush_page(flush);
    return done(old);
}

// What is left to do for a page that replaced another. The parameters are call_tlb_set's, so that it can end in a
// jump to here; `old` takes the place of the slot.
[[gnu::noinline, gnu::zero_call_used_regs("all-gpr")]]
static struct exo_result set_replaced(exo_handle table, exo_paddr old, exo_handle frames, exo_entry entry,
                                      exo_vaddr flush) {
    (void)table, (void)frames, (void)entry;
    frame_unmapped(exo_entry_frame((exo_entry){old.raw}));
    if (flush.raw != 0) arch_flush_page(flush);
    return done(old.raw);
}

// The line of a frame, if it carries the claim (no frame carries SB_NO_CLAIM).
[[gnu::always_inline]] static inline struct exo_frame_info *claimed(uint64_t frame, uint64_t claim) {
    if (frame >= frame_count) [[clang::unlikely]]
        return nullptr;
    __asm__ volatile(""); // two branches: both conditions merged into one value cost more
    struct exo_frame_info *info = &frame_table[frame];
    return info->claim == claim ? info : nullptr;
}

// Empties an entry. In a table that is marked as the caller's nothing more is to be checked.
[[gnu::noinline, gnu::zero_call_used_regs("all-gpr")]]
static struct exo_result set_empty(exo_handle table, exo_paddr slot, exo_handle frames, exo_entry entry,
                                   exo_vaddr flush) {
    const exo_frame frame = {slot.raw >> EXO_PAGE_SHIFT};
    if (slot.raw % 8 != 0 || !claimed(frame.raw, arch_current()->bindings.claim))
        return set_uncached(table, slot, frames, entry, flush);
    const uint64_t old = arch_entry_exchange((uint64_t *)arch_frame(frame) + slot.raw / 8 % EXO_TABLE_ENTRIES, 0);
    if (old & EXO_ENTRY_PRESENT) frame_unmapped(exo_entry_frame((exo_entry){old}));
    if (flush.raw != 0) arch_flush_page(flush);
    return done(old);
}

// The common case by the binding cache: a page of data in a level-1 table, both marked as the caller's. Everything
// else goes to set_uncached. Each instruction here is paid at every fault, hence the shape: no call but in tail
// position, so no register to save, and only the registers zeroed that hold something of the kernel's.
[[gnu::zero_call_used_regs("skip")]]
struct exo_result call_tlb_set(exo_handle table, exo_paddr slot, exo_handle frames, exo_entry entry, exo_vaddr flush) {
    constexpr uint64_t plain = EXO_ENTRY_PRESENT | EXO_ENTRY_USER;
    constexpr uint64_t refused = 0x198; // PWT, PCD, PAT, G
    const uint64_t claim = arch_current()->bindings.claim;
    const uint64_t table_frame = __builtin_rotateright64(slot.raw, 3) >> (EXO_PAGE_SHIFT - 3); // unaligned: too large
    uint64_t frame = entry.raw << 1; // without NX; bits 52 to 62 make it too large
    __asm__("" : "+r"(frame));       // or the two shifts become three instructions
    frame >>= EXO_PAGE_SHIFT + 1;
    if ((entry.raw & (plain | refused)) != plain) [[clang::unlikely]]
        goto uncached;
    if (!claimed(table_frame, claim)) [[clang::unlikely]]
        goto uncached;
    struct exo_frame_info *info = claimed(frame, claim - 1);
    if (!info) [[clang::unlikely]]
        goto uncached;

    info->maps++;
    uint64_t *at = (uint64_t *)((uint8_t *)arch_frame((exo_frame){0}) + slot.raw);
    const uint64_t old = arch_entry_exchange(at, entry.raw);
    if (old & EXO_ENTRY_PRESENT) [[clang::unlikely]] {
        [[clang::musttail]] return set_replaced(table, (exo_paddr){old}, frames, entry, flush);
    }
    if (flush.raw != 0) arch_flush_page(flush); // of any address: at worst it flushes in vain
    arch_forget_scratch();
    return done(old);

uncached:
    if (entry.raw == 0) {
        [[clang::musttail]] return set_empty(table, slot, frames, entry, flush);
    }
    [[clang::musttail]] return set_uncached(table, slot, frames, entry, flush);
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
        updates[i].entry.raw = entry_write(update.slot, to.entry, update.entry);
    }
    if (flush.raw != 0) arch_flush_all();
    return (struct exo_result){error, i};
}

static void flush_range(exo_vaddr first, uint64_t count) {
    if (count > FLUSH_SINGLY)
        arch_flush_all();
    else
        for (uint64_t i = 0; i < count; i++) arch_flush_page((exo_vaddr){first.raw + i * EXO_PAGE_SIZE});
}

// Whether an entry of the table that holds `slot` may be given rights to a frame on the authority of `frames`.
[[gnu::noinline]] static enum exo_error protect_allowed(exo_paddr slot, exo_frame frame,
                                                        const struct sb_binding *frames, uint64_t rights) {
    if (!sb_covers(frames, frame.raw, 1)) return EXO_RANGE;
    if (rights & ~mappable[frame_info(frame)->type]) return EXO_TYPE;
    table_written(slot);
    claim_frame(frame, frames);
    return EXO_OK;
}

// How far a run over entries has come, and how many of those behind it were not present.
struct progress {
    uint64_t *at;
    uint64_t absent;
};

// The line of the frame that a present entry names: exo_entry_frame and frame_info in one shift.
[[gnu::always_inline]] static inline const struct exo_frame_info *entry_info(const struct exo_frame_info *table,
                                                                             uint64_t entry) {
    static_assert(sizeof *table == EXO_PAGE_SIZE >> 7);
    return (const struct exo_frame_info *)((const uint8_t *)table + ((entry & EXO_ENTRY_FRAME) >> 7));
}

// Rights are changed by separate atomic operations on the bits, so that no A or D bit that the MMU sets is lost. The
// two loops are functions of their own, to keep everything in registers; their caller zeroes these at its end.
[[gnu::noinline, gnu::zero_call_used_regs("skip")]]
static struct progress protect_unchecked(uint64_t *at, const uint64_t *end, uint64_t clear, uint64_t set) {
    uint64_t absent = 0;
#pragma clang loop unroll_count(4)
    for (; at != end; at++) {
        if (!(*at & EXO_ENTRY_PRESENT)) [[clang::unlikely]] {
            absent++;
            continue;
        }
        arch_entry_clear(at, clear);
        arch_entry_set(at, set);
    }
    return (struct progress){at, absent};
}

// The same up to the first entry whose frame does not carry the claim.
[[gnu::always_inline]] static inline struct progress protect_checked(uint64_t *at, const uint64_t *end, uint64_t clear,
                                                                     uint64_t set, uint64_t claim, bool clears) {
    const struct exo_frame_info *const table = frame_table; // the atomic operations would have it read again
    uint64_t absent = 0;
    for (; at != end; at++) {
        const uint64_t old = *at;
        if (!(old & EXO_ENTRY_PRESENT)) [[clang::unlikely]] {
            absent++;
            continue;
        }
        if (entry_info(table, old)->claim != claim) [[clang::unlikely]]
            break;
        if (clears) arch_entry_clear(at, clear);
        arch_entry_set(at, set);
    }
    return (struct progress){at, absent};
}

[[gnu::noinline, gnu::zero_call_used_regs("skip")]]
static struct progress protect_claimed(uint64_t *at, const uint64_t *end, uint64_t clear, uint64_t set,
                                       uint64_t claim) {
    if (clear == 0) return protect_checked(at, end, clear, set, claim, false); // to READ and WRITE
    return protect_checked(at, end, clear, set, claim, true);
}

// An entry that ends with no more than READ needs no authority but the table's.
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
    const uint64_t set = exo_entry_for((exo_frame){0}, rights).raw & changing, clear = changing ^ set;
    uint64_t *const end = to.entry + count;
    struct progress run = {to.entry, 0};
    enum exo_error error = EXO_OK;
    uint64_t absent = 0;
    if (rights == EXO_READ) {
        run = protect_unchecked(run.at, end, clear, set);
        absent = run.absent;
    } else {
        while (true) {
            run = protect_claimed(run.at, end, clear, set, arch_current()->bindings.claim - 1);
            absent += run.absent;
            if (run.at == end) break;
            error = protect_allowed(slot, exo_entry_frame((exo_entry){*run.at}), data, rights);
            if (error != EXO_OK) break;
            run = protect_unchecked(run.at, run.at + 1, clear, set);
        }
    }
    if (flush.raw != 0) flush_range(flush, count);
    return (struct exo_result){error, (uint64_t)(run.at - to.entry) - absent};
}

struct exo_result call_tlb_harvest(exo_handle table, exo_paddr slot, uint64_t count, exo_entry bits, exo_vaddr flush) {
    FIND(tables, table, FRAMES, EXO_WRITE);
    CHECK((bits.raw & ~(EXO_ENTRY_ACCESSED | EXO_ENTRY_DIRTY)) == 0 && bits.raw != 0, VALUE);
    CHECK(count >= 1 && count <= EXO_TABLE_ENTRIES, VALUE);
    CHECK(is_user_address(flush), ADDRESS);
    const struct slot to = slot_find(tables, slot, count);
    if (to.error != EXO_OK) return (struct exo_result){to.error, 0};
    CHECK(to.level == 1, TYPE);

    struct exo_harvest *harvest = (struct exo_harvest *)pe_page(arch_current())->args;
    uint64_t set = 0, accessed = 0, dirty = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t old = to.entry[i];
        if ((old & EXO_ENTRY_PRESENT) && (old & bits.raw)) {
            old = arch_entry_clear(&to.entry[i], bits.raw) & bits.raw;
            accessed |= (uint64_t)!!(old & EXO_ENTRY_ACCESSED) << i % 64;
            dirty |= (uint64_t)!!(old & EXO_ENTRY_DIRTY) << i % 64;
            set++;
        }
        if (i % 64 == 63 || i == count - 1) {
            harvest->accessed[i / 64] = accessed;
            harvest->dirty[i / 64] = dirty;
            accessed = dirty = 0;
        }
    }
    if (flush.raw != 0 && set != 0) flush_range(flush, count);
    return done(set);
}

struct exo_result call_tlb_flush(exo_vaddr first, uint64_t count) {
    CHECK(is_user_address(first), ADDRESS);
    flush_range(first, count == 0 ? UINT64_MAX : count);
    return done(0);
}
