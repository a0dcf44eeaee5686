// SPDX-License-Identifier: MIT
#include "libos/unix/process/functions.h"
#include "libos/core/heap.h"
#include "libos/unix/files/file.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/process/exec.h"
#include "libos/unix/process/extents.h"
#include <elf.h>
#include <string.h>

constexpr unsigned SYMBOLS = 64;             // read at a time
constexpr unsigned FUNCTIONS_MOST = 1 << 16; // more of them: nothing is rewritten
constexpr uint64_t EXTENTS_MOST = 2 << 20;

struct tables {
    const struct program *program;
    struct functions *functions;
    uint64_t moved; // by how much the image lies elsewhere than its file says
    Elf64_Sym symbols[SYMBOLS];
};

static bool read_all(const struct tables *tables, uint64_t offset, void *to, size_t bytes) {
    return cache_read(tables->program->file, offset, to, bytes) == (int64_t)bytes;
}

static bool add(struct functions *functions, uint64_t first, uint64_t bytes, bool entered) {
    if (functions->count == functions->room) {
        const unsigned room = functions->room == 0 ? 1024 : 2 * functions->room;
        struct function *list =
            room > FUNCTIONS_MOST ? nullptr : heap_reallocate(functions->list, room * sizeof(struct function));
        if (list == nullptr) return false;
        functions->list = list;
        functions->room = room;
    }
    functions->list[functions->count++] =
        (struct function){.first = first, .bytes = bytes <= UINT32_MAX ? (uint32_t)bytes : 0, .entered = entered};
    return true;
}

// By .eh_frame, which is read whole.
static bool by_extents(const struct tables *tables, const Elf64_Shdr *section) {
    uint8_t *bytes = section->sh_size > EXTENTS_MOST ? nullptr : heap_allocate(section->sh_size);
    bool whole = bytes != nullptr && read_all(tables, section->sh_offset, bytes, section->sh_size);
    struct extent found;
    for (uint64_t at = 0; whole && extent_next(bytes, section->sh_size, section->sh_addr, &at, &found);)
        whole = add(tables->functions, found.first + tables->moved, found.bytes, true);
    heap_release(bytes);
    return whole;
}

// By symbols: functions, and those without a type, which may be labels of assembly: something begins there.
static bool by_symbols(struct tables *tables, const Elf64_Shdr *table) {
    for (uint64_t done = 0; done < table->sh_size / sizeof(Elf64_Sym);) {
        const uint64_t left = table->sh_size / sizeof(Elf64_Sym) - done;
        const uint64_t count = left < SYMBOLS ? left : SYMBOLS;
        if (!read_all(tables, table->sh_offset + done * sizeof(Elf64_Sym), tables->symbols, count * sizeof(Elf64_Sym)))
            return false;
        for (uint64_t i = 0; i < count; i++) {
            const Elf64_Sym *symbol = &tables->symbols[i];
            const unsigned type = ELF64_ST_TYPE(symbol->st_info);
            if ((type != STT_FUNC && type != STT_NOTYPE && type != STT_GNU_IFUNC) || symbol->st_shndx == SHN_UNDEF)
                continue;
            const uint64_t bytes = type == STT_NOTYPE ? 0 : symbol->st_size;
            if (!add(tables->functions, symbol->st_value + tables->moved, bytes, type == STT_FUNC)) return false;
        }
        done += count;
    }
    return true;
}

static bool is_extents(const struct tables *tables, const Elf64_Shdr *section, const Elf64_Shdr *names) {
    static const char wanted[] = ".eh_frame";
    char name[sizeof(wanted)];
    return section->sh_size != 0 && section->sh_name < names->sh_size
           && read_all(tables, names->sh_offset + section->sh_name, name, sizeof(name))
           && memcmp(name, wanted, sizeof(name)) == 0;
}

// By each section that tells of functions.
static bool by_sections(struct tables *tables) {
    Elf64_Ehdr header;
    Elf64_Shdr names, section;
    if (!read_all(tables, 0, &header, sizeof(header)) || header.e_shentsize != sizeof(section)) return true;
    if (header.e_shstrndx >= header.e_shnum
        || !read_all(tables, header.e_shoff + header.e_shstrndx * sizeof(names), &names, sizeof(names)))
        return true;
    tables->moved = tables->program->image.entry - header.e_entry;
    for (unsigned i = 0; i < header.e_shnum; i++) {
        bool whole = true;
        if (!read_all(tables, header.e_shoff + i * sizeof(section), &section, sizeof(section))) return false;
        if (section.sh_type == SHT_SYMTAB && section.sh_entsize == sizeof(Elf64_Sym))
            whole = by_symbols(tables, &section);
        else if (is_extents(tables, &section, &names))
            whole = by_extents(tables, &section);
        if (!whole) return false;
    }
    return true;
}

bool functions_of(const struct program *program, struct functions *functions) {
    struct tables *tables = heap_allocate_zeroed(sizeof(*tables));
    if (tables == nullptr) return false;
    tables->program = program;
    tables->functions = functions;
    const bool whole = by_sections(tables);
    heap_release(tables);
    if (whole) functions->count = functions_order(functions->list, functions->count);
    return whole;
}
