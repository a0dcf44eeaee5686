// SPDX-License-Identifier: MIT
// Cases that random operations come upon too rarely: a full disk, much fragmented files, large directories, what a
// crash leaves of deleted files, the standard errors.
#include "tests/unit/disk_model.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct filesystem *fs;
static const struct fs_new a_file = {.mode = S_IFREG | 0644};

static void begin(void) {
    model_load(model_empty());
    fs = model_start(nullptr);
}
static void end(void) {
    model_finish(fs);
    model_expect_sound();
}
static void again(void) {
    end();
    fs = model_start(nullptr);
}

TestSuite(disk_files, .init = begin, .fini = end);

static struct inode *create(const char *name) {
    struct inode *made;
    const int error = fs_create(fs_root(fs), name, strlen(name), &a_file, &made);
    cr_assert(error == 0, "create %s: %d (%s)", name, error, fs_reason());
    return made;
}

static struct inode *lookup(const char *name) {
    struct inode *found = nullptr;
    const int error = fs_lookup(fs_root(fs), name, strlen(name), &found);
    cr_assert(error == 0 || error == -ENOENT, "lookup %s: %d", name, error);
    return found;
}

// A page that says which it is; each sector of it.
static int write_page(struct inode *file, uint64_t index) {
    struct fs_place place;
    uint64_t page[FS_BLOCK / 8];
    const int error = fs_block(file, index, FS_ALLOCATE, &place);
    if (error) return error;
    for (unsigned i = 0; i < FS_BLOCK / 8; i++) page[i] = (uint64_t)file->number << 32 | index;
    model_write(place.block, page);
    return file->size < (index + 1) * FS_BLOCK ? fs_set_size(file, (index + 1) * FS_BLOCK) : 0;
}

static bool page_is_there(struct inode *file, uint64_t index) {
    struct fs_place place;
    uint64_t first;
    cr_assert_eq(fs_block(file, index, 0, &place), 0);
    memcpy(&first, model.seen + place.block * FS_BLOCK, 8);
    return place.block && first == ((uint64_t)file->number << 32 | index);
}

static uint64_t free_blocks(void) {
    struct fs_statistics statistics;
    fs_statistics(fs, &statistics);
    return statistics.free;
}

Test(disk_files, a_full_disk_refuses_and_keeps_what_it_has) {
    const uint64_t before = free_blocks();
    unsigned files = 0;
    uint64_t pages = 0;
    int error = 0;
    for (char name[16]; !error; files++) {
        snprintf(name, sizeof name, "file%u", files);
        struct inode *file;
        error = fs_create(fs_root(fs), name, strlen(name), &a_file, &file);
        if (error) break;
        for (unsigned page = 0; page < 100 && !error; page++) {
            error = write_page(file, page);
            pages += !error;
        }
        fs_release(file);
    }
    cr_assert_eq(error, -ENOSPC);
    cr_assert_lt(free_blocks(), 20);
    cr_assert_gt(pages, before - 20 - files);
    again();
    for (unsigned i = 0; i < pages; i++) {
        char name[16];
        snprintf(name, sizeof name, "file%u", i / 100);
        struct inode *file = lookup(name);
        cr_assert(page_is_there(file, i % 100));
        fs_release(file);
    }
    // Room that was freed a moment ago can be used, though it needs a commit first.
    cr_assert_eq(fs_unlink(fs_root(fs), "file0", 5), 0);
    struct inode *file = create("another");
    for (unsigned page = 0; page < 90; page++) cr_assert_eq(write_page(file, page), 0);
    fs_release(file);
    for (unsigned i = 1; i < files; i++) {
        char name[16];
        snprintf(name, sizeof name, "file%u", i);
        cr_assert_eq(fs_unlink(fs_root(fs), name, strlen(name)), 0);
    }
    cr_assert_eq(fs_unlink(fs_root(fs), "another", 7), 0);
    cr_assert_eq(fs_sync(fs), 0);
    cr_assert_geq(free_blocks() + 1, before); // the root may have grown by a block
}

