// SPDX-License-Identifier: MIT
// Pages of files that one call has read or written, and nobody since: of what is in memory, what is least likely to be
// wanted again, as the caller has a copy. They leave memory before the policy is asked, if they need not be written
// first. So neither a database with a cache of its own nor a copy of a large file takes memory from programs.
//
//   not used     brought ahead of a reader
//   used once    may leave first. If it is dirty or mapped when its turn comes, only the policy lets it go
//   used again   by a call that does not just go on where the last one ended; also if it had left memory in between.
//                From then on like any other page
//
// Writing a whole page again is no use: what is in memory is not needed for it.
#pragma once
#include "libos/unix/memory/page.h"

enum page_use : uint8_t { USE_NONE, USE_ONCE, USE_AGAIN };

[[nodiscard]] bool once_start(uint32_t slots);    // false: no memory
constexpr uint64_t ONCE_PRICE = sizeof(uint32_t); // bytes of it for each slot

// A call has copied these bytes from a page that is in memory, or to it; it is known to be dirty if it is.
void once_count(uint32_t page, uint32_t offset, uint32_t bytes, bool writes);
static inline void once_used(uint32_t page, uint32_t offset, uint32_t bytes, bool writes) {
    if (memory.page[page].use == USE_AGAIN)
        memory.page[page].flags |= PAGE_ACCESSED;
    else
        once_count(page, offset, bytes, writes);
}
void once_written(uint32_t page); // it has just reached the disk

// The slot of the page that was used once longest ago, if it can leave memory as it is. NONE: there is none.
uint32_t once_take(void);
