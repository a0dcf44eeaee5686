// SPDX-License-Identifier: MIT
// Reading and writing files through the page cache. See memory.h; addresses of contents are the user's or the library
// OS's, and a fault on the way may be served or not.
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/object.h"
#include "libos/unix/memory/once.h"
#include "libos/unix/memory/slots.h"
#include "libos/unix/memory/tables.h"
#include "libos/unix/memory/user_moves.h"
#include <errno.h>
#include <string.h>

// One piece of a transfer, within a page.
struct piece {
    uint64_t index;
    uint32_t offset, bytes;
};

static struct piece piece_at(uint64_t offset, uint64_t bytes) {
    const uint32_t within = offset % EXO_PAGE_SIZE;
    const uint64_t rest = EXO_PAGE_SIZE - within;
    return (struct piece){offset / EXO_PAGE_SIZE, within, (uint32_t)(bytes < rest ? bytes : rest)};
}

int64_t cache_read(struct inode *inode, uint64_t offset, void *to, size_t bytes) {
    if (offset >= inode->size || bytes == 0) return 0;
    if (bytes > inode->size - offset) bytes = inode->size - offset;
    struct object *object = object_of(inode);
    if (object == nullptr) return -ENOMEM;
    size_t done = 0;
    int error = 0;
    while (done < bytes && error == 0) {
        const struct piece piece = piece_at(offset + done, bytes - done);
        const uint32_t page = object_page(object, piece.index);
        error = page == NONE ? -ENOMEM : page_bring(page, FILL_CONTENTS);
        if (error != 0) break;
        page_pin(page);
        const uint64_t left = user_copy((char *)to + done, page_memory(page) + piece.offset, piece.bytes);
        page_unpin(page);
        once_used(page, piece.offset, piece.bytes, false);
        done += piece.bytes - left;
        if (left != 0) error = -EFAULT;
    }
    return done != 0 ? (int64_t)done : error;
}

// Has the source's first and last byte in memory, so that the copy that follows is hardly ever interrupted; and if the
// source is a mapping of the very page that is written, that is in memory from here on, and nothing is read of a frame
// that was not filled.
static int touch(const char *from, uint32_t bytes) {
    char byte;
    return user_copy(&byte, from, 1) != 0 || user_copy(&byte, from + bytes - 1, 1) != 0 ? -EFAULT : 0;
}

// Brings a page that is going to be written to, gives it a block and marks it. What is in its frame is garbage if
// *filled is false.
static int bring_to_write(struct object *object, const struct piece *piece, uint32_t *page, bool *filled) {
    *page = object_page(object, piece->index);
    if (*page == NONE) return -ENOMEM;
    *filled = page_resident(*page) || piece->bytes != EXO_PAGE_SIZE;
    int error = page_bring(*page, *filled ? FILL_CONTENTS : FILL_NOTHING);
    if (error == 0) error = object_allocate(*page);
    if (error == 0)
        object_dirty(*page);
    else if (!*filled)
        page_empty(*page);
    return error;
}

int64_t cache_write(struct inode *inode, uint64_t offset, const void *from, size_t bytes) {
    if (bytes == 0) return 0;
    if (offset > FS_SIZE_MOST || bytes > FS_SIZE_MOST - offset) return -EFBIG;
    struct object *object = object_of(inode);
    if (object == nullptr) return -ENOMEM;
    size_t done = 0;
    int error = 0;
    while (done < bytes && error == 0) {
        const struct piece piece = piece_at(offset + done, bytes - done);
        const char *source = (const char *)from + done;
        uint32_t page;
        bool filled;
        error = touch(source, piece.bytes);
        if (error == 0) error = bring_to_write(object, &piece, &page, &filled);
        if (error != 0) break;
        page_pin(page);
        char *place = page_memory(page) + piece.offset;
        const uint64_t left = user_copy(place, source, piece.bytes);
        if (left != 0 && !filled) memset(place + piece.bytes - left, 0, left);
        page_unpin(page);
        once_used(page, piece.offset, piece.bytes, true);
        done += piece.bytes - left;
        object->version = 0; // the source may have been waited for
        if (left != 0) error = -EFAULT;
    }
    if (done != 0 && offset + done > inode->size) {
        const int result = fs_set_size(inode, offset + done);
        if (result != 0) return result;
    }
    if (done != 0) fs_touch(inode, FS_MODIFIED | FS_CHANGED);
    return done != 0 ? (int64_t)done : error;
}

// Zeros what a shorter file keeps of its last page, so that it reads as zero when it grows again.
static int zero_behind(struct object *object, uint64_t size) {
    if (size % EXO_PAGE_SIZE == 0) return 0;
    const uint32_t page = object_page(object, size / EXO_PAGE_SIZE);
    int error = page == NONE ? -ENOMEM : page_bring(page, FILL_CONTENTS);
    if (error != 0) return error;
    if (memory.page[page].block == 0) return 0; // a hole, of zeros
    object_dirty(page);
    memset(page_memory(page) + size % EXO_PAGE_SIZE, 0, EXO_PAGE_SIZE - size % EXO_PAGE_SIZE);
    return 0;
}

int cache_set_size(struct inode *inode, uint64_t size) {
    struct object *object = size < inode->size ? object_of(inode) : inode->owner;
    if (size < inode->size) {
        if (object == nullptr) return -ENOMEM;
        const int error = zero_behind(object, size);
        if (error != 0) return error;
        object_cut(object, (size + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE);
    }
    const int result = fs_set_size(inode, size);
    if (object != nullptr) object->version = 0;
    return result;
}

// Each page that gets a block is written, as what is in the block is nobody's.
int cache_allocate(struct inode *inode, uint64_t offset, uint64_t bytes) {
    struct object *object = object_of(inode);
    int error = object == nullptr ? -ENOMEM : 0;
    const uint64_t end = (offset + bytes + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE;
    for (uint64_t index = offset / EXO_PAGE_SIZE; index < end && error == 0; index++) {
        const uint32_t page = object_page(object, index);
        error = page == NONE ? -ENOMEM : object_place(page);
        if (error != 0 || memory.page[page].block != 0) continue;
        error = page_bring(page, FILL_CONTENTS);
        if (error == 0) error = object_allocate(page);
        if (error == 0) object_dirty(page);
    }
    return error;
}

int cache_sync(struct inode *inode, bool data) {
    const int error = inode->owner == nullptr ? 0 : object_sync(inode->owner, false);
    const int result = fs_fsync(inode, data);
    return error != 0 ? error : result;
}

void cache_expect(struct inode *inode, bool at_random) {
    struct object *object = at_random ? object_of(inode) : inode->owner;
    if (object != nullptr) object->at_random = at_random;
}

int cache_sync_all(void) {
    return objects_sync();
}

int cache_write_fresh(struct inode *inode) {
    return inode->owner == nullptr ? 0 : object_sync(inode->owner, true);
}

void cache_forget(struct inode *inode) {
    if (inode->owner != nullptr) object_forget(inode->owner);
}
