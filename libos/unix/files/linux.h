// SPDX-License-Identifier: MIT
// Linux's numbers that the C library's headers lack, hide, or define otherwise. Those that they have right are used
// from there: struct stat, struct statfs, struct dirent and struct iovec are the same on both sides on x86-64.
#pragma once
#include <stdint.h>

constexpr uint32_t OPEN_ACCESS = 3;           // mask of O_RDONLY, O_WRONLY, O_RDWR; musl's O_ACCMODE has O_PATH in it
constexpr uint32_t OPEN_LARGE = 0100000;      // what F_GETFL shows of every opened file; glibc defines O_LARGEFILE as 0
constexpr uint32_t OPEN_TMPFILE = 020000000;  // the bit of O_TMPFILE that isn't O_DIRECTORY
constexpr uint32_t PATH_MOST = 4096;          // with the zero byte
constexpr uint32_t SYMLINKS_MOST = 40;        // followed in one path
constexpr uint64_t TRANSFER_MOST = 0x7fff'f000; // bytes that one call moves
constexpr uint32_t VECTORS_MOST = 1024;

// What the file system's numbers are to stat: major 8, minor 1, as of a first disk's first partition.
constexpr uint64_t DEVICE_DISK = 8 << 8 | 1;
constexpr uint64_t DEVICE_DEV = 5, DEVICE_PROC = 20, DEVICE_PIPE = 13; // "anonymous" devices, major 0

struct linux_statx_time {
    int64_t seconds;
    uint32_t nanoseconds;
    int32_t reserved;
};
struct linux_statx {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t links, uid, gid;
    uint16_t mode, reserved0;
    uint64_t number, size, blocks, attributes_mask;
    struct linux_statx_time accessed, made, changed, modified;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t mount, reserved1[13];
};
static_assert(sizeof(struct linux_statx) == 256);
constexpr uint32_t STATX_BASIC = 0x7ff; // all but when it was made
