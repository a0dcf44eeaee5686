// SPDX-License-Identifier: MIT
// See extent.h. Blocks in a row are put before the same kick, so that the device may make one transfer of them.
#include "libos/unix/disk/extent.h"
#include <errno.h>
#include "libos/core/disk.h"
#include "libos/core/space.h"

static struct extent {
    struct fs_disk disk; // first
    uint64_t block;
} extent;

static exo_frame frame_of(const void *page) {
    return exo_entry_frame((exo_entry){space_entry((exo_vaddr){(uint64_t)page})});
}

static bool is_inside(const struct fs_disk *disk, uint64_t block, uint64_t count) {
    return block < disk->blocks && count <= disk->blocks - block;
}

static int read_block(struct fs_disk *disk, uint64_t block, void *memory) {
    if (!is_inside(disk, block, 1)) return -EIO;
    return disk_transfer(EXO_RING_READ, frame_of(memory), extent.block + block) == EXO_OK ? 0 : -EIO;
}

// Takes what has completed.
static void take(int *result) {
    uint32_t tag;
    enum exo_error error;
    while (disk_completion(DISK_METADATA, &tag, &error))
        if (error != EXO_OK) *result = -EIO;
}

static int write_blocks(struct fs_disk *disk, uint64_t block, void *const memory[], uint32_t count) {
    int result = 0;
    if (!is_inside(disk, block, count)) return -EIO;
    for (uint32_t i = 0; i < count; i++) {
        while (!disk_put(DISK_METADATA, EXO_RING_WRITE, frame_of(memory[i]), extent.block + block + i, i)) {
            // The ring is full of our own requests, or others' have all places but those that are kept for us.
            disk_kick();
            if (!disk_wait(DISK_METADATA)) return -EIO;
            take(&result);
        }
    }
    disk_kick();
    while (disk_wait(DISK_METADATA)) take(&result);
    return result;
}

static int flush(struct fs_disk *disk) {
    (void)disk;
    return disk_transfer(EXO_RING_FLUSH, (exo_frame){}, extent.block) == EXO_OK ? 0 : -EIO;
}

struct fs_disk *fs_extent(uint64_t block, uint64_t blocks) {
    extent = (struct extent){{blocks, read_block, write_blocks, flush}, block};
    return &extent.disk;
}
