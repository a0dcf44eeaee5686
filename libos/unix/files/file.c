// SPDX-License-Identifier: MIT
// Open files: made, held, released, mapped.
#include "libos/core/heap.h"
#include "libos/unix/files/epoll.h"
#include "libos/unix/files/files.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/special.h"
#include "libos/unix/memory/memory.h"
#include <errno.h>
#include <string.h>

struct file *file_new(const struct file_operations *operations, struct inode *inode, uint32_t flags, const char *path,
                      struct inode *from) {
    const size_t length = strlen(path) + 1;
    struct file *file = heap_allocate(sizeof(*file) + length);
    if (file == nullptr) return nullptr;
    *file = (struct file){.operations = operations, .references = 1, .flags = flags, .inode = inode_hold(inode)};
    memcpy(file->path, path, length);
    if (from != nullptr && path[0] != '/') file->from = inode_hold(from);
    return file;
}

struct file *file_hold(struct file *file) {
    file->references++;
    return file;
}

void file_release(struct file *file) {
    if (--file->references != 0) return;
    locks_release(file);
    epoll_forget(file);
    if (file->operations->release != nullptr) file->operations->release(file);
    inode_release(file->from);
    inode_release(file->inode);
    heap_release(file);
}

int file_mapping(const struct file *file, uint32_t rights, bool shared, struct inode **inode) {
    *inode = nullptr;
    if (file->operations == &path_only_operations) return -EBADF;
    const bool is_regular = S_ISREG(file->inode->mode) && !is_special(file->inode);
    const bool is_zero = S_ISCHR(file->inode->mode) && file->inode->device == (1 << 8 | 5);
    if (!file_reads(file)) return -EACCES;
    if (shared && (rights & VM_WRITE) && !file_writes(file)) return -EACCES;
    if (!is_regular && !is_zero) return -ENODEV;
    if (is_regular) *inode = file->inode;
    return 0;
}
