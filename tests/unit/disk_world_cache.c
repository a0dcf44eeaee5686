// SPDX-License-Identifier: MIT
// The page cache of disk_world.h.
#include "tests/unit/disk_world.h"
#include <criterion/criterion.h>
#include <errno.h>

static int write_page(struct inode *inode, uint64_t page, uint64_t tag) {
    uint64_t contents[FS_BLOCK / 8];
    struct fs_place place;
    for (unsigned i = 0; i < FS_BLOCK / 8; i++) contents[i] = tag;
    const int error = fs_block(inode, page, 0, &place);
    if (error) return error;
    cr_assert_neq(place.block, 0, "page %lu of inode %u has no block any more", page, inode->number);
    model_write(place.block, contents);
    return model.off ? -EIO : 0;
}

int run_clean(struct inode *inode, uint64_t from, bool write) {
    for (unsigned i = 0; i < 64; i++) {
        if (!run.cached[i].used || (inode && (run.cached[i].inode != inode || run.cached[i].page < from))) continue;
        run.cached[i].used = false;
        const int error = write ? write_page(run.cached[i].inode, run.cached[i].page, run.cached[i].tag) : 0;
        fs_release(run.cached[i].inode);
        if (error) return error;
    }
    return 0;
}

int run_write_fresh(void *, struct inode *inode) {
    for (unsigned i = 0; i < 64; i++) {
        if (!run.cached[i].used || run.cached[i].inode != inode) continue;
        const int error = write_page(inode, run.cached[i].page, run.cached[i].tag);
        if (error) return error;
    }
    return 0;
}

int run_put(struct inode *inode, uint64_t page, uint64_t tag) {
    unsigned free = 64;
    for (unsigned i = 0; i < 64; i++) {
        if (!run.cached[i].used) free = i;
        if (run.cached[i].used && run.cached[i].inode == inode && run.cached[i].page == page) {
            run.cached[i].tag = tag;
            return 0;
        }
    }
    if (free == 64) {
        const int error = run_clean(nullptr, 0, true);
        if (error) return error;
        free = 0;
    }
    run.cached[free].inode = fs_hold(inode);
    run.cached[free].page = page;
    run.cached[free].tag = tag;
    run.cached[free].used = true;
    return 0;
}

void run_write_cached(void) {
    (void)run_clean(nullptr, 0, true);
}
