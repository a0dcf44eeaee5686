// SPDX-License-Identifier: MIT
// The machine of unix_memory_fake.h: frames, tables, processor.
#include "tests/unit/unix_memory_fake.h"
#include "libos/core/heap.h"
#include "libos/core/start.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/memory/user_moves.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake fake;
struct start_info *start;

constexpr uint64_t FRAME_FIRST = 5000, TABLE_FIRST = 900'000; // numbers of frames
constexpr unsigned TABLES = 8192, MEMORIES = 64;
constexpr size_t HEAP = 64u << 20;

static char *frames, *heap;
static uint64_t frame_count;
static struct {
    unsigned level;
    uint64_t *entry;
} tables[TABLES];
static void *memories[MEMORIES];
static unsigned memory_count;
static const struct table *entered;

// ---- the processor

static struct line {
    bool valid, write, dirty;
    uint64_t page, frame;
} tlb[64];
static struct walk {
    bool valid, write;
    uint64_t range; // address / LEAF_SPAN
    uint64_t table; // frame of the level-1 table
} walks[16];

static void flush_all(void) {
    memset(tlb, 0, sizeof tlb);
    memset(walks, 0, sizeof walks);
    fake.flushes++;
}

// A flush of one page also empties the memory of tables, as the processor's manual says.
static void flush_page(uint64_t address) {
    struct line *line = &tlb[address / EXO_PAGE_SIZE % 64];
    if (line->page == address / EXO_PAGE_SIZE) line->valid = false;
    memset(walks, 0, sizeof walks);
}

static uint64_t *table_at(uint64_t frame, unsigned level) {
    cr_assert(frame >= TABLE_FIRST && frame < TABLE_FIRST + fake.tables, "frame %lu is no table", frame);
    cr_assert_eq(tables[frame - TABLE_FIRST].level, level, "table of level %u where one of %u belongs",
                 tables[frame - TABLE_FIRST].level, level);
    return tables[frame - TABLE_FIRST].entry;
}

static uint64_t frame_in(uint64_t entry) {
    return (entry & EXO_ENTRY_FRAME) >> EXO_PAGE_SHIFT;
}

// The level-1 table of an address. Null: an upper entry is absent.
static struct walk *find_walk(uint64_t address) {
    struct walk *walk = &walks[address / LEAF_SPAN % 16];
    if (walk->valid && walk->range == address / LEAF_SPAN) return walk;
    const uint64_t upper = table_at(entered->frame.raw, 3)[index_in_space(address)];
    if (!(upper & EXO_ENTRY_PRESENT)) return nullptr;
    const uint64_t lower = table_at(frame_in(upper), 2)[index_in_node(address)];
    if (!(lower & EXO_ENTRY_PRESENT)) return nullptr;
    *walk = (struct walk){true, upper & lower & EXO_ENTRY_WRITE, address / LEAF_SPAN, frame_in(lower)};
    return walk;
}

// Where an address lies in memory; null: a fault, whose error is written.
static char *translate(uint64_t address, bool write, uint64_t *error) {
    const uint64_t page = address / EXO_PAGE_SIZE;
    struct line *line = &tlb[page % 64];
    const bool hit = line->valid && line->page == page;
    if (!hit || (write && line->write && !line->dirty)) {
        const struct walk *walk = hit && write && !line->write ? nullptr : find_walk(address);
        uint64_t *entry = walk == nullptr ? nullptr : &table_at(walk->table, 1)[index_in_leaf(address)];
        if (entry == nullptr || !(*entry & EXO_ENTRY_PRESENT)) {
            *error = write ? 2 : 0;
            return nullptr;
        }
        const bool may_write = walk->write && (*entry & EXO_ENTRY_WRITE);
        if (write && !may_write) {
            *error = 3;
            return nullptr;
        }
        *entry |= EXO_ENTRY_ACCESSED | (write ? EXO_ENTRY_DIRTY : 0);
        *line = (struct line){true, may_write, *entry & EXO_ENTRY_DIRTY, page, frame_in(*entry)};
    } else if (write && !line->write) {
        *error = 3;
        return nullptr;
    }
    cr_assert(line->frame >= FRAME_FIRST && line->frame < FRAME_FIRST + frame_count, "frame %lu is mapped",
              line->frame);
    cr_assert(!write || line->frame != memory.frame_number[memory.zero_frame], "a write to the page of zeros");
    return frames + (line->frame - FRAME_FIRST) * EXO_PAGE_SIZE + address % EXO_PAGE_SIZE;
}

