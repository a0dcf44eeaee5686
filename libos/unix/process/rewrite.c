// SPDX-License-Identifier: MIT
// Rewrites system calls of a static program when it is loaded. Symbols and .eh_frame say where functions lie.
//
//   before   mov $39, %eax          after   jmp veneer        veneer   mov $39, %eax
//            syscall                        syscall                    lea back(%rip), %rcx
//   back:    …                      back:   …                          mov $entry_site, %r11d
//                                                                      jmp *%r11
//
// Why it is safe: only the first of the two instructions changes, for one as long, and whoever came to it went on to
// the second. That one stays: who jumps to it traps, and so does a call that is made again after a signal (restart.c).
// Nothing is pushed, so what lies below the stack pointer is kept; registers and flags are as after the instruction,
// rcx included; page 0 stays unmapped. Taken for granted: functions lie where symbols and .eh_frame say, no jump leads
// into the inside of an instruction, and the program doesn't read its own code.
//
// Not rewritten: dynamic programs, and all that sites.h does not find.
#include "libos/unix/process/rewrite.h"
#include "libos/core/heap.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/unix/files/file.h"
#include "libos/unix/map.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/exec.h"
#include "libos/unix/process/extents.h"
#include "libos/unix/process/sites.h"
#include <elf.h>
#include <string.h>

constexpr uint64_t VENEERS_BYTES = 0x1'0000, VENEER_BYTES = 32;
constexpr unsigned SYMBOLS = 64;     // read at a time
constexpr uint64_t CODE_MOST = 4096; // bytes of a function that are looked at
constexpr uint64_t EXTENTS_MOST = 512 << 10;
constexpr unsigned LEFT_MOST = 512; // sites that are counted as left alone, each once

static bool rewriting;
void entry_site(void); // entry.S

struct rewriter {
    const struct program *program;
    uint64_t moved;       // by how much the image lies elsewhere than its file says
    uint64_t first, next; // of the veneers
    unsigned sites, left_count;
    uint64_t left[LEFT_MOST];
    Elf64_Sym symbols[SYMBOLS];
    uint8_t code[CODE_MOST], reached[CODE_MOST];
};

void rewrite_start(void) {
    rewriting = start_number("rewrite", 0) != 0;
}

static bool read_all(const struct program *program, uint64_t offset, void *to, size_t bytes) {
    return cache_read(program->file, offset, to, bytes) == (int64_t)bytes;
}

// The segment of code that holds these bytes of the file.
static bool is_code(const struct elf_image *image, uint64_t at, uint64_t bytes) {
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        if ((segment->rights & VM_EXECUTE) && !(segment->rights & VM_WRITE) && at >= segment->first
            && at < segment->file_end && bytes <= segment->file_end - at)
            return true;
    }
    return false;
}

// 0, or no more is to be done.
static int site_rewrite(struct rewriter *state, uint64_t at, uint32_t number) {
    const uint64_t veneer = state->next;
    if (veneer + VENEER_BYTES > state->first + VENEERS_BYTES) return -1;
    const int64_t there = (int64_t)(veneer - (at + SITE_MOVE)), back = (int64_t)(at + SITE_BYTES - (veneer + 12));
    if (there != (int32_t)there || back != (int32_t)back) return -1;
    struct [[gnu::packed]] {
        uint8_t move;
        uint32_t number;
        uint8_t lea[3];
        int32_t back;
        uint8_t load[2];
        uint32_t entry;
        uint8_t jump[3];
    } code = {0xb8,
              number,
              {0x48, 0x8d, 0x0d},
              (int32_t)back,
              {0x41, 0xbb},
              (uint32_t)(uint64_t)entry_site,
              {0x41, 0xff, 0xe3}};
    static_assert(sizeof(code) <= VENEER_BYTES);
    struct [[gnu::packed]] {
        uint8_t jump;
        int32_t there;
    } jump = {0xe9, (int32_t)there};
    static_assert(sizeof(jump) == SITE_MOVE);
    int error = user_write(veneer, &code, sizeof(code));
    if (error == 0) error = user_write(at, &jump, sizeof(jump));
    if (error != 0) return error;
    state->next += VENEER_BYTES;
    state->sites++;
    return 0;
}

static void count_left(struct rewriter *state, uint64_t at) {
    for (unsigned i = 0; i < state->left_count; i++)
        if (state->left[i] == at) return;
    if (state->left_count < LEFT_MOST) state->left[state->left_count++] = at;
}

// A function may come twice, by two symbols or by both tables: its site is a jump out of it then, which ends a path.
static int function_rewrite(struct rewriter *state, uint64_t first, uint64_t whole) {
    const uint64_t bytes = whole < CODE_MOST ? whole : CODE_MOST;
    if (bytes < SITE_BYTES || !is_code(&state->program->image, first, bytes)) return 0;
    if (user_read(state->code, first, bytes) != 0) return -1;
    sites_reach(state->code, bytes, state->reached);
    struct site site;
    for (uint64_t at = 0; site_next(state->code, bytes, state->reached, &at, &site);) {
        const uint64_t instruction = first + site.instruction;
        if (!site.rewritable) {
            count_left(state, instruction);
        } else if (site_rewrite(state, instruction - SITE_MOVE, site.number) != 0) {
            return -1;
        }
    }
    return 0;
}

