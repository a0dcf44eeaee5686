// SPDX-License-Identifier: MIT
// What the kernel tests share: a machine on the host, its first PE, and short words for what they do most.
#pragma once
#include <criterion/criterion.h>
#include "exo/arch/arch.h"
#include "exo/arch/host/host.h"
#include "exo/frame.h"
#include "pe/package.h"
#include "pe/tlb.h"

constexpr uint64_t WORLD_FRAMES = 700, WORLD_BLOCKS = 64;
constexpr exo_handle FRAMES = {1 << 16 | EXO_FIRST_FRAMES}, PACKAGE = {1 << 16 | EXO_FIRST_PACKAGE},
                     DISK = {1 << 16 | EXO_FIRST_DISK}, SLICES = {1 << 16 | EXO_FIRST_SLICES},
                     CONSOLE = {1 << 16 | EXO_FIRST_CONSOLE}, REPORT = {1 << 16 | EXO_FIRST_REPORT},
                     POWER = {1 << 16 | EXO_FIRST_POWER};
constexpr exo_vaddr NO_FLUSH = {0};

static struct pe *first;
static struct exo_first parts; // where the first PE's tables are
static exo_frame next_frame;

static void world_of(uint64_t frames, uint64_t blocks) {
    host_boot(frames, blocks);
    first = host_current();
    parts = *(struct exo_first *)pe_page(first)->args;
    next_frame = host_free_first();
}

static inline void world_begin(void) {
    world_of(WORLD_FRAMES, WORLD_BLOCKS);
}

// So large that a pass over all frames takes more than one call.
constexpr uint64_t MANY_FRAMES = 300'000;

#define EXPECT_BOOKS()                                                                                                 \
    do {                                                                                                               \
        const char *wrong_ = host_audit();                                                                             \
        cr_expect_null(wrong_, "%s", wrong_);                                                                          \
    } while (0)

static void world_end(void) {
    uint64_t status;
    if (!host_is_off(&status)) EXPECT_BOOKS();
}

static inline const char *error_name(enum exo_error error) {
    static const char *const names[] = {
#define ERROR(number, name, sentence) [number] = #name,
#include "pe/errors.def"
#undef ERROR
    };
    return error < sizeof names / sizeof *names ? names[error] : "?";
}

