// SPDX-License-Identifier: MIT
// Where things lie in the address space of every PE that libos/init starts, and of libos/init itself.
//
//   0x40000000  nothing
//   0x401fe000  struct start_info and the arguments: what init tells the PE
//   0x401ff000  the PE page
//   0x40200000  the table window: level-1 table number t of this GiB is the page at 0x40200000 + t * 4 KiB, so that
//               the entry of page number p of this GiB is the 8-byte word number p from here on
//   0x40400000  the image: text, read-only data, data and stacks
//   0x41000000  libos/core: free list, disk ring, file buffers
//   0x42000000  the pager: its tables, and its frames as it sees them itself
//   0x50000000  the library OS's own: heaps and regions (in init: the boot package)
//   0x80000000  end: what one level-2 table spans
//
// The second GiB, because programs linked for Linux have their place in the first; and below 2 GiB, so that addresses
// fit into the 32 bits of an instruction. Below and above it nothing is mapped, unless a library OS does: null pointers
// fault.
//
// Not here: the kernel's fixed places, which are in pe/layout.h.
#pragma once
#include "libos/core/offsets.h"
#include "pe/layout.h"
#include "pe/types.h"

constexpr uint64_t MAP_BASE = 0x4000'0000;
constexpr uint64_t MAP_START_INFO = MAP_BASE + 0x1f'e000;
constexpr uint64_t MAP_PE_PAGE = OFFSET_PE_PAGE;
constexpr uint64_t MAP_WINDOW = MAP_BASE + 0x20'0000;
constexpr uint64_t MAP_IMAGE = MAP_BASE + 0x40'0000;
constexpr uint64_t MAP_IMAGE_END = MAP_BASE + 0x100'0000;
constexpr uint64_t MAP_FREE_LIST = MAP_BASE + 0x100'0000; // 4 MiB: numbers of the frames that were given back
constexpr uint64_t MAP_RING = MAP_BASE + 0x140'0000;      // one page
constexpr uint64_t MAP_FILES = MAP_BASE + 0x141'0000;     // the disk's directory and the buffers of open files
constexpr uint64_t MAP_FILES_END = MAP_BASE + 0x160'0000;
constexpr uint64_t MAP_PAGER = MAP_BASE + 0x200'0000;
constexpr uint64_t MAP_PAGER_END = MAP_BASE + 0x1000'0000;
constexpr uint64_t MAP_HEAP = MAP_BASE + 0x1000'0000;
constexpr uint64_t MAP_END = MAP_BASE + 0x4000'0000;

constexpr uint64_t MAP_TABLE_SPAN = 0x20'0000; // what one level-1 table maps
constexpr uint64_t MAP_TABLES = (MAP_END - MAP_BASE) / MAP_TABLE_SPAN;
