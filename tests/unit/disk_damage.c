// SPDX-License-Identifier: MIT
// Damaged disks and failing ones: one error, and no further harm. Images of the host's tools, and theirs of ours.
#include "tests/unit/disk_world.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// An image with some of everything, its journal in use.
static uint8_t *used_image(void) {
    model.draw = 5;
    model_load(model_empty());
    struct filesystem *fs = model_start(run_write_fresh);
    run_start(fs, nullptr);
    for (unsigned i = 0; i < 400; i++) cr_assert(run_operation());
    run_write_cached();
    cr_assert_eq(fs_sync(fs), 0);
    uint8_t *image = malloc(MODEL_BLOCKS * FS_BLOCK);
    memcpy(image, model.durable, MODEL_BLOCKS * FS_BLOCK);
    run_release();
    return image;
}

// Whatever a program could do; the results may be anything.
static void use_everything(struct inode *directory, unsigned depth) {
    struct fs_entry entry;
    for (uint64_t cursor = 0; fs_readdir(directory, cursor, &entry) == 1; cursor = entry.cursor) {
        struct inode *inode;
        char target[100];
        struct fs_place place;
        if (fs_lookup(directory, entry.name, entry.length, &inode)) continue;
        (void)fs_readlink(inode, target, sizeof target);
        for (uint64_t page = 0; page < 40; page += 3) (void)fs_block(inode, page, FS_ALLOCATE, &place);
        if (S_ISDIR(inode->mode) && entry.name[0] != '.' && depth < 6) use_everything(inode, depth + 1);
        (void)fs_set_size(inode, model_draw(20) * FS_BLOCK);
        (void)fs_rename(directory, entry.name, entry.length, directory, "new", 3, 0);
        if (model_draw(2)) (void)fs_unlink(directory, "new", 3);
        (void)fs_create(directory, entry.name, entry.length, &(struct fs_new){.mode = S_IFREG}, nullptr);
        fs_release(inode);
    }
}

static bool is_metadata(const uint8_t *image, uint64_t block) {
    return block < 80 || image[block * FS_BLOCK + 8] != image[block * FS_BLOCK + 16];
}

Test(disk_damage, flipped_bytes_give_errors_and_no_crash) {
    uint8_t *image = used_image();
    unsigned refused = 0;
    for (uint64_t seed = 1; seed <= 700; seed++) {
        model_load(image);
        model.draw = seed;
        // The superblock, descriptors, bitmaps, tables and the journal most of all.
        for (uint64_t count = 1 + model_draw(6); count;) {
            const uint64_t block = model_draw(model_draw(3) == 0 ? 2 : model_draw(2) ? 80 : MODEL_BLOCKS);
            const uint64_t at = block * FS_BLOCK + (block == 0 ? 1024 + model_draw(400) : model_draw(FS_BLOCK));
            if (!is_metadata(image, block)) continue;
            model.seen[at] = (uint8_t)(model_draw(2) ? model_draw(256) : model.seen[at] ^ 1u << model_draw(8));
            count--;
        }
        struct filesystem *fs;
        const int error = model_mount(&fs, nullptr);
        if (error) {
            refused++;
            cr_assert(error == -EINVAL || error == -EOPNOTSUPP || error == -ENOMEM, "seed %lu: %d", seed, error);
            cr_assert_gt(strlen(fs_reason()), 10, "seed %lu: %d without a reason", seed, error);
            continue;
        }
        use_everything(fs_root(fs), 0);
        (void)fs_sync(fs);
        (void)!fs_unmount(fs);
    }
    cr_assert_gt(refused, 50, "%u", refused);
    cr_assert_lt(refused, 650, "%u", refused);
    free(image);
}

Test(disk_damage, what_is_no_file_system_is_refused_in_a_sentence) {
    static const struct {
        const char *change, *reason;
        int error;
    } cases[] = {
        {"dd if=/dev/zero of=IMAGE bs=4096 count=1 conv=notrunc", "there is no file system", -EINVAL},
        {"tune2fs -O ^has_journal IMAGE", "no journal", -EOPNOTSUPP},
        {"debugfs -w -R 'feature metadata_csum' IMAGE", "not served", -EOPNOTSUPP},
        {"debugfs -w -R 'ssv state 2' IMAGE", "e2fsck", -EINVAL},
        {"debugfs -w -R 'sif <8> size 4096' IMAGE", "journal", -EINVAL},
        {"debugfs -w -R 'ssv blocks_count 999999' IMAGE", "larger than the disk", -EINVAL},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct filesystem *fs;
        model_load(model_empty());
        (void)model_tool(cases[i].change);
        const int error = model_mount(&fs, nullptr);
        cr_assert_eq(error, cases[i].error, "%s: %d (%s)", cases[i].change, error, fs_reason());
        cr_assert(strstr(fs_reason(), cases[i].reason), "%s: %s", cases[i].change, fs_reason());
    }
}

