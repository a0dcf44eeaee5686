// SPDX-License-Identifier: MIT
// From a disk to files: mounts the file system, and leaves it clean at the end.
//
// The file system is one of the files of the disk's directory (libos/core/disk_layout.h): that of the start argument
// `root`, or "root". `blocks=N` says how many of its blocks are kept in memory besides the page cache.
#include "libos/core/files.h"
#include "libos/core/heap.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/unix/disk/extent.h"
#include "libos/unix/files/console.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/process/process.h"
#include <errno.h>

constexpr uint32_t INODES_KEPT = 512;
constexpr uint64_t BLOCKS_KEPT = 256;

static int write_fresh(void *, struct inode *inode) {
    return cache_write_fresh(inode);
}

static uint64_t now(void *) {
    return clock_wall();
}

static int mount(const struct disk_file *file) {
    const uint64_t kept = start_number("blocks", BLOCKS_KEPT);
    struct fs_options options = {
        .disk = fs_extent(file->block, file->blocks),
        .hooks = {.write_fresh = write_fresh, .now = now},
        .block_count = kept < FS_CACHE_LEAST ? FS_CACHE_LEAST : (uint32_t)kept,
        .inodes = INODES_KEPT,
    };
    memory_filesystem(file->block);
    options.heap_bytes = fs_heap_least(file->blocks) + (size_t)INODES_KEPT * 256;
    options.heap = heap_allocate(options.heap_bytes);
    options.blocks = heap_allocate_aligned(FS_BLOCK, (size_t)options.block_count * FS_BLOCK);
    if (options.heap == nullptr || options.blocks == nullptr) {
        print("the file system: %lu bytes of memory are not there\n",
              options.heap_bytes + (size_t)options.block_count * FS_BLOCK);
        return -ENOMEM;
    }
    const int error = fs_mount(&options, &files_disk);
    if (error != 0) print("the file system cannot be mounted: %s\n", fs_reason());
    return error;
}

// What /dev and /proc lie over, so that the root shows them. A disk that is full or read-only goes without.
static void make_place(const char *name, size_t length) {
    const struct fs_new as = {.mode = S_IFDIR | 0755};
    struct inode *found;
    if (fs_lookup(fs_root(files_disk), name, length, &found) == 0)
        fs_release(found);
    else
        (void)fs_mkdir(fs_root(files_disk), name, length, &as, nullptr);
}

int files_start(void) {
    const char *name = start_argument("root");
    enum files_error reason;
    int error = console_start();
    if (error != 0) return error;
    if (name == nullptr) name = "root";
    const struct disk_file *file = files_find(name, &reason);
    if (file == nullptr) {
        print(reason == FILES_ABSENT ? "the disk has no file system %s\n" : "the disk cannot be read to find %s\n",
              name);
        return reason == FILES_ABSENT ? -ENOENT : -EIO;
    }
    error = mount(file);
    if (error != 0) return error;
    make_place("dev", 3);
    make_place("proc", 4);
    return 0;
}

struct inode *files_root(void) {
    return fs_root(files_disk);
}

int files_stop(void) {
    const int error = cache_sync_all();
    const int result = fs_unmount(files_disk);
    return error != 0 ? error : result;
}
