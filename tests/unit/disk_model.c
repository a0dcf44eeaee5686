// SPDX-License-Identifier: MIT
// The disk of disk_model.h.
#include "tests/unit/disk_model.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct model model;

// The archive of libext2fs has functions that need others which it doesn't have; so the linker throws away what nothing
// refers to. It must not do that with Criterion's lists of tests and suites, whose starts this refers to.
extern struct criterion_test *__start_cr_tst[];
extern struct criterion_suite *__start_cr_sts[];
[[gnu::constructor]] static void keep_tests(void) {
    [[maybe_unused]] static void *volatile first;
    first = __start_cr_tst;
    first = __start_cr_sts;
}

uint64_t model_draw(uint64_t below) {
    model.draw = model.draw * 6364136223846793005u + 1442695040888963407u;
    return (model.draw >> 33) % below;
}

static int disk_read(struct fs_disk *disk, uint64_t block, void *memory) {
    cr_assert_lt(block, disk->blocks);
    if (model.off || ++model.reads == model.fail_read_at) return -EIO;
    memcpy(memory, model.seen + block * FS_BLOCK, FS_BLOCK);
    return 0;
}

static int disk_write(struct fs_disk *disk, uint64_t block, void *const memory[], uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_lt(block + i, disk->blocks);
        if (model.off || ++model.writes == model.cut_at) {
            model.off = true;
            return -EIO;
        }
        memcpy(model.seen + (block + i) * FS_BLOCK, memory[i], FS_BLOCK);
        model.unflushed[block + i] = 1;
    }
    return 0;
}

static int disk_flush(struct fs_disk *disk) {
    if (model.off || ++model.writes == model.cut_at) {
        model.cut_in_flush |= !model.off;
        model.off = true;
        return -EIO;
    }
    for (uint64_t block = 0; block < disk->blocks; block++) {
        if (!model.unflushed[block]) continue;
        memcpy(model.durable + block * FS_BLOCK, model.seen + block * FS_BLOCK, FS_BLOCK);
        model.unflushed[block] = 0;
    }
    return 0;
}

void model_write(uint64_t block, const void *page) {
    (void)!disk_write(&model.disk, block, (void *[]){(void *)page}, 1);
}

void model_crash(void) {
    // Of 2: mostly half of it, sometimes nothing or all.
    const uint64_t chance = model_draw(8) ? 1 : 2 * model_draw(2);
    for (uint64_t sector = 0; sector < MODEL_BLOCKS * (FS_BLOCK / SECTOR); sector++) {
        if (!model.unflushed[sector / (FS_BLOCK / SECTOR)] || model_draw(2) >= chance) continue;
        memcpy(model.durable + sector * SECTOR, model.seen + sector * SECTOR, SECTOR);
    }
    memcpy(model.seen, model.durable, MODEL_BLOCKS * FS_BLOCK);
    memset(model.unflushed, 0, MODEL_BLOCKS);
    model.off = false;
    model.cut_at = 0;
}

void model_load(const uint8_t *image) {
    if (!model.durable) {
        model.durable = malloc(MODEL_BLOCKS * FS_BLOCK);
        model.seen = malloc(MODEL_BLOCKS * FS_BLOCK);
        model.unflushed = malloc(MODEL_BLOCKS);
    }
    memcpy(model.durable, image, MODEL_BLOCKS * FS_BLOCK);
    memcpy(model.seen, image, MODEL_BLOCKS * FS_BLOCK);
    memset(model.unflushed, 0, MODEL_BLOCKS);
    model.disk = (struct fs_disk){MODEL_BLOCKS, disk_read, disk_write, disk_flush};
    model.writes = model.reads = model.cut_at = model.fail_read_at = 0;
    model.off = model.cut_in_flush = false;
}

struct model_state {
    uint8_t durable[MODEL_BLOCKS * FS_BLOCK], seen[MODEL_BLOCKS * FS_BLOCK], unflushed[MODEL_BLOCKS];
};

struct model_state *model_keep(void) {
    struct model_state *state = malloc(sizeof *state);
    memcpy(state->durable, model.durable, sizeof state->durable);
    memcpy(state->seen, model.seen, sizeof state->seen);
    memcpy(state->unflushed, model.unflushed, sizeof state->unflushed);
    return state;
}

void model_return(const struct model_state *state) {
    memcpy(model.durable, state->durable, sizeof state->durable);
    memcpy(model.seen, state->seen, sizeof state->seen);
    memcpy(model.unflushed, state->unflushed, sizeof state->unflushed);
}