// One read fails: the operation gives EIO, and whatever was synced is there at the next mount.
Test(disk_damage, a_failed_read_spoils_nothing) {
    uint8_t *image = used_image();
    for (uint64_t at = 1; at < 120; at++) {
        struct filesystem *fs;
        model_load(image);
        model.fail_read_at = at;
        int error = model_mount(&fs, nullptr);
        if (!error) {
            model.draw = at;
            use_everything(fs_root(fs), 0);
            (void)fs_sync(fs);
            (void)!fs_unmount(fs);
        } else {
            cr_assert_eq(error, -EIO);
        }
        memcpy(model.durable, model.seen, MODEL_BLOCKS * FS_BLOCK);
        model.fail_read_at = 0;
        model_finish(model_start(nullptr));
        if (at % 6 == 0) model_expect_sound();
    }
    free(image);
}

static const char *const make_tree =
    "cd FOLDER && mkdir -p usr/share/empty && ln -s usr/share l && ln -s $(printf %0200d 1) long && mkfifo pipe && "
    "seq 1 90000 >usr/share/numbers && chmod 4711 usr/share/numbers && ln usr/share/numbers usr/second && "
    "for i in $(seq 1 200); do echo $i >usr/f$i; done; truncate -s 300k sparse && echo end >>sparse";

// The same tree by way of Linux's tools and ours, there and back.
Test(disk_damage, images_of_the_host_s_tools_and_back) {
    uint8_t *image = model_image(make_tree);
    model_load(image);
    struct filesystem *fs = model_start(nullptr);
    struct inode *usr, *copy, *file;
    cr_assert_eq(fs_lookup(fs_root(fs), "usr", 3, &usr), 0);
    cr_assert_eq(fs_lookup(usr, "second", 6, &file), 0);
    cr_assert_eq(file->mode, (S_IFREG | 04711));
    cr_assert_eq(file->links, 2);
    cr_assert_eq(file->size, 528894);
    // A copy of the file, made here.
    cr_assert_eq(fs_create(usr, "copy", 4, &(struct fs_new){.mode = S_IFREG | 0600}, &copy), 0);
    for (uint64_t page = 0; page * FS_BLOCK < file->size; page++) {
        struct fs_place from, to;
        uint8_t contents[FS_BLOCK];
        cr_assert_eq(fs_block(file, page, 0, &from), 0);
        memcpy(contents, model.seen + from.block * FS_BLOCK, FS_BLOCK);
        cr_assert_eq(fs_block(copy, page, FS_ALLOCATE, &to), 0);
        model_write(to.block, contents);
    }
    cr_assert_eq(fs_set_size(copy, file->size), 0);
    cr_assert_eq(fs_symlink(usr, "link", 4, &(struct fs_new){}, "copy", 4, nullptr), 0);
    cr_assert_eq(fs_unlink(usr, "f7", 2), 0);
    cr_assert_eq(fs_rename(usr, "f8", 2, fs_root(fs), "eight", 5, 0), 0);
    fs_release(copy);
    fs_release(file);
    fs_release(usr);
    model_finish(fs);
    model_expect_sound();
    char folder[] = "/tmp/disk-folder-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    cr_assert(model_tool_in("debugfs -R 'rdump / FOLDER' IMAGE && cd FOLDER && cmp usr/copy usr/second && "
                            "cmp usr/copy usr/share/numbers && seq 1 90000 | cmp - usr/copy && "
                            "test $(readlink usr/link) = copy && test ! -e usr/f7 && test $(cat eight) = 8 && "
                            "test $(cat usr/f200) = 200 && test $(tail -c 4 sparse) = end && test -L long",
                            folder),
              "the files are different on the host");
    (void)model_tool_in("rm -r FOLDER", folder);
    free(image);
}
