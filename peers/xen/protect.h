// SPDX-License-Identifier: MIT
// Changing the protection of data pages by the cheapest hypercalls, for the rows about it.
#pragma once
#include "peers/xen/space.h"
#include "peers/xen/guest.h"

void protect_prepare(void);

// Write rights are taken with a flush and given back without: the processor looks again at an entry that it holds
// before it faults on it.
[[gnu::always_inline]] static inline int64_t protect_page(unsigned page) {
    return xen_update_va_mapping(space_page(page), space_readable[page], XEN_FLUSH_PAGE);
}
[[gnu::always_inline]] static inline int64_t unprotect_page(unsigned page) {
    return xen_update_va_mapping(space_page(page), space_writable[page], XEN_FLUSH_NONE);
}

// All data pages: by one hypercall that changes each entry, and a second that flushes; or by taking the page table out
// of its address spaces, writing to it, and putting it back, when Xen checks it as a whole. The second way needs four
// hypercalls, and no page of the 2 MiB can be used meanwhile.
int64_t protect_batch(void);
int64_t unprotect_batch(void);
int64_t protect_table(void);
int64_t unprotect_table(void);
