// SPDX-License-Identifier: MIT
// The calls that read and write: of one buffer or several, at the file's offset or a given one.
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/files/io.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

// One buffer. `offset` was checked, or is OFFSET_OF_FILE.
static int64_t move(const uint64_t argument[6], uint64_t offset, bool writes) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    uint64_t bytes = argument[2];
    int64_t result = -EFAULT;
    if (writes ? !file_writes(file) : !file_reads(file))
        result = -EBADF;
    else if (user_range(argument[1], bytes)) {
        if (bytes > TRANSFER_MOST) bytes = TRANSFER_MOST;
        result = writes ? file_write(file, offset, (const void *)argument[1], bytes)
                        : file_read(file, offset, (void *)argument[1], bytes);
    }
    file_release(file);
    return result;
}

int64_t sys_read(struct thread *, const uint64_t argument[6]) {
    return move(argument, OFFSET_OF_FILE, false);
}
int64_t sys_write(struct thread *, const uint64_t argument[6]) {
    return move(argument, OFFSET_OF_FILE, true);
}
int64_t sys_pread64(struct thread *, const uint64_t argument[6]) {
    return (int64_t)argument[3] < 0 ? -EINVAL : move(argument, argument[3], false);
}
int64_t sys_pwrite64(struct thread *, const uint64_t argument[6]) {
    return (int64_t)argument[3] < 0 ? -EINVAL : move(argument, argument[3], true);
}

static int64_t move_vectors(const uint64_t argument[6], uint64_t offset, bool writes) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    struct io_vector *vectors;
    const bool allowed = writes ? file_writes(file) : file_reads(file);
    int64_t result = allowed ? vectors_read(argument[1], argument[2], &vectors) : -EBADF;
    if (result == 0) {
        const unsigned count = (unsigned)argument[2];
        result = writes ? file_write_vectors(file, offset, vectors, count)
                        : file_read_vectors(file, offset, vectors, count);
        heap_release(vectors);
    }
    file_release(file);
    return result;
}

int64_t sys_readv(struct thread *, const uint64_t argument[6]) {
    return move_vectors(argument, OFFSET_OF_FILE, false);
}
int64_t sys_writev(struct thread *, const uint64_t argument[6]) {
    return move_vectors(argument, OFFSET_OF_FILE, true);
}
int64_t sys_preadv(struct thread *, const uint64_t argument[6]) {
    return (int64_t)argument[3] < 0 ? -EINVAL : move_vectors(argument, argument[3], false);
}
int64_t sys_pwritev(struct thread *, const uint64_t argument[6]) {
    return (int64_t)argument[3] < 0 ? -EINVAL : move_vectors(argument, argument[3], true);
}

// The second versions: offset -1 is the file's own; no flag is served.
static int64_t move_vectors_2(const uint64_t argument[6], bool writes) {
    if ((uint32_t)argument[5] != 0) return -EOPNOTSUPP;
    if ((int64_t)argument[3] < -1) return -EINVAL;
    return move_vectors(argument, argument[3], writes); // -1 is OFFSET_OF_FILE
}
int64_t sys_preadv2(struct thread *, const uint64_t argument[6]) {
    return move_vectors_2(argument, false);
}
int64_t sys_pwritev2(struct thread *, const uint64_t argument[6]) {
    return move_vectors_2(argument, true);
}

static int64_t seek(struct file *file, int64_t offset, int whence) {
    if (file->operations == &path_only_operations) return -EBADF;
    if (!file->operations->seeks) return -ESPIPE;
    if (file->operations->stays) return 0;
    const int64_t size = (int64_t)file->inode->size;
    int64_t base = 0;
    switch (whence) {
    case SEEK_SET: break;
    case SEEK_CUR: base = (int64_t)file->offset; break;
    case SEEK_END: base = size; break;
    // A file is data up to its end, where there is a hole: what every file system may say.
    case SEEK_DATA:
        if (offset < 0 || offset >= size) return -ENXIO;
        break;
    case SEEK_HOLE:
        if (offset < 0 || offset >= size) return -ENXIO;
        offset = size;
        break;
    default: return -EINVAL;
    }
    int64_t place;
    if (__builtin_add_overflow(base, offset, &place)) return -EOVERFLOW;
    if (place < 0 || (S_ISREG(file->inode->mode) && (uint64_t)place > FS_SIZE_MOST)) return -EINVAL;
    file->offset = (uint64_t)place;
    return place;
}

int64_t sys_lseek(struct thread *, const uint64_t argument[6]) {
    struct file *file = file_of(argument[0]);
    if (file == nullptr) return -EBADF;
    lock_take(&file->position);
    const int64_t place = seek(file, (int64_t)argument[1], (int)argument[2]);
    lock_give(&file->position);
    file_release(file);
    return place;
}