Test(disk_files, all_inodes_in_use) {
    int error = 0;
    unsigned files = 0;
    for (char name[16]; !error; files++) {
        snprintf(name, sizeof name, "%u", files);
        error = fs_create(fs_root(fs), name, strlen(name), &a_file, nullptr);
    }
    cr_assert_eq(error, -ENOSPC);
    cr_assert_eq(files - 1, 501);
    cr_assert_eq(fs_mkdir(fs_root(fs), "x", 1, &(struct fs_new){.mode = 0755}, nullptr), -ENOSPC);
    cr_assert_eq(fs_unlink(fs_root(fs), "7", 1), 0);
    cr_assert_eq(fs_mkdir(fs_root(fs), "x", 1, &(struct fs_new){.mode = 0755}, nullptr), 0);
}

// Every other page, so that each is an extent of its own; and back.
Test(disk_files, a_file_in_many_pieces) {
    constexpr unsigned pages = 1200;
    const uint64_t before = free_blocks();
    struct inode *file = create("pieces");
    for (unsigned i = 0; i < pages; i += 2) cr_assert_eq(write_page(file, i), 0);
    // In the middle, in no order, and at the front of a leaf.
    for (unsigned i = 0; i < pages / 2; i++) cr_assert_eq(write_page(file, (i * 7919u % (pages / 2)) * 2 + 1), 0);
    for (unsigned i = 0; i < pages; i++) cr_assert(page_is_there(file, i), "page %u", i);
    cr_assert_geq(file->sectors, pages * 8);
    fs_release(file);
    again();
    file = lookup("pieces");
    for (unsigned i = 0; i < pages; i++) cr_assert(page_is_there(file, i), "page %u", i);
    cr_assert_eq(fs_punch(file, 100, 333), 0);
    for (unsigned i = 0; i < pages; i++) {
        struct fs_place place;
        cr_assert_eq(fs_block(file, i, 0, &place), 0);
        cr_assert_eq(place.block == 0, i >= 100 && i < 433);
    }
    cr_assert_eq(fs_set_size(file, 50 * FS_BLOCK + 1), 0);
    cr_assert(page_is_there(file, 50));
    cr_assert_leq(file->sectors, 60 * 8);
    cr_assert_eq(fs_set_size(file, 0), 0);
    cr_assert_eq(file->sectors, 0);
    cr_assert_eq(fs_sync(fs), 0);
    cr_assert_geq(free_blocks(), before - 1);
    fs_release(file);
}

Test(disk_files, blocks_are_taken_in_a_row) {
    struct inode *file = create("row");
    uint64_t taken;
    cr_assert_eq(fs_allocate(file, 3, 700, &taken), 0);
    cr_assert_eq(taken, 700);
    struct fs_place place;
    cr_assert_eq(fs_block(file, 3, 0, &place), 0);
    cr_assert_geq(place.run, 600);
    cr_assert_eq(fs_block(file, 0, 0, &place), 0);
    cr_assert_eq(place.block, 0);
    cr_assert_eq(place.run, 3);
    cr_assert_eq(fs_allocate(file, 0, 5000, &taken), 0); // more than there is
    cr_assert_lt(taken, 2300);
    cr_assert_eq(fs_allocate(file, 4000, 10, &taken), -ENOSPC);
    cr_assert_eq(fs_set_size(file, FS_SIZE_MOST - FS_BLOCK), 0);
    cr_assert_eq(fs_set_size(file, FS_SIZE_MOST), -EFBIG);
    cr_assert_eq(fs_block(file, FS_SIZE_MOST / FS_BLOCK, 0, &place), -EFBIG);
    cr_assert_eq(fs_set_size(file, 0), 0);
    fs_release(file);
}

Test(disk_files, a_large_directory) {
    char name[64];
    struct inode *file = create("it");
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "a name that takes some room %u", i);
        cr_assert_eq(fs_link(fs_root(fs), name, strlen(name), file), 0);
    }
    cr_assert_eq(file->links, 3001);
    // Reading goes on from its cursor while entries are removed and made.
    unsigned seen = 0;
    struct fs_entry entry;
    for (uint64_t cursor = 0; fs_readdir(fs_root(fs), cursor, &entry) == 1; cursor = entry.cursor) {
        if (entry.length < 10 || entry.name[1] != ' ') continue;
        seen++;
        cr_assert_eq(fs_unlink(fs_root(fs), entry.name, entry.length), 0);
        if (seen % 5 == 0) cr_assert_eq(fs_link(fs_root(fs), "x", 1, file), seen == 5 ? 0 : -EEXIST);
    }
    cr_assert_eq(seen, 3000);
    cr_assert_eq(file->links, 2);
    fs_release(file);
}