// By .eh_frame, which is read whole.
static int extents_rewrite(struct rewriter *state, const Elf64_Shdr *section) {
    if (section->sh_size > EXTENTS_MOST) return 0;
    uint8_t *bytes = heap_allocate(section->sh_size);
    if (bytes == nullptr) return 0;
    int error = 0;
    struct extent found;
    if (read_all(state->program, section->sh_offset, bytes, section->sh_size))
        for (uint64_t at = 0; error == 0 && extent_next(bytes, section->sh_size, section->sh_addr, &at, &found);)
            error = function_rewrite(state, found.first + state->moved, found.bytes);
    heap_release(bytes);
    return error;
}

static int table_rewrite(struct rewriter *state, const Elf64_Shdr *table) {
    for (uint64_t done = 0; done < table->sh_size / sizeof(Elf64_Sym);) {
        const uint64_t left = table->sh_size / sizeof(Elf64_Sym) - done;
        const uint64_t count = left < SYMBOLS ? left : SYMBOLS;
        if (!read_all(state->program, table->sh_offset + done * sizeof(Elf64_Sym), state->symbols,
                      count * sizeof(Elf64_Sym)))
            return -1;
        for (uint64_t i = 0; i < count; i++) {
            const Elf64_Sym *symbol = &state->symbols[i];
            if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC) continue;
            if (function_rewrite(state, symbol->st_value + state->moved, symbol->st_size) != 0) return -1;
        }
        done += count;
    }
    return 0;
}

static bool is_extents(struct rewriter *state, const Elf64_Shdr *section, const Elf64_Shdr *names) {
    static const char wanted[] = ".eh_frame";
    char name[sizeof(wanted)];
    return section->sh_size != 0 && section->sh_name < names->sh_size
           && read_all(state->program, names->sh_offset + section->sh_name, name, sizeof(name))
           && memcmp(name, wanted, sizeof(name)) == 0;
}

// By each section that tells of functions.
static void sections_rewrite(struct rewriter *state) {
    Elf64_Ehdr header;
    Elf64_Shdr names, section;
    if (!read_all(state->program, 0, &header, sizeof(header)) || header.e_shentsize != sizeof(section)) return;
    if (header.e_shstrndx >= header.e_shnum
        || !read_all(state->program, header.e_shoff + header.e_shstrndx * sizeof(names), &names, sizeof(names)))
        return;
    state->moved = state->program->image.entry - header.e_entry;
    for (unsigned i = 0; i < header.e_shnum; i++) {
        int error = 0;
        if (!read_all(state->program, header.e_shoff + i * sizeof(section), &section, sizeof(section))) return;
        if (section.sh_type == SHT_SYMTAB && section.sh_entsize == sizeof(Elf64_Sym))
            error = table_rewrite(state, &section);
        else if (is_extents(state, &section, &names))
            error = extents_rewrite(state, &section);
        if (error != 0) return;
    }
}

// Code can be written for the time that it is rewritten.
static bool allow(const struct program *program, bool writing) {
    bool allowed = true;
    for (unsigned i = 0; i < program->image.segment_count; i++) {
        const struct elf_segment *segment = &program->image.segments[i];
        if (!(segment->rights & VM_EXECUTE) || (segment->rights & VM_WRITE)) continue;
        const uint64_t first = segment->first & ~(EXO_PAGE_SIZE - 1);
        const uint64_t bytes = (segment->end - first + EXO_PAGE_SIZE - 1) & ~(EXO_PAGE_SIZE - 1);
        const enum vm_rights rights = writing ? VM_READ | VM_WRITE : segment->rights;
        if (vm_protect(program->memory, first, bytes, rights) != 0) allowed = false;
    }
    return allowed;
}

void rewrite_program(const struct program *program) {
    if (!rewriting || program->interpreter_file != nullptr) return;
    if (program->image.first < UNIX_USER_FIRST + VENEERS_BYTES) return;
    struct rewriter *state = heap_allocate_zeroed(sizeof(*state));
    if (state == nullptr) return;
    state->program = program;
    state->first = state->next = program->image.first - VENEERS_BYTES;
    const struct vm_map veneers = {
        .first = state->first, .bytes = VENEERS_BYTES, .rights = VM_READ | VM_WRITE, .fixed = true, .keep = true};
    if (vm_map(program->memory, &veneers) >= 0) {
        if (allow(program, true)) sections_rewrite(state);
        (void)allow(program, false);
        (void)vm_protect(program->memory, state->first, VENEERS_BYTES, VM_READ | VM_EXECUTE);
        report("{\"event\":\"rewritten\",\"job\":%lu,\"sites\":%u,\"left\":%u}", start->job, state->sites,
               state->left_count);
    }
    heap_release(state);
}
