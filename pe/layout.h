// SPDX-License-Identifier: MIT
// Fixed places in every address space, and what the kernel tells about the machine.
#pragma once
#include "pe/types.h"

// User addresses end here, 512 GiB before the non-canonical hole (a system call in the last bytes before it would
// return to a non-canonical address, at which some processors fault inside the kernel).
constexpr uint64_t EXO_USER_END = 0x0000'7f80'0000'0000ull;

// Readable by every PE, written by the kernel only.
constexpr uint64_t EXO_MACHINE_INFO = 0xffff'8100'0000'0000ull; // struct exo_machine
constexpr uint64_t EXO_FRAME_TABLE = 0xffff'8100'0020'0000ull;  // struct exo_frame_info[machine.frames]

constexpr unsigned EXO_SLICE_POSITIONS = 64; // in each CPU's slice vector

struct exo_machine {
    uint32_t abi_version;
    uint32_t cpus;
    uint64_t frames;            // lines in the frame table
    uint64_t disk_blocks;       // 4 KiB blocks on the disk; 0: no disk
    uint64_t slice_nanoseconds; // length of one position of the slice vector
    uint64_t grace_nanoseconds; // from the event slice_end to being charged
    uint64_t tracing;           // fault timestamps are kept in the PE page
    uint64_t ticks_per_second;  // of the time-stamp counter, as measured at boot
};
