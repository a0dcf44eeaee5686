// SPDX-License-Identifier: MIT
// userfaultfd: the descriptor and its requests.
#ifndef PEERS_LINUX_UFFD_H
#define PEERS_LINUX_UFFD_H
#include "peers/linux/linux.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

// How a missing page is resolved.
enum uffd_way {
    UFFD_COPY,     // UFFDIO_COPY: a new frame, the contents copied
    UFFD_ZERO,     // UFFDIO_ZEROPAGE: the shared zero page, to be replaced at the store
    UFFD_CONTINUE, // UFFDIO_CONTINUE: the frame that the page cache (tmpfs) has
};

// The words for a way of resolving.
const char *uffd_words(enum uffd_way way);
// What of each part of a fault is iterations of REP that zero or copy a page.
struct uffd_moved {
    uint32_t entry, bind, resume;
};
struct uffd_moved uffd_moved(enum uffd_way way);
static inline uint32_t uffd_moved_whole(enum uffd_way way) {
    const struct uffd_moved moved = uffd_moved(way);
    return moved.entry + moved.bind + moved.resume;
}

// Opens a descriptor with UFFD_FEATURE_ bits, beside those for shared memory; the part is given up if the kernel can't.
int uffd_open(uint64_t features);
// Maps one page, fit for a way, and registers it.
uintptr_t uffd_page(int uffd, enum uffd_way way);

// Resolves the fault of a page, as a handler does it. Wakes whoever waits for it.
[[gnu::always_inline]] static inline long uffd_resolve(int uffd, enum uffd_way way, uintptr_t page,
                                                       const void *contents) {
    switch (way) {
    case UFFD_COPY: {
        struct uffdio_copy copy = {page, (uintptr_t)contents, PAGE, 0, 0};
        return call3(SYS_ioctl, uffd, UFFDIO_COPY, (long)&copy);
    }
    case UFFD_ZERO: {
        struct uffdio_zeropage zero = {{page, PAGE}, 0, 0};
        return call3(SYS_ioctl, uffd, UFFDIO_ZEROPAGE, (long)&zero);
    }
    case UFFD_CONTINUE: {
        struct uffdio_continue go = {{page, PAGE}, 0, 0};
        return call3(SYS_ioctl, uffd, UFFDIO_CONTINUE, (long)&go);
    }
    }
    return -1;
}

#endif
