// SPDX-License-Identifier: MIT
// The disk and the file system of unix_memory_fake.h. A block that the file system hands out has garbage in it; files
// begin empty, and a reference too many or too few is noticed.
#include "tests/unit/unix_memory_fake.h"
#include "libos/pager/policy/lcg.h"
#include "libos/unix/files/file.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

constexpr unsigned PLACES = 20; // for transfers
constexpr uint64_t BLOCKS = 16384, FILES_FIRST = 6000, FILE_PAGES = 100;

static char *disk;
static uint64_t block_of[FAKE_FILES][FILE_PAGES], next_block;

char *fake_frame(exo_frame frame); // unix_memory_fake.c
void fake_disk_begin(void);
void fake_disk_end(void);

// ---- the disk: data is moved when a transfer is taken. Until then a frame that is read into is spoilt, and one that
// is written must stay as it is and be mapped nowhere, unless its page is write-protected.

static struct pending {
    enum exo_ring_operation operation;
    exo_frame frame;
    uint64_t block, digest;
    uint32_t tag;
    bool kicked;
} pending[PLACES];
static unsigned pending_count;

void fake_disk_begin(void) {
    disk = calloc(BLOCKS, EXO_PAGE_SIZE);
    cr_assert_not_null(disk);
    memset(block_of, 0, sizeof block_of);
    next_block = 1;
    pending_count = 0;
    memory_filesystem(FILES_FIRST);
    for (unsigned i = 0; i < FAKE_FILES; i++) fake.file[i] = (struct inode){.number = i, .links = 1};
}

void fake_disk_end(void) {
    for (unsigned i = 0; i < FAKE_FILES; i++)
        cr_expect_eq(fake.file[i].references, 0, "file %u has %u references", i, fake.file[i].references);
    free(disk);
}

static uint64_t digest_of(exo_frame frame) {
    const uint64_t *word = (const uint64_t *)fake_frame(frame);
    uint64_t digest = 0;
    for (unsigned i = 0; i < EXO_PAGE_SIZE / sizeof *word; i++) digest = digest * 31 + word[i];
    return digest;
}

bool machine_disk_put(enum exo_ring_operation operation, exo_frame frame, uint64_t block, uint32_t tag) {
    cr_assert_lt(block, BLOCKS);
    if (pending_count == PLACES) return false;
    for (unsigned i = 0; i < pending_count; i++) {
        cr_assert_neq(pending[i].frame.raw, frame.raw, "a frame is in two transfers");
        cr_assert_neq(pending[i].block, block, "block %lu is in two transfers", block);
    }
    if (operation == EXO_RING_READ) memset(fake_frame(frame), 0xcc, EXO_PAGE_SIZE);
    pending[pending_count++] = (struct pending){operation, frame, block, digest_of(frame), tag, false};
    return true;
}

void machine_disk_kick(void) {
    for (unsigned i = 0; i < pending_count; i++) pending[i].kicked = true;
    fake.kicks++;
}

bool machine_disk_take(uint32_t *tag, enum exo_error *error) {
    static uint64_t x = 1;
    if (pending_count == 0) return false;
    const unsigned i = (unsigned)lcg_draw(&x, pending_count);
    const struct pending done = pending[i];
    cr_assert(done.kicked, "a transfer is waited for that was not kicked");
    pending[i] = pending[--pending_count];
    *tag = done.tag;
    *error = fake.fail_transfer != 0 && --fake.fail_transfer == 0 ? EXO_DEVICE : EXO_OK;
    char *contents = fake_frame(done.frame), *place = disk + done.block * EXO_PAGE_SIZE;
    if (*error != EXO_OK) return true;
    if (done.operation == EXO_RING_READ) {
        memcpy(contents, place, EXO_PAGE_SIZE);
        fake.reads++;
    } else {
        cr_assert_eq(digest_of(done.frame), done.digest, "a page changed while it was written");
        memcpy(place, contents, EXO_PAGE_SIZE);
        fake.writes++;
    }
    return true;
}

uint64_t fake_on_disk(unsigned file, uint64_t offset) {
    const uint64_t block = block_of[file][offset / EXO_PAGE_SIZE];
    uint64_t value = 0;
    if (block != 0) memcpy(&value, disk + (FILES_FIRST + block) * EXO_PAGE_SIZE + offset % EXO_PAGE_SIZE, sizeof value);
    return value;
}

// ---- the file system

int fs_block(struct inode *file, uint64_t index, uint32_t flags, struct fs_place *place) {
    cr_assert_lt(index, FILE_PAGES);
    uint64_t *block = &block_of[file->number][index];
    const bool fresh = *block == 0 && (flags & FS_ALLOCATE);
    if (fresh) {
        if (fake.file_blocks == 0) return -ENOSPC;
        fake.file_blocks--;
        *block = next_block++;
        cr_assert_lt(FILES_FIRST + next_block, BLOCKS);
        memset(disk + (FILES_FIRST + *block) * EXO_PAGE_SIZE, 0xdb, EXO_PAGE_SIZE);
    }
    uint32_t run = 1; // blocks are handed out in rising order, so files that are written in order lie so
    while (!fresh && index + run < FILE_PAGES && block[run] == (*block == 0 ? 0 : *block + run)) run++;
    *place = (struct fs_place){*block, run, fresh};
    return 0;
}

int fs_set_size(struct inode *inode, uint64_t size) {
    for (uint64_t index = (size + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE; index < FILE_PAGES; index++)
        block_of[inode->number][index] = 0;
    inode->size = size;
    return 0;
}

void fs_touch(struct inode *, uint32_t) {}

int fs_fsync(struct inode *, bool) {
    return 0;
}

struct inode *fs_hold(struct inode *inode) {
    inode->references++;
    return inode;
}

void fs_release(struct inode *inode) {
    cr_assert_gt(inode->references, 0, "a reference of file %u too many is given back", inode->number);
    inode->references--;
}

struct inode *inode_hold(struct inode *inode) {
    return fs_hold(inode);
}

void inode_release(struct inode *inode) {
    fs_release(inode);
}
