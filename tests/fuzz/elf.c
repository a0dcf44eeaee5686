// SPDX-License-Identifier: MIT
// What starts a program takes foreign bytes as they come (libos/unix/process/elf.h): whatever is accepted must lie
// inside the file and inside the user's addresses, in order.
//
// An input is the beginning of a file: its header, and wherever that says, its program header table. How long the file
// is, is told by its last byte, a power of two.
#include "libos/unix/map.h"
#include "libos/unix/process/elf.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) \
    do {                \
        if (!(condition)) abort(); \
    } while (0)

static void check(const struct elf_image *image, uint64_t file_bytes) {
    uint64_t end = 0;
    MUST(image->segment_count > 0 && image->segment_count <= ELF_SEGMENTS);
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        const uint64_t page = segment->first & ~(EXO_PAGE_SIZE - 1);
        MUST(segment->first <= segment->file_end && segment->file_end <= segment->end && segment->first < segment->end);
        MUST(segment->offset <= file_bytes && segment->file_end - segment->first <= file_bytes - segment->offset);
        MUST(segment->first % EXO_PAGE_SIZE == segment->offset % EXO_PAGE_SIZE);
        MUST(page >= end && (segment->rights & ~7u) == 0);
        MUST(image->anywhere || (unix_is_user(page, segment->end - page) && page >= UNIX_USER_FIRST));
        end = (segment->end + EXO_PAGE_SIZE - 1) & ~(EXO_PAGE_SIZE - 1);
    }
    MUST(image->first <= image->end && image->end <= end && image->end <= UNIX_USER_END);
    MUST(image->interpreter_bytes <= ELF_INTERPRETER_MOST + 1);
    MUST(image->interpreter_bytes == 0 || image->interpreter + image->interpreter_bytes <= file_bytes);
    MUST(image->anywhere || unix_is_user(image->entry, 1));
}

// An input that is text makes no ELF file in a few thousand runs, so the first bytes are put right in most.
static void repair(uint8_t *bytes, size_t size) {
    static const uint8_t begin[] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 0};
    if (size < ELF_HEADER_BYTES || bytes[6] > 200) return;
    const uint16_t type = bytes[16] & 1 ? 2 : 3, machine = 62, entry_bytes = ELF_ENTRY_BYTES;
    const uint16_t count = bytes[56] % 24;
    const uint64_t table = ELF_HEADER_BYTES;
    const bool in_a_row = bytes[6] & 2;
    memcpy(bytes, begin, sizeof(begin));
    memcpy(bytes + 16, &type, 2);
    memcpy(bytes + 18, &machine, 2);
    memcpy(bytes + 32, &table, 8);
    memcpy(bytes + 54, &entry_bytes, 2);
    memcpy(bytes + 56, &count, 2);
    for (unsigned i = 0; i < count && ELF_HEADER_BYTES + (i + 1) * ELF_ENTRY_BYTES <= size; i++) {
        uint8_t *program = bytes + ELF_HEADER_BYTES + i * ELF_ENTRY_BYTES;
        const uint32_t kind = program[0] & 3 ? 1 : 3;
        memcpy(program, &kind, 4);
        if (program[4] & 8) // a place in the file that fits its address, neither too far away
            for (unsigned field = 8; field < 48; field += 8) memset(program + field + 3, 0, 5);
        if (program[4] & 16) memcpy(program + 16, program + 8, 8);
        // Segments one behind the other, many of them; some are then a little wrong in one field.
        uint64_t row[] = {0, 0x40'0000 + i * 0x1'0000, 0, 0x80, 0x100};
        const uint8_t flags = program[4], field = program[5] % 5, distance = program[6], by = program[7];
        if ((flags & 0xc0) == 0xc0) row[field] += (uint64_t)(int64_t)(int8_t)by << (distance & 1 ? 12 : distance % 64);
        if (in_a_row) memcpy(program + 8, row, sizeof(row));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t bytes[4096] = {};
    struct elf_header header;
    struct elf_image image;
    if (size == 0) return 0;
    if (size > sizeof(bytes)) size = sizeof(bytes);
    memcpy(bytes, data, size);
    repair(bytes, size);
    const uint64_t file_bytes = 1ull << data[size - 1] % 64;
    const int error = elf_header(bytes, size, file_bytes, &header);
    MUST(error == 0 || error == -ENOEXEC);
    if (error != 0) {
        MUST(elf_reason()[0] != 0);
        return 0;
    }
    const uint64_t table_bytes = (uint64_t)header.table_count * ELF_ENTRY_BYTES;
    MUST(header.table_count > 0 && header.table_count <= ELF_TABLE_MOST);
    MUST(header.table_offset <= file_bytes && table_bytes <= file_bytes - header.table_offset);
    if (header.table_offset > sizeof(bytes) || table_bytes > sizeof(bytes) - header.table_offset) return 0;
    uint8_t *table = malloc(table_bytes); // exact, so that reading past it is noticed
    memcpy(table, bytes + header.table_offset, table_bytes);
    const int refused = elf_image(&header, table, file_bytes, &image);
    free(table);
    MUST(refused == 0 || refused == -ENOEXEC || refused == -ENOMEM);
    if (refused != 0)
        MUST(elf_reason()[0] != 0);
    else {
        check(&image, file_bytes);
        elf_move(&image, 0x55'5555'4000);
    }
    return 0;
}