static char *access_at(uint64_t address, bool write, int *signal) {
    static struct exo_context registers;
    registers.rip++; // another instruction
    for (unsigned tries = 0; tries < 8; tries++) {
        uint64_t error = 0;
        char *place = translate(address, write, &error);
        if (place != nullptr) return place;
        flush_page(address);
        const struct vm_refusal refusal = vm_fault(vm_entered, address, error | 4, &registers);
        if (refusal.signal != 0) {
            *signal = refusal.signal;
            return nullptr;
        }
    }
    cr_assert_fail("address %#lx faults again and again", address);
    return nullptr;
}

int fake_read(uint64_t address, uint64_t *value) {
    int signal = 0;
    const char *place = access_at(address, false, &signal);
    if (place != nullptr) memcpy(value, place, sizeof *value);
    return signal;
}

int fake_write(uint64_t address, uint64_t value) {
    int signal = 0;
    char *place = access_at(address, true, &signal);
    if (place != nullptr) memcpy(place, &value, sizeof value);
    return signal;
}

// Bytes from or to a user go by pages, as they may lie anywhere in memory.
uint64_t user_copy(void *to, const void *from, uint64_t bytes) {
    while (bytes != 0) {
        const uint64_t a = (uint64_t)to, b = (uint64_t)from;
        uint64_t part = bytes;
        if (part > EXO_PAGE_SIZE - a % EXO_PAGE_SIZE) part = EXO_PAGE_SIZE - a % EXO_PAGE_SIZE;
        if (part > EXO_PAGE_SIZE - b % EXO_PAGE_SIZE) part = EXO_PAGE_SIZE - b % EXO_PAGE_SIZE;
        int signal = 0;
        char *target = unix_is_user(a, part) ? access_at(a, true, &signal) : to;
        if (target == nullptr) return bytes;
        const char *source = unix_is_user(b, part) ? access_at(b, false, &signal) : from;
        if (source == nullptr) return bytes;
        memmove(target, source, part);
        to = (char *)to + part;
        from = (const char *)from + part;
        bytes -= part;
    }
    return 0;
}

int user_write(uint64_t to, const void *from, size_t bytes) {
    return unix_is_user(to, bytes) && user_copy((void *)to, from, bytes) == 0 ? 0 : -EFAULT;
}

// ---- machine.h

bool machine_table(unsigned level, struct table *table) {
    if (fake.tables_left == 0) return false;
    fake.tables_left--;
    cr_assert_lt(fake.tables, TABLES);
    uint64_t *entry = calloc(ENTRIES, sizeof *entry);
    cr_assert_not_null(entry);
    tables[fake.tables].level = level;
    tables[fake.tables].entry = entry;
    *table = (struct table){{TABLE_FIRST + fake.tables++}, entry};
    return true;
}

static struct {
    struct table table;
    unsigned index;
    uint64_t entry;
} queue[192];
static unsigned queued;

void machine_put(const struct table *table, unsigned index, exo_entry entry) {
    cr_assert_lt(index, ENTRIES);
    if (queued == 192) machine_commit(0);
    queue[queued].table = *table;
    queue[queued].index = index;
    queue[queued++].entry = entry.raw;
}

