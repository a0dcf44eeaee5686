// SPDX-License-Identifier: MIT
// See io.h. Three things are settled here for all kinds of files: which offset is meant and that it moves on, that one
// writer at a time changes a regular file, and that parts of a readv or writev belong together.
#include "libos/unix/files/io.h"
#include "libos/core/heap.h"
#include "libos/unix/files/copy.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/special.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

// A transfer's place: an offset that was given, or the file's own, which is held meanwhile.
static int64_t begin_at(struct file *file, uint64_t offset) {
    if (!file->operations->seeks) return offset == OFFSET_OF_FILE ? 0 : -ESPIPE;
    if (offset != OFFSET_OF_FILE) return (int64_t)offset;
    lock_take(&file->position);
    return (int64_t)file->offset;
}

static void end_at(struct file *file, uint64_t offset, int64_t now) {
    if (!file->operations->seeks || offset != OFFSET_OF_FILE) return;
    if (now >= 0) file->offset = (uint64_t)now;
    lock_give(&file->position);
}

static int64_t read_parts(struct file *file, uint64_t at, const struct io_vector *vectors, unsigned count) {
    int64_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        if (vectors[i].bytes == 0) continue;
        const bool would_wait = total != 0 && !file->operations->seeks && file->operations->poll != nullptr
                                && !(file->operations->poll(file, nullptr) & POLLIN);
        if (would_wait) break; // what there is has been read
        const int64_t done =
            file->operations->read(file, at + (uint64_t)total, (void *)vectors[i].address, vectors[i].bytes);
        if (done < 0) return total != 0 ? total : done;
        total += done;
        if ((uint64_t)done < vectors[i].bytes) break;
    }
    return total;
}

int64_t file_read_vectors(struct file *file, uint64_t offset, const struct io_vector *vectors, unsigned count) {
    if (!file_reads(file) || file->operations == &path_only_operations) return -EBADF;
    if (file->operations->read == nullptr) return -EINVAL;
    const int64_t at = begin_at(file, offset);
    if (at < 0) return at;
    const int64_t done = read_parts(file, (uint64_t)at, vectors, count);
    end_at(file, offset, done < 0 ? -1 : at + done);
    return done;
}

// ---- Writing

// How many of so many bytes RLIMIT_FSIZE lets be written at an offset: 0 after SIGXFSZ.
static uint64_t within_limit(const struct file *file, uint64_t at, uint64_t bytes) {
    const uint64_t limit = process_current()->limits[RLIMIT_FSIZE].now;
    if (!S_ISREG(file->inode->mode) || (bytes <= limit && at <= limit - bytes)) return bytes;
    if (at < limit) return limit - at;
    signal_thread(thread_current(), SIGXFSZ);
    return 0;
}

static int64_t write_parts(struct file *file, uint64_t at, const struct io_vector *vectors, unsigned count) {
    int64_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        if (vectors[i].bytes == 0) continue;
        const uint64_t allowed = within_limit(file, at + (uint64_t)total, vectors[i].bytes);
        const int64_t done = allowed == 0 ? -EFBIG
                                          : file->operations->write(file, at + (uint64_t)total,
                                                                    (const void *)vectors[i].address, allowed);
        if (done < 0) return total != 0 ? total : done;
        total += done;
        if ((uint64_t)done < vectors[i].bytes) break;
    }
    return total;
}

// Several small parts to a pipe or a terminal go as one, so that they stay together.
static int64_t write_gathered(struct file *file, const struct io_vector *vectors, unsigned count, uint64_t bytes) {
    uint8_t *gathered = heap_allocate(bytes);
    if (gathered == nullptr) return write_parts(file, 0, vectors, count);
    int64_t result = 0;
    uint64_t done = 0;
    for (unsigned i = 0; i < count && result == 0; i++) {
        result = copy_in(gathered + done, (const void *)vectors[i].address, vectors[i].bytes);
        done += vectors[i].bytes;
    }
    if (result == 0) result = file->operations->write(file, 0, gathered, bytes);
    heap_release(gathered);
    return result;
}

static int64_t write_stream(struct file *file, const struct io_vector *vectors, unsigned count) {
    uint64_t bytes = 0;
    for (unsigned i = 0; i < count; i++) bytes += vectors[i].bytes;
    const bool gathers = count > 1 && bytes != 0 && bytes <= PIPE_BUF;
    return gathers ? write_gathered(file, vectors, count, bytes) : write_parts(file, 0, vectors, count);
}

int64_t file_write_vectors(struct file *file, uint64_t offset, const struct io_vector *vectors, unsigned count) {
    if (!file_writes(file) || file->operations == &path_only_operations) return -EBADF;
    if (file->operations->write == nullptr) return -EINVAL;
    int64_t at = begin_at(file, offset);
    if (at < 0) return at;
    if (!file->operations->seeks) return write_stream(file, vectors, count);
    struct writing writing;
    const bool alone = S_ISREG(file->inode->mode) && !is_special(file->inode);
    if (alone) {
        writing_begin(&writing, file->inode);
        if (file->flags & O_APPEND) at = (int64_t)file->inode->size;
    }
    const int64_t done = write_parts(file, (uint64_t)at, vectors, count);
    if (alone) writing_end(&writing);
    end_at(file, offset, done < 0 ? -1 : at + done);
    return done;
}

int64_t file_read(struct file *file, uint64_t offset, void *to, size_t bytes) {
    return file_read_vectors(file, offset, &(struct io_vector){(uint64_t)to, bytes}, 1);
}

int64_t file_write(struct file *file, uint64_t offset, const void *from, size_t bytes) {
    return file_write_vectors(file, offset, &(struct io_vector){(uint64_t)from, bytes}, 1);
}

int vectors_read(uint64_t address, uint64_t count, struct io_vector **made) {
    if (count > VECTORS_MOST) return -EINVAL;
    struct io_vector *vectors = heap_allocate(count * sizeof(vectors[0]));
    if (vectors == nullptr) return -ENOMEM;
    int error = user_read(vectors, address, count * sizeof(vectors[0]));
    uint64_t room = TRANSFER_MOST;
    for (uint64_t i = 0; i < count && error == 0; i++) {
        if ((int64_t)vectors[i].bytes < 0) error = -EINVAL;
        else if (!user_range(vectors[i].address, vectors[i].bytes)) error = -EFAULT;
        if (vectors[i].bytes > room) vectors[i].bytes = room;
        room -= vectors[i].bytes;
    }
    if (error != 0)
        heap_release(vectors);
    else
        *made = vectors;
    return error;
}
