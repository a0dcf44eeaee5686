// SPDX-License-Identifier: MIT
// The ABI's scalar types. Physical addresses, virtual addresses, frame numbers and table entries are
// distinct struct types, so that the compiler refuses to mix them; each is one 64-bit register wide.
#pragma once
#include <stddef.h>
#include <stdint.h>

constexpr uint64_t EXO_PAGE_SIZE = 4096;
constexpr uint64_t EXO_PAGE_SHIFT = 12;

typedef struct { uint64_t raw; } exo_paddr;   // physical address, bytes
typedef struct { uint64_t raw; } exo_vaddr;   // virtual address, bytes
typedef struct { uint64_t raw; } exo_frame;   // physical page number (address >> 12)
typedef struct { uint64_t raw; } exo_entry;   // page-table entry in the machine's format, see pe/tlb.h
typedef struct { uint64_t raw; } exo_protect; // page-aligned virtual address | rights, see EXO_PROTECT
typedef struct { uint64_t raw; } exo_handle;  // binding: generation << 16 | index, the generation odd; 0 names none

constexpr exo_handle EXO_NO_HANDLE = {0};
constexpr uint64_t EXO_ONE_WAY = 1 << 16; // a generation's lowest bit: a handle without it asks for a one-way call

enum exo_error : uint64_t {
#define ERROR(number, name, sentence) EXO_##name = number,
#include "pe/errors.def"
#undef ERROR
};

// Numbers of the calls. Call n is made with ~n in rax, so that the numbers of every other system-call interface are
// left to library OSes.
enum exo_call : uint64_t {
#define CALL(number, name, ...) EXO_CALL_##name = number,
#include "pe/calls.def"
#undef CALL
    EXO_CALLS, // 64: gate_call is the last for ever
};

// What every call returns: the error in rax, the value in rdx.
struct exo_result {
    enum exo_error error;
    uint64_t value;
};

// Rights of a binding. What a right means for each kind stands beside the kind.
enum exo_right : uint64_t {
    EXO_READ = 1,
    EXO_WRITE = 2,
    EXO_EXECUTE = 4,
    EXO_OWN = 8,    // decide what the resource is used for: retype frames, destroy a PE
    EXO_GRANT = 16, // hand narrower bindings to other PEs
    EXO_ALL = 31,
};

enum exo_kind : uint8_t {
    EXO_KIND_NONE = 0,
    EXO_KIND_FRAMES = 1, // first, count: frame numbers. READ/WRITE/EXECUTE: map so; WRITE also: change tables
    EXO_KIND_EXTENT = 2, // first, count: 4 KiB disk blocks. READ/WRITE: transfer so
    EXO_KIND_SLICES = 3, // first, count: positions of a CPU's slice vector. WRITE: assign
    EXO_KIND_DEVICE = 4, // first: enum exo_device. READ/WRITE: take and put bytes
    EXO_KIND_PE = 5,     // first: the private frame. READ: state, WRITE: configure, EXECUTE: yield to, OWN: destroy
    EXO_KIND_GATE = 6,   // first, count: numbers. EXECUTE: call, WRITE: post; the callee is told `first`
};

enum exo_device : uint64_t {
    EXO_CONSOLE = 0, // the serial line, for people
    EXO_REPORT = 1,  // a byte channel to the host's tools
    EXO_POWER = 2,   // machine_off
};

enum exo_frame_type : uint8_t {
    EXO_FRAME_FREE = 0,    // holds nothing; only frame_retype can touch it, and that zeroes it. Nobody maps it
                           // anew; while a revoke is under way it may still be mapped or under a transfer that began
                           // before (then frame_retype says BUSY)
    EXO_FRAME_DATA = 1,    // mapped as its binding allows
    EXO_FRAME_TABLE1 = 2,  // page tables, level 1 (entries name pages) to 4 (root); mapped read-only
    EXO_FRAME_TABLE2 = 3,
    EXO_FRAME_TABLE3 = 4,
    EXO_FRAME_TABLE4 = 5,
    EXO_FRAME_RING = 6,    // I/O ring; mapped read-write
    EXO_FRAME_PE_PAGE = 7, // a PE's shared page; mapped read-write
    EXO_FRAME_PE = 8,      // a PE's private part; never mapped
    EXO_FRAME_BINDINGS = 9, // a PE's binding table; never mapped
    EXO_FRAME_KERNEL = 10, // the kernel's own, firmware's, or no memory at all; never anybody's
};

// One line of the frame table, which every PE can read at EXO_FRAME_TABLE.
struct exo_frame_info {
    union {
        struct {
            enum exo_frame_type type : 8;
            uint64_t holder : 56; // see the binding cache in exo/tlb.c
        };
        uint64_t claim; // both
    };
    uint32_t maps;           // table entries, and for a root or ring PEs, that name this frame
    uint16_t pins;           // disk transfers in flight
    uint16_t reserved0;
    uint64_t unmapped_epoch; // when a mapping last went away; stale TLB entries may exist until a later flush
    uint64_t writers;        // of a table: a bit for each PE that has written it, see exo/reclaim.c
};
static_assert(sizeof(struct exo_frame_info) == 32);