void machine_commit(uint64_t flush) {
    fake.commits++;
    for (unsigned i = 0; i < queued; i++) {
        const uint64_t frame = queue[i].table.frame.raw, entry = queue[i].entry;
        const unsigned level = tables[frame - TABLE_FIRST].level;
        if (entry & EXO_ENTRY_PRESENT) {
            if (level > 1)
                (void)table_at(frame_in(entry), level - 1);
            else
                cr_assert(frame_in(entry) >= FRAME_FIRST && frame_in(entry) < FRAME_FIRST + frame_count);
        }
        table_at(frame, level)[queue[i].index] = entry;
        fake.table_writes++;
    }
    if (queued > 0 && flush == MACHINE_FLUSH_ALL)
        flush_all();
    else if (queued > 0 && flush != 0)
        flush_page(flush);
    queued = 0;
}

void machine_enter(const struct table *table) {
    entered = table;
    flush_all();
}

void *machine_memory(uint64_t bytes) {
    cr_assert_lt(memory_count, MEMORIES);
    return memories[memory_count++] = calloc(1, bytes);
}

char *machine_frames(uint64_t count, uint32_t *number) {
    frames = aligned_alloc(EXO_PAGE_SIZE, count * EXO_PAGE_SIZE);
    cr_assert_not_null(frames);
    memset(frames, 0xee, count * EXO_PAGE_SIZE);
    frame_count = count;
    for (uint64_t i = 0; i < count; i++) number[i] = (uint32_t)(FRAME_FIRST + i);
    return frames;
}

char *fake_frame(exo_frame frame) {
    cr_assert(frame.raw >= FRAME_FIRST && frame.raw < FRAME_FIRST + frame_count);
    return frames + (frame.raw - FRAME_FIRST) * EXO_PAGE_SIZE;
}

void machine_report(const char *, ...) {}

void machine_fail(const char *format, ...) {
    char line[256];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    cr_assert_fail("%s", line);
    abort();
}

void heap_broken(const void *block) {
    cr_assert_fail("block %p is released, and is none", block);
    abort();
}

// ---- beginning and end

void fake_disk_begin(void);
void fake_disk_end(void);

void fake_begin(const char *policy, uint64_t slots, uint64_t swap_blocks) {
    fake = (struct fake){.file_blocks = UINT64_MAX, .tables_left = UINT64_MAX};
    heap = aligned_alloc(EXO_PAGE_SIZE, HEAP);
    heap_init(heap, HEAP, false);
    fake_disk_begin();
    memory_divide(&(struct memory_plan){.policy = memory_policy(policy),
                                        .seed = 1,
                                        .budget = slots,
                                        .swap_first = 1000,
                                        .swap_blocks = swap_blocks,
                                        .leaves = 2048});
}

void fake_end(void) {
    cr_expect_eq(memory.private_count, 0, "%u private pages are left", memory.private_count);
    cr_expect_eq(swap_left(), swap_size());
    cr_expect_null(objects);
    for (uint32_t slot = 0; slot < memory.used; slot++) {
        const uint32_t page = memory.slot[slot].page;
        if (page != NONE) cr_expect_eq(memory.page[page].kind, PAGE_DEAD, "page %u is left in memory", page);
    }
    unsigned numbers = 0;
    for (uint32_t page = memory.free_first; page != NONE; page = memory.page[page].next) numbers++;
    for (uint32_t i = 0; i < memory.dead_count; i++) numbers += memory.slot[memory.dead[i]].page != NONE;
    cr_expect_eq(numbers + 1, memory.page_count, "%u numbers of pages of %u are free", numbers, memory.page_count);
    for (unsigned i = 0; i < fake.tables; i++) {
        for (unsigned index = 0; index < ENTRIES; index++)
            cr_expect_eq(tables[i].entry[index], 0, "an entry is left in a table of level %u", tables[i].level);
        free(tables[i].entry);
    }
    while (memory_count > 0) free(memories[--memory_count]);
    free(frames);
    free(heap);
    fake_disk_end();
}
