// SPDX-License-Identifier: MIT
// The machine of pager_fake.h, but for its disk.
#include "libos/pager/recording.h"
#include "tests/unit/pager_fake.h"
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

constexpr uint64_t FRAME_FIRST = 7000; // number of the first frame

struct fake fake;
static uint64_t tlb[FAKE_PAGES];    // entry as it was when walked, with the bits set since; 0: none
static unsigned owner[FAKE_FRAMES]; // page that a frame is mapped at, plus 1; 0: none

static unsigned memories;

void fake_forget_memories(void) {
    memories = 0;
}

void *machine_memory(uint64_t bytes) {
    alignas(16) static char memory[1 << 20];
    static size_t used;
    if (++memories == fake.refuse_memory) return nullptr;
    void *part = memory + used;
    used += (bytes + 15) & ~15ul;
    cr_assert_leq(used, sizeof memory);
    return part;
}

void *machine_frames(exo_frame *frames, uint64_t count) {
    static uint64_t memory[FAKE_FRAMES][FAKE_WORDS], blocks[FAKE_BLOCKS][FAKE_WORDS];
    fake.frames = memory;
    fake.disk = blocks;
    const unsigned first = fake.frames_taken, limit = fake.frames_limit == 0 ? FAKE_FRAMES : fake.frames_limit;
    if (first + count > limit) return nullptr;
    for (uint64_t i = 0; i < count; i++) frames[i] = (exo_frame){FRAME_FIRST + first + i};
    memset(fake.frames[first], 0xee, count * EXO_PAGE_SIZE);
    fake.frames_taken += (unsigned)count;
    return fake.frames[first];
}

// The memory of the frames that come next: each frame has its own page in it.
void *machine_window(uint64_t pages) {
    exo_frame frames[FAKE_FRAMES];
    return machine_frames(frames, pages);
}

bool machine_show(void *page, exo_frame frame) {
    cr_assert_eq(page, (void *)fake_memory(frame), "a frame is shown elsewhere than its memory is");
    return true;
}

void machine_hide(void *) {}

bool machine_reserve(exo_vaddr first, uint64_t pages) {
    return first.raw >= FAKE_FIRST && (first.raw - FAKE_FIRST) / EXO_PAGE_SIZE + pages <= FAKE_PAGES;
}

static unsigned index_of(exo_vaddr page) {
    const uint64_t index = (page.raw - FAKE_FIRST) / EXO_PAGE_SIZE;
    cr_assert_lt(index, FAKE_PAGES);
    return (unsigned)index;
}

const volatile uint64_t *machine_entries(exo_vaddr first) {
    return &fake.entries[index_of(first)];
}

uint64_t *fake_memory(exo_frame frame) {
    const uint64_t number = frame.raw;
    cr_assert(number >= FRAME_FIRST && number < FRAME_FIRST + fake.frames_taken, "frame %lu is not the pager's",
              number);
    return fake.frames[number - FRAME_FIRST];
}

bool fake_is_mapped(exo_frame frame) {
    return owner[frame.raw - FRAME_FIRST] != 0;
}

bool machine_bind(exo_vaddr page, exo_frame frame) {
    const unsigned index = index_of(page);
    cr_assert_eq(fake.entries[index], 0, "page %u is mapped already", index);
    fake_memory(frame);
    cr_assert_eq(owner[frame.raw - FRAME_FIRST], 0, "frame of page %u is mapped elsewhere", index);
    cr_assert_not(fake_in_transfer(frame), "frame of page %u has a transfer under way", index);
    owner[frame.raw - FRAME_FIRST] = index + 1;
    fake.binds++;
    fake.entries[index] = exo_entry_for(frame, EXO_READ | EXO_WRITE).raw | EXO_ENTRY_USER;
    return true;
}

static void flush(unsigned index) {
    tlb[index] = 0;
    fake.flushes++;
}

