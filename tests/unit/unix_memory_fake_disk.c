// SPDX-License-Identifier: MIT
// The disk and the file system of unix_memory_fake.h. A block that the file system hands out has garbage in it; files
// begin empty, and a reference too many or too few is noticed.
#include "tests/unit/unix_memory_fake.h"
#include "libos/unix/files/file.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

constexpr uint64_t BLOCKS = 16384, FILES_FIRST = 6000, FILE_PAGES = 1024;

static char *disk;
static uint64_t block_of[FAKE_FILES][FILE_PAGES], next_block;

char *fake_frame(exo_frame frame); // unix_memory_fake.c
void fake_disk_begin(void);
void fake_disk_end(void);

void fake_disk_begin(void) {
    disk = malloc(BLOCKS * EXO_PAGE_SIZE);
    cr_assert_not_null(disk);
    memset(disk, 0xdb, BLOCKS * EXO_PAGE_SIZE);
    memset(block_of, 0, sizeof block_of);
    next_block = 1;
    memory_filesystem(FILES_FIRST);
    for (unsigned i = 0; i < FAKE_FILES; i++) fake.file[i] = (struct inode){.number = i, .references = 1, .links = 1};
}

void fake_disk_end(void) {
    for (unsigned i = 0; i < FAKE_FILES; i++)
        cr_expect_eq(fake.file[i].references, 1, "file %u has %u references", i, fake.file[i].references);
    free(disk);
}

enum exo_error machine_transfer(enum exo_ring_operation operation, exo_frame frame, uint64_t block) {
    cr_assert_lt(block, BLOCKS);
    if (fake.fail_transfer != 0 && --fake.fail_transfer == 0) return EXO_DEVICE;
    char *contents = fake_frame(frame);
    if (operation == EXO_RING_READ) {
        memcpy(contents, disk + block * EXO_PAGE_SIZE, EXO_PAGE_SIZE);
        fake.reads++;
    } else {
        memcpy(disk + block * EXO_PAGE_SIZE, contents, EXO_PAGE_SIZE);
        fake.writes++;
    }
    return EXO_OK;
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
    }
    *place = (struct fs_place){*block, 1, fresh};
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
    cr_assert_gt(inode->references, 1, "a reference of file %u too many is given back", inode->number);
    inode->references--;
}

struct inode *inode_hold(struct inode *inode) {
    return fs_hold(inode);
}

void inode_release(struct inode *inode) {
    fs_release(inode);
}
