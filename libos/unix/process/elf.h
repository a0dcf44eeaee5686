// SPDX-License-Identifier: MIT
// What is in an ELF file, as far as starting a program needs it. Pure: nothing is trusted, nothing is allocated.
//
//   struct elf_header header;
//   elf_header(bytes, count, file_bytes, &header);            // the file's first bytes
//   … read header.table_bytes bytes at header.table_offset …
//   elf_image(&header, table, file_bytes, &image);            // every segment lies inside the file and the user's part
#pragma once
#include "pe/types.h"

constexpr uint64_t ELF_HEADER_BYTES = 64;
constexpr unsigned ELF_ENTRY_BYTES = 56;
constexpr unsigned ELF_TABLE_MOST = 64; // entries of the program header table
constexpr unsigned ELF_SEGMENTS = 16;   // of them to be loaded
constexpr uint64_t ELF_INTERPRETER_MOST = 255;

struct elf_header {
    bool anywhere; // position-independent
    uint64_t entry, table_offset;
    unsigned table_count;
};

struct elf_segment {
    uint64_t first, file_end, end; // addresses; page-aligned: first & ~4095
    uint64_t offset;               // of the first byte, in the file
    uint32_t rights;               // vm_rights
};

struct elf_image {
    bool anywhere;
    uint64_t entry;
    unsigned segment_count;
    struct elf_segment segments[ELF_SEGMENTS]; // in order of addresses, no two in the same page
    uint64_t first, end;                       // of all
    uint64_t table_address, table_count;       // AT_PHDR, AT_PHNUM; 0: not loaded
    uint64_t interpreter, interpreter_bytes;   // where its name lies in the file; 0 bytes: none
};

// 0; -ENOEXEC: no program for this machine, or a damaged one; elf_reason() says in words which. -ENOMEM: it wants
// addresses that are not a user's.
int elf_header(const void *bytes, size_t count, uint64_t file_bytes, struct elf_header *header);
int elf_image(const struct elf_header *header, const void *table, uint64_t file_bytes, struct elf_image *image);
const char *elf_reason(void);                     // of the last refusal
bool elf_begins(const void *bytes, size_t count); // whether it says that it is an ELF file

// The same image moved to where it can lie, if it can lie anywhere.
void elf_move(struct elf_image *image, uint64_t by);
