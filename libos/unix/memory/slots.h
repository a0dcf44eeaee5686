// SPDX-License-Identifier: MIT
// Which pages are in memory. The replacement policy (libos/pager/policy.h) decides, over pages of all processes and
// files alike; it is told of a fault when a page that is not in memory is wanted, by whomever.
//
//   if ((error = page_bring(page, FILL_CONTENTS)) != 0) …      // other pages may have left memory
//   page_pin(page); … page_memory(page) …; page_unpin(page);   // stays, whatever else is brought
//
// A page that ends leaves its slot to the next page that comes, which is when the policy is told that it is removed:
// before that, it looks like one that nobody uses. So a policy sees full frames for ever, once they were full.
#pragma once
#include "libos/unix/memory/page.h"

enum fill : uint8_t {
    FILL_CONTENTS, // from its block, or with zeros
    FILL_NOTHING,  // the caller writes all of it
};

// Gives a page a frame. 0; -ENOMEM: no page can be evicted; -EIO or another error of the file system: it is not in
// memory then.
[[nodiscard]] int page_bring(uint32_t page, enum fill fill);

// Takes a page that is not dirty out of memory again.
void page_empty(uint32_t page);

// Whether a page can come without another leaving.
bool slots_any_free(void);
bool slots_mostly_free(void); // and half of them are so

static inline void page_pin(uint32_t page) {
    memory.page[page].pins++;
}
static inline void page_unpin(uint32_t page) {
    memory.page[page].pins--;
}

// The view that a policy has (view.c).
struct policy_view slots_view(uint64_t seed);

void page_zero(char *contents);
void page_copy(char *to, const char *from);
