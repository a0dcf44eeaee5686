// SPDX-License-Identifier: MIT
// The journal's format on the disk: that of Linux's jbd2, with 32-bit block numbers and without checksums. All fields
// are big-endian. Source: Documentation/filesystems/ext4/journal.rst of Linux.
//
// The log is a ring of blocks from `first` to the journal's end. A transaction is any number of revoke blocks and of
// descriptors, each followed by the copies that it describes, and then a commit block, all with its sequence number.
#pragma once
#include "libos/unix/disk/internal.h"

#define BIG16(value) __builtin_bswap16(value)
#define BIG32(value) __builtin_bswap32(value)
#define BIG64(value) __builtin_bswap64(value)

constexpr uint32_t JOURNAL_MAGIC = 0xc03b3998;
constexpr uint32_t JOURNAL_REVOKES = 1;  // the one incompatible feature that is served
constexpr uint32_t JOURNAL_LEAST = 1024; // blocks

enum : uint32_t {
    JOURNAL_DESCRIPTOR = 1,
    JOURNAL_COMMIT = 2,
    JOURNAL_SUPER = 4,
    JOURNAL_REVOKE = 5,
};

struct journal_header {
    uint32_t magic, kind, sequence;
};

struct journal_super {
    struct journal_header header;
    uint32_t block_size, length, first;
    uint32_t sequence, start; // of the first transaction; its place, 0: the log is empty
    uint32_t error;
    uint32_t compatible, incompatible, read_only_compatible;
    uint8_t uuid[16];
    uint32_t users;
};

constexpr size_t TAG_BYTES = 8, UUID_BYTES = 16;
enum : uint16_t { TAG_ESCAPED = 1, TAG_SAME_UUID = 2, TAG_LAST = 8 };

struct journal_tag {
    uint32_t block;
    uint16_t checksum, flags;
};
static_assert(sizeof(struct journal_tag) == TAG_BYTES);

struct journal_descriptor {
    struct journal_header header;
    char tags[FS_BLOCK - sizeof(struct journal_header)]; // each without TAG_SAME_UUID is followed by UUID_BYTES
};

struct journal_commit {
    struct journal_header header;
    uint8_t checksum_kind, checksum_bytes, padding[2];
    uint32_t checksum[8];
    uint64_t seconds;
    uint32_t nanoseconds;
};
static_assert(offsetof(struct journal_commit, seconds) == 48);

struct journal_revoke {
    struct journal_header header;
    uint32_t bytes; // of this block that are used
    uint32_t blocks[];
};
constexpr uint32_t REVOKES_PER_BLOCK = (FS_BLOCK - sizeof(struct journal_revoke)) / sizeof(uint32_t);