// Where the next entry began, a longer name stands by then.
Test(disk_files, reading_goes_on_behind_a_name_that_covers_its_place) {
    const char *const name[] = {"first, of forty characters or near it...", "second, of forty characters or near it..",
                                "third, of forty characters or near it...", "the last"};
    struct inode *file = create(name[0]);
    for (unsigned i = 1; i < 4; i++) cr_assert_eq(fs_link(fs_root(fs), name[i], strlen(name[i]), file), 0);
    struct fs_entry entry = {};
    while (strcmp(entry.name, name[1]) != 0) cr_assert_eq(fs_readdir(fs_root(fs), entry.cursor, &entry), 1);
    for (unsigned i = 1; i < 3; i++) cr_assert_eq(fs_unlink(fs_root(fs), name[i], strlen(name[i])), 0);
    const char *longer = "a name that is longer than either of the two that were there, and so covers both";
    cr_assert_eq(fs_link(fs_root(fs), longer, strlen(longer), file), 0);
    cr_assert_eq(fs_readdir(fs_root(fs), entry.cursor, &entry), 1);
    cr_assert_str_eq(entry.name, "the last");
    cr_assert_eq(fs_readdir(fs_root(fs), entry.cursor, &entry), 0);
    fs_release(file);
}

// Deleted, but used when the power fails; and half shortened.
Test(disk_files, a_crash_frees_what_was_deleted) {
    struct inode *used = create("used"), *pieces = create("pieces");
    const uint64_t before = free_blocks();
    for (unsigned i = 0; i < 100; i++) cr_assert_eq(write_page(used, i), 0);
    for (unsigned i = 0; i < 1000; i += 2) cr_assert_eq(write_page(pieces, i), 0);
    cr_assert_eq(fs_unlink(fs_root(fs), "used", 4), 0);
    cr_assert(page_is_there(used, 99));
    struct inode *nameless;
    cr_assert_eq(fs_create_nameless(fs, &a_file, &nameless), 0);
    cr_assert_eq(write_page(nameless, 0), 0);
    cr_assert_eq(fs_sync(fs), 0);
    model.cut_at = model.writes + 40; // while it is being shortened
    cr_assert_eq(fs_unlink(fs_root(fs), "pieces", 6), 0);
    fs_release(pieces);
    (void)!fs_sync(fs);
    model_crash();
    fs = model_start(nullptr);
    struct inode *left = lookup("pieces");
    if (left) fs_release(left);
    cr_assert_eq(fs_sync(fs), 0);
    cr_assert_geq(free_blocks() + (left ? 503 : 0), before);
}

// In the journal, a block that begins like one of the journal's own is changed, and changed back when it is replayed.
Test(disk_files, a_block_that_looks_like_the_journal_s_own) {
    char target[200] = "\xc0\x3b\x39\x98\0\0\0\2", found[200];
    memset(target + 8, 'x', sizeof target - 8);
    cr_assert_eq(fs_symlink(fs_root(fs), "link", 4, &a_file, target, sizeof target, nullptr), 0);
    cr_assert_eq(fs_sync(fs), 0);
    model_crash();
    fs = model_start(nullptr);
    struct inode *link = lookup("link");
    cr_assert_not_null(link);
    cr_assert_eq(fs_readlink(link, found, sizeof found), sizeof found);
    cr_assert_arr_eq(found, target, sizeof found);
    cr_assert_eq(fs_unlink(fs_root(fs), "link", 4), 0); // no path has a zero byte, as e2fsck would say
    fs_release(link);
}

Test(disk_files, a_nameless_file_can_get_a_name) {
    struct inode *file;
    cr_assert_eq(fs_create_nameless(fs, &a_file, &file), 0);
    cr_assert_eq(write_page(file, 0), 0);
    cr_assert_eq(fs_link(fs_root(fs), "name", 4, file), 0);
    fs_release(file);
    again();
    file = lookup("name");
    cr_assert(page_is_there(file, 0));
    fs_release(file);
}

