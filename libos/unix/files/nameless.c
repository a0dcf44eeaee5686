// SPDX-License-Identifier: MIT
// See nameless.h.
#include "libos/unix/files/nameless.h"
#include "libos/core/heap.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/special.h"
#include "libos/unix/process/process.h"

static void release(struct special *special) {
    heap_release(special);
}

// Opening it again by /proc/PID/fd gives ENXIO.
static const struct special_kind kind = {.release = release, .device = DEVICE_PIPE};

struct file *nameless_open(const struct file_operations *operations, uint32_t mode, uint32_t flags, const char *name) {
    static uint32_t number = 1 << 30; // apart from those of pipes
    struct special *special = heap_allocate(sizeof(*special));
    if (special == nullptr) return nullptr;
    const struct process *process = process_current();
    const uint64_t now = clock_wall();
    *special = (struct special){
        .inode = {.number = number++,
                  .references = 1,
                  .mode = (uint16_t)mode,
                  .links = 1,
                  .uid = process->euid,
                  .gid = process->egid,
                  .accessed = now,
                  .modified = now,
                  .changed = now},
        .kind = &kind,
    };
    struct file *file = file_new(operations, &special->inode, flags, name, nullptr);
    inode_release(&special->inode);
    return file;
}