uint64_t machine_unbind(exo_vaddr page) {
    const unsigned index = index_of(page);
    const uint64_t old = fake.entries[index];
    cr_assert(old & EXO_ENTRY_PRESENT, "page %u is not mapped", index);
    fake.entries[index] = 0;
    owner[exo_entry_frame((exo_entry){old}).raw - FRAME_FIRST] = 0;
    flush(index);
    return old;
}

void machine_clear(exo_vaddr page, uint64_t bits) {
    fake.entries[index_of(page)] &= ~bits;
    flush(index_of(page));
}

void machine_clear_range(exo_vaddr first, uint64_t pages, uint64_t bits) {
    for (uint64_t i = 0; i < pages; i++) machine_clear((exo_vaddr){first.raw + i * EXO_PAGE_SIZE}, bits);
}

void machine_zero(void *page) {
    memset(page, 0, EXO_PAGE_SIZE);
}

// The fake processor has no registers; what they tell is whether an instruction has got through.
uint64_t machine_registers(const struct exo_exception *) {
    return fake.instructions;
}

uint64_t machine_kernel_time(unsigned step) {
    return step; // before any time-stamp counter
}

void machine_report(const char *format, ...) {
    char line[MACHINE_LINE + 200];
    va_list list;
    va_start(list, format);
    const int length = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    cr_assert_leq(length, (int)MACHINE_LINE, "a line of %d bytes", length);
    const size_t before = fake.report == nullptr ? 0 : strlen(fake.report);
    fake.report = realloc(fake.report, before + (size_t)length + 2);
    snprintf(fake.report + before, (size_t)length + 2, "%s\n", line);
}

void machine_record(uint32_t word) {
    if ((fake.recorded & (fake.recorded - 1)) == 0)
        fake.recording = realloc(fake.recording, (fake.recorded == 0 ? 1 : 2 * fake.recorded) * sizeof word);
    fake.recording[fake.recorded++] = word;
}

uint64_t machine_recorded(void) {
    return fake.recorded;
}

const char *fake_recording(void) {
    static char text[4096];
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < fake.recorded; i++) {
        const uint32_t word = fake.recording[i];
        cr_assert_lt(length, sizeof text - 16, "a recording of %zu words is long for a text", fake.recorded);
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%u%c ", word & RECORDED_JOINED ? "+" : "",
                                   word >> RECORDED_SHIFT, "RWM?"[word & RECORDED_KIND]);
    }
    return text;
}

void machine_fail(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(fake.failure, sizeof fake.failure, format, list);
    va_end(list);
    if (fake.on_failure == nullptr) {
        cr_log_error("%s", fake.failure);
        abort();
    }
    longjmp(*fake.on_failure, 1);
}

// One access as the processor makes it: true if it went through.
static bool access_page(const struct fake_access *access) {
    const uint64_t bits = EXO_ENTRY_ACCESSED | (access->write ? EXO_ENTRY_DIRTY : 0);
    uint64_t *remembered = &tlb[access->page], *entry = &fake.entries[access->page];
    if ((*remembered & bits) == bits) return true; // no walk: the bits in memory are left as they are
    if (!(*entry & EXO_ENTRY_PRESENT)) return false;
    *entry |= bits;
    *remembered = *entry;
    return true;
}

uint64_t *fake_execute(uint64_t rip, const struct fake_access *accesses, unsigned count) {
    unsigned restarts = 0;
    for (unsigned i = 0; i < count;) {
        if (access_page(&accesses[i])) {
            i++;
            continue;
        }
        const struct exo_exception exception = {
            .cr2 = fake_address(accesses[i].page).raw + 8 * i,
            .error = 4 | (accesses[i].write ? 2 : 0),
            .rip = rip,
        };
        fake.faults++;
        cr_assert_lt(++restarts, 1000, "the instruction faults for ever");
        cr_assert(pager_fault(&exception), "page %lu", accesses[i].page);
        i = 0;
    }
    fake.instructions++;
    return fake_memory(exo_entry_frame((exo_entry){tlb[accesses[count - 1].page]}));
}

uint64_t *fake_touch(uint64_t page, bool write) {
    return fake_execute(0x40'0000, &(struct fake_access){page, write}, 1);
}