Test(disk_files, the_standard_errors) {
    struct inode *root = fs_root(fs), *file = create("file"), *found;
    char name[300];
    memset(name, 'n', sizeof name);
    const struct fs_new directory = {.mode = 0755};
    cr_assert_eq(fs_lookup(root, name, 256, &found), -ENAMETOOLONG);
    cr_assert_eq(fs_lookup(root, name, 255, &found), -ENOENT);
    cr_assert_eq(fs_lookup(root, name, 0, &found), -ENOENT);
    cr_assert_eq(fs_lookup(file, "x", 1, &found), -ENOTDIR);
    cr_assert_eq(fs_create(root, name, 255, &a_file, nullptr), 0);
    cr_assert_eq(fs_create(root, name, 256, &a_file, nullptr), -ENAMETOOLONG);
    cr_assert_eq(fs_create(file, "x", 1, &a_file, nullptr), -ENOTDIR);
    cr_assert_eq(fs_mkdir(root, "file", 4, &directory, nullptr), -EEXIST);
    cr_assert_eq(fs_mkdir(root, "d", 1, &directory, &found), 0);
    cr_assert_eq(fs_link(root, "e", 1, found), -EPERM);
    cr_assert_eq(fs_rmdir(root, ".", 1), -EINVAL);
    cr_assert_eq(fs_rmdir(found, "..", 2), -ENOTEMPTY);
    cr_assert_eq(fs_rename(root, "d", 1, found, "inside", 6, 0), -EINVAL);
    cr_assert_eq(fs_rename(root, ".", 1, root, "x", 1, 0), -EBUSY);
    cr_assert_eq(fs_rename(root, "file", 4, found, "f", 1, 0), 0);
    cr_assert_eq(fs_rename(found, "f", 1, root, "d", 1, FS_NOREPLACE), -EEXIST);
    cr_assert_eq(fs_rename(found, "f", 1, root, "d", 1, 0), -EISDIR);
    cr_assert_eq(fs_rmdir(root, "d", 1), -ENOTEMPTY);
    cr_assert_eq(fs_unlink(found, "f", 1), 0);
    cr_assert_eq(fs_rmdir(root, "d", 1), 0);
    cr_assert_eq(fs_create(found, "late", 4, &a_file, nullptr), -ENOENT); // it is held, but has no name
    cr_assert_eq(fs_set_size(found, 0), -EISDIR);
    fs_release(found);
    cr_assert_eq(fs_symlink(root, "l", 1, &a_file, name, 0, nullptr), -ENOENT);
    cr_assert_eq(fs_symlink(root, "l", 1, &a_file, name, FS_BLOCK, nullptr), -ENAMETOOLONG);
    cr_assert_eq(fs_readlink(file, name, 10), -EINVAL);
    fs_release(file);
}

Test(disk_files, attributes_stay) {
    struct inode *file;
    const uint32_t device = 300u << 8 | (70000u & 0xff) | (70000u & ~0xffu) << 12;
    cr_assert_eq(
        fs_create(fs_root(fs), "device", 6, &(struct fs_new){.mode = S_IFBLK | 0600, .device = device}, nullptr), 0);
    file = create("file");
    const struct fs_change change = {.mask = FS_MODE | FS_OWNER | FS_ACCESSED | FS_MODIFIED,
                                     .mode = 07751,
                                     .uid = 123456,
                                     .gid = 654321,
                                     .accessed = 7'000'000'000'123'456'789u, // in the year 2191
                                     .modified = 1};
    cr_assert_eq(fs_change(file, &change), 0);
    const uint64_t changed = file->changed;
    fs_release(file);
    again();
    file = lookup("file");
    cr_assert_eq(file->mode, (S_IFREG | 07751));
    cr_assert_eq(file->uid, 123456);
    cr_assert_eq(file->gid, 654321);
    cr_assert_eq(file->accessed, change.accessed);
    cr_assert_eq(file->modified, 1);
    cr_assert_eq(file->changed, changed);
    fs_release(file);
    file = lookup("device");
    cr_assert_eq(file->device, device);
    fs_release(file);
}