// The result of a call against an error's name: EXPECT(RANGE, host_tlb_set(…)).
#define EXPECT(name, call)                                                                                             \
    do {                                                                                                               \
        const struct exo_result result_ = (call);                                                                      \
        cr_expect_eq(result_.error, EXO_##name, "%s, not " #name ": %s", error_name(result_.error), #call);            \
    } while (0)

// The value of a call that must succeed.
#define MUST(call)                                                                                                     \
    ({                                                                                                                 \
        const struct exo_result result_ = (call);                                                                      \
        cr_assert_eq(result_.error, EXO_OK, "%s: %s", error_name(result_.error), #call);                               \
        result_.value;                                                                                                 \
    })

// Makes calls of this kind until they no longer say AGAIN; the last result.
#define REPEAT(call)                                                                                                   \
    ({                                                                                                                 \
        struct exo_result last_;                                                                                       \
        unsigned rounds_ = 0;                                                                                          \
        do {                                                                                                           \
            last_ = (call);                                                                                            \
            cr_assert_lt(++rounds_, 10000u, "no end to " #call);                                                       \
        } while (last_.error == EXO_AGAIN);                                                                            \
        last_;                                                                                                         \
    })

// `count` consecutive free frames of the first PE's, with a type.
static inline exo_frame take_frames(uint64_t count, enum exo_frame_type type) {
    const exo_frame taken = next_frame;
    next_frame.raw += count;
    cr_assert_leq(next_frame.raw, frame_count);
    for (uint64_t i = 0; i < count; i++) MUST(host_frame_retype(first, FRAMES, (exo_frame){taken.raw + i}, 1, type));
    return taken;
}

// The place of an entry.
static inline exo_paddr slot_at(exo_frame table, unsigned index) {
    return (exo_paddr){(table.raw << EXO_PAGE_SHIFT) + 8 * index};
}

// The place of a page's entry in the first PE's address space (below 8 MiB).
static inline exo_paddr slot_of(exo_vaddr page) {
    const uint64_t number = page.raw >> EXO_PAGE_SHIFT;
    return slot_at((exo_frame){parts.table1.raw + number / EXO_TABLE_ENTRIES}, number % EXO_TABLE_ENTRIES);
}

static inline struct exo_result map(exo_vaddr page, exo_frame frame, uint64_t rights) {
    return host_tlb_set(first, FRAMES, slot_of(page), FRAMES, exo_entry_for(frame, rights), page);
}

static inline struct exo_result unmap(exo_vaddr page, exo_vaddr flush) {
    return host_tlb_set(first, FRAMES, slot_of(page), EXO_NO_HANDLE, (exo_entry){0}, flush);
}

static inline uint64_t entry_at(exo_paddr slot) {
    return ((uint64_t *)arch_frame((exo_frame){slot.raw >> EXO_PAGE_SHIFT}))[slot.raw / 8 % EXO_TABLE_ENTRIES];
}

static inline const struct exo_frame_info *info(exo_frame frame) {
    return frame_info(frame);
}

// A second PE, started, with an address space of its own made of the first PE's frames.
struct other {
    struct pe *pe;
    exo_handle handle; // the first PE's binding of it
    exo_frame frames;  // 3 of the PE, then tables 4 3 2 1; `frames_count` in all
    exo_frame table1;
    exo_handle held; // its binding of `grant_count` data frames from grant_first on (none if 0)
};
constexpr uint64_t OTHER_FRAMES = 7;
constexpr uint64_t READ_WRITE = EXO_READ | EXO_WRITE;

static inline struct other make_other_at(exo_frame at, exo_frame grant_first, uint64_t grant_count, uint64_t rights) {
    struct other other = {.frames = at, .table1 = {at.raw + 6}};
    other.handle = (exo_handle){MUST(host_pe_create(first, FRAMES, at, 3))};
    other.pe = host_pe(first, other.handle);
    for (unsigned level = 4; level >= 1; level--)
        MUST(host_frame_retype(first, FRAMES, (exo_frame){at.raw + 7 - level}, 1, EXO_FRAME_TABLE1 + level - 1));
    for (unsigned level = 4; level >= 2; level--)
        MUST(host_tlb_set(first, FRAMES, slot_at((exo_frame){at.raw + 7 - level}, 0), FRAMES,
                          exo_entry_for((exo_frame){at.raw + 8 - level}, READ_WRITE | EXO_EXECUTE), NO_FLUSH));
    MUST(host_pe_set_root(first, other.handle, FRAMES, (exo_frame){at.raw + 3}));
    if (grant_count > 0) {
        other.held =
            (exo_handle){MUST(host_binding_grant(first, FRAMES, other.handle, grant_first.raw, grant_count, rights))};
        MUST(host_binding_grant(first, FRAMES, other.handle, other.table1.raw, 1, EXO_READ | EXO_WRITE));
    }
    MUST(host_pe_start(first, other.handle, 0));
    return other;
}

static inline struct other make_other(exo_frame grant_first, uint64_t grant_count, uint64_t rights) {
    const exo_frame at = next_frame;
    next_frame.raw += OTHER_FRAMES;
    return make_other_at(at, grant_first, grant_count, rights);
}

// The other PE's binding of its level-1 table.
static inline exo_handle other_table(const struct other *other) {
    return (exo_handle){other->held.raw + 1};
}

static inline struct exo_result other_map(const struct other *other, exo_vaddr page, exo_frame frame, uint64_t rights) {
    return host_tlb_set(other->pe, other_table(other), slot_at(other->table1, exo_table_index(page, 1)), other->held,
                        exo_entry_for(frame, rights), page);
}