// A command with IMAGE and FOLDER replaced.
static int run(const char *command, const char *image, const char *folder) {
    char line[1024] = "exec >/dev/null 2>&1; PATH=$PATH:/sbin:/usr/sbin; ";
    for (size_t length = strlen(line); *command; length = strlen(line)) {
        cr_assert_lt(length, 900);
        const bool names_image = !strncmp(command, "IMAGE", 5), names_folder = !strncmp(command, "FOLDER", 6);
        if (names_image || names_folder)
            strcat(line, names_image ? image : folder);
        else
            line[length] = *command, line[length + 1] = 0;
        command += names_image ? 5 : names_folder ? 6 : 1;
    }
    return system(line);
}

bool model_tool(const char *command) {
    return model_tool_in(command, "");
}

bool model_tool_in(const char *command, const char *folder) {
    char name[] = "/tmp/disk-model-XXXXXX";
    const int file = mkstemp(name);
    cr_assert_eq(write(file, model.durable, MODEL_BLOCKS * FS_BLOCK), (ssize_t)(MODEL_BLOCKS * FS_BLOCK));
    const int status = run(command, name, folder);
    cr_assert_eq(pread(file, model.durable, MODEL_BLOCKS * FS_BLOCK, 0), (ssize_t)(MODEL_BLOCKS * FS_BLOCK));
    memcpy(model.seen, model.durable, MODEL_BLOCKS * FS_BLOCK);
    close(file);
    unlink(name);
    return status == 0;
}

static uint8_t *make_image(const char *folder) {
    uint8_t *image = malloc(MODEL_BLOCKS * FS_BLOCK);
    char name[] = "/tmp/disk-model-XXXXXX";
    const int file = mkstemp(name);
    cr_assert_eq(run("mke2fs -q -F -t ext4 -b 4096 -I 256 -m 0 -N 512 -J size=4 -O none,has_journal,extent,filetype,"
                     "sparse_super,large_file,huge_file,dir_nlink,extra_isize,flex_bg -d FOLDER IMAGE 9M",
                     name, folder),
                 0, "mke2fs failed");
    cr_assert_eq(pread(file, image, MODEL_BLOCKS * FS_BLOCK, 0), (ssize_t)(MODEL_BLOCKS * FS_BLOCK));
    close(file);
    unlink(name);
    return image;
}

uint8_t *model_image(const char *make) {
    char folder[] = "/tmp/disk-folder-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(run(make, "", folder), 0);
    uint8_t *image = make_image(folder);
    cr_assert_eq(run("rm -r FOLDER", "", folder), 0);
    return image;
}

const uint8_t *model_empty(void) {
    static uint8_t *image;
    if (!image) image = model_image("true");
    return image;
}

static uint64_t now(void *context) {
    static uint64_t time = 1'700'000'000'000'000'000;
    (void)context;
    return time += 1'000'001;
}

int model_mount(struct filesystem **fs, int (*write_fresh)(void *context, struct inode *inode)) {
    static void *blocks, *heap;
    struct fs_options options = {.disk = &model.disk,
                                 .hooks = {.write_fresh = write_fresh, .now = now},
                                 .block_count = MODEL_CACHE,
                                 .heap_bytes = fs_heap_least(MODEL_BLOCKS),
                                 .inodes = 20};
    // New memory each time, so that the sanitizers see what is still used of the last.
    free(blocks);
    free(heap);
    options.blocks = blocks = aligned_alloc(FS_BLOCK, MODEL_CACHE * FS_BLOCK);
    options.heap = heap = aligned_alloc(16, options.heap_bytes / 16 * 16 + 16);
    memset(heap, 0x5a, options.heap_bytes);
    return fs_mount(&options, fs);
}

struct filesystem *model_start(int (*write_fresh)(void *context, struct inode *inode)) {
    struct filesystem *fs;
    const int error = model_mount(&fs, write_fresh);
    cr_assert(error == 0, "mount: %d (%s)", error, fs_reason());
    return fs;
}

void model_finish(struct filesystem *fs) {
    cr_assert_eq(fs_unmount(fs), 0);
    memcpy(model.durable, model.seen, MODEL_BLOCKS * FS_BLOCK);
}

void model_expect_sound(void) {
    if (model_tool("e2fsck -fn IMAGE")) return;
    FILE *file = fopen("/tmp/disk-model-bad", "w");
    fwrite(model.durable, FS_BLOCK, MODEL_BLOCKS, file);
    fclose(file);
    cr_assert_fail("e2fsck finds the disk damaged; it is kept in /tmp/disk-model-bad");
}
