// SPDX-License-Identifier: MIT
// posix_madvise and madvise: what a program knows of how it is going to use pages of the heap or of a region.
//
// What is not needed leaves memory at once. With posix_madvise its contents stay, so dirty pages are written to swap
// space, or to their file; clean ones, and those never written to, are dropped. With madvise, as on Linux, memory that
// is no file's is zero afterwards, and nothing of it is written. (Linux's MADV_FREE may keep contents for a while; here
// it does not.)
#include "libos/core/upcall.h"
#include "libos/pager/pager.h"
#include "libos/unix/linked/unix.h"
#include <errno.h>
#include <sys/mman.h>

constexpr int FREE = 8; // MADV_FREE

static int advise(void *address, size_t bytes, enum pager_advice advice) {
    if ((uint64_t)address % EXO_PAGE_SIZE != 0) return EINVAL;
    if (bytes == 0) return 0;
    struct pager_region *region = pager_region_at(address);
    if (region == nullptr || bytes > UINT64_MAX - (uint64_t)address
        || pager_region_at((char *)address + bytes - 1) != region) {
        return ENOMEM;
    }
    const uint64_t pages = (bytes + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE;
    const uint64_t held = events_hold();
    pager_advise(region, pager_page_at(region, address), pages, advice);
    events_release(held);
    return 0;
}

// EINVAL (not on a page, or no such advice), ENOMEM (not all of it is in one region). POSIX.1-2017.
int posix_madvise(void *address, size_t bytes, int advice) {
    switch (advice) {
    case POSIX_MADV_NORMAL: return advise(address, bytes, PAGER_NORMAL);
    case POSIX_MADV_RANDOM: return advise(address, bytes, PAGER_RANDOM);
    case POSIX_MADV_SEQUENTIAL: return advise(address, bytes, PAGER_SEQUENTIAL);
    case POSIX_MADV_WILLNEED: return advise(address, bytes, PAGER_WILL_NEED);
    case POSIX_MADV_DONTNEED: return advise(address, bytes, PAGER_WONT_NEED);
    default: return EINVAL;
    }
}

// The same errors, in errno.
int madvise(void *address, size_t bytes, int advice) {
    const bool discard = advice == POSIX_MADV_DONTNEED || advice == FREE;
    const int error = discard ? advise(address, bytes, PAGER_DISCARD) : posix_madvise(address, bytes, advice);
    if (error == 0) return 0;
    errno = error;
    return -1;
}
