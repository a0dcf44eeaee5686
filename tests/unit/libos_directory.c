// SPDX-License-Identifier: MIT
// The disk's directory.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "libos/core/directory.h"

static struct disk_directory *directory;
constexpr uint64_t BLOCKS = 100;

static void begin(void) {
    directory = calloc(1, sizeof(*directory));
    *directory = (struct disk_directory){.magic = DISK_MAGIC, .files = 2, .swap_block = 60, .swap_blocks = 40};
    directory->file[0] = (struct disk_file){.name = "words.txt", .bytes = 5000, .block = 8, .blocks = 2};
    directory->file[1] = (struct disk_file){.name = "out", .bytes = 0, .block = 10, .blocks = 50};
}

static void end(void) {
    free(directory);
}

TestSuite(directory, .init = begin, .fini = end);

static void says(const char *fault) {
    const char *said = directory_fault(directory, BLOCKS);
    cr_expect_not_null(said);
    if (said != nullptr) cr_expect_str_eq(said, fault);
}

Test(directory, a_sound_one_has_no_fault) {
    cr_expect_null(directory_fault(directory, BLOCKS));
    directory->swap_blocks = 0;
    directory->file[1].blocks = 0;
    cr_expect_null(directory_fault(directory, BLOCKS), "empty extents lie anywhere");
}

Test(directory, each_fault_is_found) {
    directory->magic++;
    says("it has no directory");
    directory->magic--;
    directory->files = DISK_FILES + 1;
    says("its directory has too many lines");
    directory->files = 2;
    directory->swap_blocks = 41;
    says("its swap space is not all among the blocks that were given");
    directory->swap_blocks = UINT64_MAX;
    says("its swap space is not all among the blocks that were given");
    directory->swap_blocks = 40;
    memset(directory->file[0].name, 'x', sizeof(directory->file[0].name));
    says("a file's name has no end");
    directory->file[0].name[39] = '\0';
    directory->file[1].blocks = 91;
    says("a file is not all among the blocks that were given");
    directory->file[1].blocks = UINT32_MAX;
    says("a file is not all among the blocks that were given");
    directory->file[1].blocks = 50;
    directory->file[1].block = 7;
    says("a file is not all among the blocks that were given");
    directory->file[1].block = 10;
    directory->file[0].bytes = 2 * 4096 + 1;
    says("a file is longer than its blocks");
    directory->file[0].bytes = 2 * 4096;
    cr_expect_null(directory_fault(directory, BLOCKS));
}

Test(directory, finds_a_file_by_its_whole_name) {
    cr_expect_eq(directory_find(directory, "words.txt"), &directory->file[0]);
    cr_expect_eq(directory_find(directory, "out"), &directory->file[1]);
    cr_expect_null(directory_find(directory, "ou"));
    cr_expect_null(directory_find(directory, "out2"));
    cr_expect_null(directory_find(directory, ""));
}

Test(directory, the_root_and_the_current_directory_are_the_same) {
    cr_expect_eq(directory_find(directory, "/out"), &directory->file[1]);
    cr_expect_eq(directory_find(directory, "./out"), &directory->file[1]);
    cr_expect_eq(directory_find(directory, "/.//out"), &directory->file[1]);
    cr_expect_null(directory_find(directory, "/"));
    cr_expect_null(directory_find(directory, ".out"));
}

Test(directory, does_not_find_a_line_that_is_not_in_use) {
    directory->files = 1;
    cr_expect_null(directory_find(directory, "out"));
}

Test(directory, knows_the_block_of_each_line) {
    cr_expect_eq(directory_block(directory, &directory->file[0]), 0);
    cr_expect_eq(directory_block(directory, &directory->file[62]), 0); // 64 header bytes, then lines of 64
    cr_expect_eq(directory_block(directory, &directory->file[63]), 1);
    cr_expect_eq(directory_block(directory, &directory->file[DISK_FILES - 1]), 7);
}
