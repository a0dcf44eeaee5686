// SPDX-License-Identifier: MIT
// See directory.h.
#include "libos/core/directory.h"
#include <stddef.h>
#include <string.h>

constexpr uint64_t BLOCK = 4096;

static bool extent_fits(uint64_t block, uint64_t count, uint64_t blocks) {
    return count == 0 || (block >= DISK_DIRECTORY_BLOCKS && block < blocks && count <= blocks - block);
}

const char *directory_fault(const struct disk_directory *directory, uint64_t blocks) {
    if (directory->magic != DISK_MAGIC) return "it has no directory";
    if (directory->files > DISK_FILES) return "its directory has too many lines";
    if (!extent_fits(directory->swap_block, directory->swap_blocks, blocks))
        return "its swap space is not all among the blocks that were given";
    for (uint64_t i = 0; i < directory->files; i++) {
        const struct disk_file *file = &directory->file[i];
        if (memchr(file->name, '\0', sizeof(file->name)) == nullptr) return "a file's name has no end";
        if (!extent_fits(file->block, file->blocks, blocks))
            return "a file is not all among the blocks that were given";
        if (file->bytes > file->blocks * BLOCK) return "a file is longer than its blocks";
    }
    return nullptr;
}

struct disk_file *directory_find(struct disk_directory *directory, const char *name) {
    while (*name == '/' || (name[0] == '.' && name[1] == '/')) name += *name == '/' ? 1 : 2;
    for (uint64_t i = 0; i < directory->files; i++)
        if (*name != '\0' && strcmp(directory->file[i].name, name) == 0) return &directory->file[i];
    return nullptr;
}

unsigned directory_block(const struct disk_directory *directory, const struct disk_file *file) {
    return (unsigned)(((const char *)file - (const char *)directory) / BLOCK);
}
