// SPDX-License-Identifier: MIT
// ELF-64 Object File Format, version 1.5, and the System V ABI's supplement for AMD64.
#include "libos/unix/process/elf.h"
#include "libos/unix/map.h"
#include "libos/unix/memory/memory.h"
#include <elf.h>
#include <errno.h>
#include <string.h>

static_assert(sizeof(Elf64_Ehdr) == ELF_HEADER_BYTES && sizeof(Elf64_Phdr) == ELF_ENTRY_BYTES);

static const char *reason = "";

const char *elf_reason(void) {
    return reason;
}

static int refuse(int error, const char *why) {
    reason = why;
    return error;
}

bool elf_begins(const void *bytes, size_t count) {
    return count >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

int elf_header(const void *bytes, size_t count, uint64_t file_bytes, struct elf_header *header) {
    Elf64_Ehdr elf;
    if (!elf_begins(bytes, count)) return refuse(-ENOEXEC, "it is no ELF file");
    if (count < sizeof(elf)) return refuse(-ENOEXEC, "it ends inside its ELF header");
    memcpy(&elf, bytes, sizeof(elf));
    if (elf.e_ident[EI_CLASS] != ELFCLASS64) return refuse(-ENOEXEC, "it is a program of 32 bits");
    if (elf.e_ident[EI_DATA] != ELFDATA2LSB || elf.e_machine != EM_X86_64)
        return refuse(-ENOEXEC, "it is a program for another machine than x86-64");
    if (elf.e_type != ET_EXEC && elf.e_type != ET_DYN) return refuse(-ENOEXEC, "it is an ELF file, but no program");
    if (elf.e_phentsize != sizeof(Elf64_Phdr) || elf.e_phnum == 0)
        return refuse(-ENOEXEC, "it has no program header table");
    if (elf.e_phnum > ELF_TABLE_MOST) return refuse(-ENOEXEC, "its program header table is too long");
    const uint64_t bytes_of_table = (uint64_t)elf.e_phnum * sizeof(Elf64_Phdr);
    if (elf.e_phoff > file_bytes || bytes_of_table > file_bytes - elf.e_phoff)
        return refuse(-ENOEXEC, "its program header table lies past its end");
    *header = (struct elf_header){elf.e_type == ET_DYN, elf.e_entry, elf.e_phoff, elf.e_phnum};
    return 0;
}

static int add_segment(struct elf_image *image, const Elf64_Phdr *program, uint64_t file_bytes) {
    if (program->p_memsz == 0) return 0;
    if (image->segment_count == ELF_SEGMENTS) return refuse(-ENOEXEC, "it has too many segments");
    if (program->p_filesz > program->p_memsz) return refuse(-ENOEXEC, "a segment is longer in the file than in memory");
    if (program->p_offset > file_bytes || program->p_filesz > file_bytes - program->p_offset)
        return refuse(-ENOEXEC, "a segment lies past its end");
    if (program->p_vaddr % EXO_PAGE_SIZE != program->p_offset % EXO_PAGE_SIZE)
        return refuse(-ENOEXEC, "a segment's address and place in the file don't fit together");
    const uint64_t limit = image->anywhere ? UNIX_USER_END / 2 : UNIX_USER_END;
    if (program->p_vaddr >= limit || program->p_memsz > limit - program->p_vaddr)
        return refuse(-ENOMEM, "a segment lies outside of the user's addresses");
    const uint64_t page = program->p_vaddr & ~(EXO_PAGE_SIZE - 1);
    const uint64_t end = program->p_vaddr + program->p_memsz;
    if (!image->anywhere && (page < UNIX_USER_FIRST || !unix_is_user(page, end - page)))
        return refuse(-ENOMEM,
                      "a segment lies where no user's memory can be: below 64 KiB, or in the second GiB, where "
                      "the library OS lies");
    const uint64_t before = (image->end + EXO_PAGE_SIZE - 1) & ~(EXO_PAGE_SIZE - 1);
    if (image->segment_count != 0 && page < before)
        return refuse(-ENOEXEC, "its segments overlap, or are not in order of their addresses");
    if (image->segment_count == 0) image->first = page;
    image->end = end;
    image->segments[image->segment_count++] = (struct elf_segment){
        .first = program->p_vaddr,
        .file_end = program->p_vaddr + program->p_filesz,
        .end = end,
        .offset = program->p_offset,
        .rights = (program->p_flags & PF_R ? VM_READ : 0) | (program->p_flags & PF_W ? VM_WRITE : 0)
                  | (program->p_flags & PF_X ? VM_EXECUTE : 0),
    };
    return 0;
}

// Where the program header table is in memory, if a segment has it.
static void find_table(struct elf_image *image, const struct elf_header *header) {
    const uint64_t bytes = (uint64_t)header->table_count * sizeof(Elf64_Phdr);
    image->table_count = header->table_count;
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        const uint64_t in_file = segment->file_end - segment->first;
        if (header->table_offset < segment->offset || bytes > in_file
            || header->table_offset - segment->offset > in_file - bytes)
            continue;
        image->table_address = segment->first + (header->table_offset - segment->offset);
        return;
    }
}

int elf_image(const struct elf_header *header, const void *table, uint64_t file_bytes, struct elf_image *image) {
    *image = (struct elf_image){.anywhere = header->anywhere, .entry = header->entry};
    for (unsigned i = 0; i < header->table_count; i++) {
        Elf64_Phdr program;
        memcpy(&program, (const char *)table + i * sizeof(program), sizeof(program));
        if (program.p_type == PT_INTERP) {
            if (program.p_filesz < 2 || program.p_filesz > ELF_INTERPRETER_MOST + 1 || program.p_offset > file_bytes
                || program.p_filesz > file_bytes - program.p_offset)
                return refuse(-ENOEXEC, "the name of its dynamic linker is damaged");
            image->interpreter = program.p_offset;
            image->interpreter_bytes = program.p_filesz;
        }
        if (program.p_type != PT_LOAD) continue;
        const int error = add_segment(image, &program, file_bytes);
        if (error != 0) return error;
    }
    if (image->segment_count == 0) return refuse(-ENOEXEC, "it has no segment to load");
    if (!image->anywhere && !unix_is_user(image->entry, 1))
        return refuse(-ENOEXEC, "its first instruction lies outside of the user's addresses");
    find_table(image, header);
    return 0;
}

void elf_move(struct elf_image *image, uint64_t by) {
    if (!image->anywhere) return;
    image->entry += by;
    image->first += by;
    image->end += by;
    if (image->table_address != 0) image->table_address += by;
    for (unsigned i = 0; i < image->segment_count; i++) {
        image->segments[i].first += by;
        image->segments[i].file_end += by;
        image->segments[i].end += by;
    }
}
