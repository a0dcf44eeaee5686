// SPDX-License-Identifier: MIT
// The pager's machine (machine.h), from libos/core. Memory for tables and the windows on frames are laid out one after
// the other between core's own pages and the heaps.
#include "libos/pager/machine.h"
#include "libos/core/disk.h"
#include "libos/core/print.h"
#include "libos/core/space.h"
#include "libos/core/start.h"
#include "libos/core/upcall.h"
#include "libos/pager/pager.h"

static uint64_t area_next = MAP_PAGER;

static_assert(MACHINE_TAG_MOST == DISK_TAG_MOST);

// `pages` pages of address space with tables, not mapped; 0: none left.
static uint64_t area_take(uint64_t pages) {
    uint64_t first = area_next;
    if (pages > (MAP_PAGER_END - first) / EXO_PAGE_SIZE || !space_reserve((exo_vaddr){first}, pages)) return 0;
    area_next += pages * EXO_PAGE_SIZE;
    return first;
}

// Fills `pages` pages from `first` on with frames, whose numbers go to `frames` if it is not null.
static bool area_fill(uint64_t first, uint64_t pages, exo_frame *frames) {
    for (uint64_t i = 0; i < pages; i++) {
        exo_frame frame = frames_take();
        if (frame.raw == 0) return false;
        if (space_map((exo_vaddr){first + i * EXO_PAGE_SIZE}, frame, EXO_READ | EXO_WRITE) != EXO_OK) return false;
        if (frames != nullptr) frames[i] = frame;
    }
    return true;
}

// A frame that was given back before is not zero when it is handed out again, so tables are cleared here.
void *machine_memory(uint64_t bytes) {
    uint64_t pages = (bytes + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE;
    uint64_t first = area_take(pages);
    if (first == 0 || !area_fill(first, pages, nullptr)) return nullptr;
    for (uint64_t i = 0; i < pages; i++) machine_zero((void *)(first + i * EXO_PAGE_SIZE));
    return (void *)first;
}

void *machine_frames(exo_frame *frames, uint64_t count) {
    uint64_t first = area_take(count);
    return first != 0 && area_fill(first, count, frames) ? (void *)first : nullptr;
}

void *machine_window(uint64_t pages) {
    return (void *)area_take(pages);
}

bool machine_show(void *page, exo_frame frame) {
    return machine_bind((exo_vaddr){(uint64_t)page}, frame);
}

void machine_hide(void *page) {
    (void)space_unmap((exo_vaddr){(uint64_t)page});
}

bool machine_reserve(exo_vaddr first, uint64_t pages) {
    return space_reserve(first, pages);
}

const volatile uint64_t *machine_entries(exo_vaddr first) {
    return (const volatile uint64_t *)space_window(first);
}

bool machine_bind(exo_vaddr page, exo_frame frame) {
    const exo_entry entry = exo_entry_for(frame, EXO_READ | EXO_WRITE);
    return exo_tlb_set(space_tables, space_slot(page), frames_handle(frame), entry, (exo_vaddr){0}).error == EXO_OK;
}

uint64_t machine_unbind(exo_vaddr page) {
    return space_unmap(page);
}

// One entry is written anew without the bits: unlike a harvest that needs no argument area, and nothing of this PE runs
// between reading the entry and writing it.
void machine_clear(exo_vaddr page, uint64_t bits) {
    uint64_t entry = space_entry(page);
    if (!(entry & bits)) return;
    const exo_handle frames = frames_handle(exo_entry_frame((exo_entry){entry}));
    if (exo_tlb_set(space_tables, space_slot(page), frames, (exo_entry){entry & ~bits}, page).error != EXO_OK) {
        pe_fail("the kernel refused to clear bits of %#lx", page.raw);
    }
}

// The fault may have come while the application was about to make a call that takes arguments from the area that a
// harvest answers in, so what it overwrites is put back.
void machine_clear_range(exo_vaddr first, uint64_t pages, uint64_t bits) {
    struct exo_harvest *area = (struct exo_harvest *)pe_page()->args, before = *area, harvest;
    for (uint64_t done = 0; done < pages;) {
        uint64_t part = pages - done < EXO_TABLE_ENTRIES ? pages - done : EXO_TABLE_ENTRIES;
        (void)space_harvest((exo_vaddr){first.raw + done * EXO_PAGE_SIZE}, part, bits, &harvest);
        done += part;
    }
    *area = before;
}

// The slice that lasts, as far as is known, and when it had begun by then.
static struct {
    uint64_t number, begun;
} slice;
constexpr uint64_t SLICE_STEADY = 1'000'000; // ticks: under -icount, where they are instructions, a fifth of a slice

static void note_slice(void) {
    if (pe_page()->slices == slice.number) return;
    slice.number = pe_page()->slices;
    slice.begun = machine_time();
}

void machine_steady(void) {
    if (pe_page()->slices == slice.number && machine_time() - slice.begun < SLICE_STEADY) return;
    (void)exo_pe_yield(EXO_NO_HANDLE);
    note_slice();
}

static bool waits_count;
static uint64_t waited;

void machine_count_waits(void) {
    waits_count = true;
}

uint64_t machine_waited(void) {
    return waited;
}

static bool wait_for(enum disk_client client) {
    if (!waits_count) return disk_wait(client);
    const uint64_t begin = machine_time();
    const bool more = disk_wait(client);
    waited += machine_time() - begin;
    note_slice(); // it begins at the end of a wait
    return more;
}

bool machine_disk_start(enum exo_ring_operation operation, exo_frame frame, uint64_t block) {
    return disk_submit(DISK_FAULT, operation, frame, block, 0);
}

enum exo_error machine_disk_finish(void) {
    uint32_t tag;
    enum exo_error error;
    while (!disk_completion(DISK_FAULT, &tag, &error)) {
        if (!wait_for(DISK_FAULT)) return EXO_DEVICE;
    }
    return error;
}

bool machine_disk_put(enum exo_ring_operation operation, exo_frame frame, uint64_t block, uint32_t tag) {
    return disk_put(DISK_AHEAD, operation, frame, block, tag);
}

void machine_disk_kick(void) {
    disk_kick();
}

bool machine_disk_take(bool wait, uint32_t *tag, enum exo_error *error) {
    while (!disk_completion(DISK_AHEAD, tag, error)) {
        if (!wait || !wait_for(DISK_AHEAD)) return false;
    }
    return true;
}

void machine_zero(void *page) {
    uint64_t words = EXO_PAGE_SIZE / sizeof(uint64_t);
    __asm__ volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(0ul) : "memory");
}

