// SPDX-License-Identifier: MIT
// Where things lie in the address space of every PE that libos/init starts, and of libos/init itself.
//
//   0x00000000  nothing, so that null pointers fault
//   0x001fe000  struct start_info and the arguments: what init tells the PE
//   0x001ff000  the PE page
//   0x00200000  the table window: level-1 table number t of the address space is the page at 0x200000 + t * 4 KiB,
//               so that the entry of a page is the 8-byte word number (address >> 12) from here on
//   0x00400000  the image: text, read-only data, data and stacks
//   0x01000000  libos/core: free list, disk ring, file buffers
//   0x02000000  the pager: its tables, and its frames as it sees them itself
//   0x10000000  the library OS's own: heaps and regions (in init: the boot package)
//   0x40000000  end: what one level-2 table spans
//
// Not here: the kernel's fixed places, which are in pe/layout.h.
#pragma once
#include "libos/core/offsets.h"
#include "pe/layout.h"
#include "pe/types.h"

constexpr uint64_t MAP_START_INFO = 0x1f'e000;
constexpr uint64_t MAP_PE_PAGE = OFFSET_PE_PAGE;
constexpr uint64_t MAP_WINDOW = 0x20'0000;
constexpr uint64_t MAP_IMAGE = 0x40'0000;
constexpr uint64_t MAP_IMAGE_END = 0x100'0000;
constexpr uint64_t MAP_FREE_LIST = 0x100'0000; // 4 MiB: numbers of the frames that were given back
constexpr uint64_t MAP_RING = 0x140'0000;      // one page
constexpr uint64_t MAP_FILES = 0x141'0000;     // the disk's directory and the buffers of open files
constexpr uint64_t MAP_FILES_END = 0x160'0000;
constexpr uint64_t MAP_PAGER = 0x200'0000;
constexpr uint64_t MAP_PAGER_END = 0x1000'0000;
constexpr uint64_t MAP_HEAP = 0x1000'0000;
constexpr uint64_t MAP_END = 0x4000'0000;

constexpr uint64_t MAP_TABLE_SPAN = 0x20'0000; // what one level-1 table maps
constexpr uint64_t MAP_TABLES = MAP_END / MAP_TABLE_SPAN;