// The callee-saved registers, as entry.S leaves them. C has them wherever the compiler wants them, so they are kept
// here before any C runs.
[[gnu::used]] static uint64_t kept[6];

[[gnu::naked]] void pe_on_fault(struct exo_exception *) {
    __asm__("movq %%rbx, %c0(%%rip)\n\t"
            "movq %%rbp, %c0+8(%%rip)\n\t"
            "movq %%r12, %c0+16(%%rip)\n\t"
            "movq %%r13, %c0+24(%%rip)\n\t"
            "movq %%r14, %c0+32(%%rip)\n\t"
            "movq %%r15, %c0+40(%%rip)\n\t"
            "jmp pager_on_fault"
            :
            : "i"(kept));
}

// entry.S has put the caller-saved registers on top of the fault handler's stack.
uint64_t machine_registers(const struct exo_exception *exception) {
    extern char stack_fault_top[];
    const struct upcall_registers *saved = (const struct upcall_registers *)stack_fault_top - 1;
    const uint64_t words[] = {exception->rax, exception->rcx, exception->r11, exception->rsp, saved->rdi, saved->rsi,
                              saved->rdx,     saved->r8,      saved->r9,      saved->r10,     kept[0],    kept[1],
                              kept[2],        kept[3],        kept[4],        kept[5]};
    uint64_t digest = 0;
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) digest = (digest ^ words[i]) * 0x9e37'79b9'7f4a'7c15u;
    return digest;
}

static struct {
    uint32_t *words; // a page of them; null: there is nowhere to record to
    exo_frame frame; // that page's
    unsigned used;
    uint64_t block, blocks, written;
} recording;
constexpr unsigned RECORDING_WORDS = EXO_PAGE_SIZE / sizeof(uint32_t);

bool pager_record_to(uint64_t block, uint64_t blocks) {
    recording.block = block;
    recording.blocks = blocks;
    recording.words = machine_frames(&recording.frame, 1);
    return recording.words != nullptr;
}

static void write_recording(void) {
    if (recording.written == recording.blocks)
        machine_fail("the recording has room for %lu references, and there are more",
                     recording.blocks * RECORDING_WORDS);
    const uint64_t before = disk_waited();
    const enum exo_error error = disk_transfer(EXO_RING_WRITE, recording.frame, recording.block + recording.written++);
    if (error != EXO_OK) machine_fail("writing the recording failed, error %lu", (uint64_t)error);
    if (waits_count) waited += disk_waited() - before;
    note_slice();
    recording.used = 0;
}

void machine_record(uint32_t word) {
    if (recording.words == nullptr) machine_fail("a region is to be recorded, and no place for it was named");
    if (recording.used == RECORDING_WORDS) write_recording();
    recording.words[recording.used++] = word;
}

uint64_t machine_recorded(void) {
    const uint64_t words = recording.written * RECORDING_WORDS + recording.used;
    if (recording.used != 0) write_recording();
    return words;
}

uint64_t machine_kernel_time(unsigned step) {
    return pe_page()->trace[step - 1];
}

// Puts the argument area back as it was, for the same reason as machine_clear_range.
void machine_report(const char *format, ...) {
    static uint8_t before[EXO_ARGS_SIZE];
    char line[MACHINE_LINE + 1];
    va_list list;
    __builtin_memcpy(before, pe_page()->args, sizeof before);
    va_start(list, format);
    format_list(line, sizeof line, format, list);
    va_end(list);
    report("%s", line);
    __builtin_memcpy(pe_page()->args, before, sizeof before);
}

void machine_fail(const char *format, ...) {
    char line[256];
    va_list list;
    va_start(list, format);
    format_list(line, sizeof line, format, list);
    va_end(list);
    pe_fail("%s", line);
}
