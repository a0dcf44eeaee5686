// SPDX-License-Identifier: MIT
// From file to file without a user's buffer: sendfile, copy_file_range, splice.
#include "libos/core/heap.h"
#include "libos/unix/calls.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/io.h"
#include "libos/unix/files/special.h"
#include "libos/unix/memory/user.h"
#include <errno.h>
#include <fcntl.h>

constexpr size_t PART = 16384;

// One side of a transfer: a file, and the offset that the user keeps or the file's own.
struct side {
    struct file *file;
    uint64_t address; // of the user's offset; 0: the file's own
    uint64_t offset;  // or OFFSET_OF_FILE
};

static int side_begin(struct side *side, uint64_t descriptor, uint64_t address) {
    *side = (struct side){.file = file_of(descriptor), .address = address, .offset = OFFSET_OF_FILE};
    if (side->file == nullptr) return -EBADF;
    if (address == 0) return 0;
    if (!side->file->operations->seeks) return -ESPIPE;
    if (user_read(&side->offset, address, sizeof(side->offset)) != 0) return -EFAULT;
    return (int64_t)side->offset < 0 ? -EINVAL : 0;
}

static int side_end(struct side *side) {
    int error = 0;
    if (side->file == nullptr) return 0;
    if (side->address != 0 && side->offset != OFFSET_OF_FILE)
        error = user_write(side->address, &side->offset, sizeof(side->offset));
    file_release(side->file);
    return error;
}

static void side_move(struct side *side, int64_t bytes) {
    if (side->offset != OFFSET_OF_FILE) side->offset += (uint64_t)bytes;
}

// What was read and could not be written: the reader goes back, if it can.
static void give_back(struct side *from, int64_t bytes) {
    if (from->offset != OFFSET_OF_FILE)
        from->offset -= (uint64_t)bytes;
    else if (from->file->operations->seeks)
        from->file->offset -= (uint64_t)bytes;
}

static int64_t move(struct side *from, struct side *to, uint64_t bytes) {
    int64_t total = 0, result = 0;
    uint8_t *part = heap_allocate(PART);
    if (part == nullptr) return -ENOMEM;
    if (bytes > TRANSFER_MOST) bytes = TRANSFER_MOST;
    while ((uint64_t)total < bytes) {
        const size_t wanted = bytes - (uint64_t)total < PART ? bytes - (uint64_t)total : PART;
        const int64_t taken = result = file_read(from->file, from->offset, part, wanted);
        if (taken <= 0) break;
        side_move(from, taken);
        int64_t done = 0;
        while (done < taken) {
            result = file_write(to->file, to->offset, part + done, (size_t)(taken - done));
            if (result <= 0) break;
            side_move(to, result);
            done += result;
        }
        total += done;
        if (done < taken) give_back(from, taken - done);
        if (done < taken || (size_t)taken < wanted) break;
    }
    heap_release(part);
    return total != 0 ? total : result;
}

static int64_t transfer(struct side *from, struct side *to, uint64_t bytes, int error) {
    int64_t result = error != 0 ? error : move(from, to, bytes);
    const int ends[] = {side_end(from), side_end(to)};
    for (unsigned i = 0; i < 2; i++)
        if (result >= 0 && ends[i] != 0) result = ends[i];
    return result;
}

int64_t sys_sendfile(struct thread *, const uint64_t argument[6]) {
    struct side from = {}, to = {};
    int error = side_begin(&to, argument[0], 0);
    if (error == 0) error = side_begin(&from, argument[1], argument[2]);
    if (error == 0 && (!file_reads(from.file) || !file_writes(to.file))) error = -EBADF;
    if (error == 0 && !from.file->operations->seeks) error = -EINVAL; // it wants a file that could be mapped
    if (error == 0 && (to.file->flags & O_APPEND)) error = -EINVAL;
    return transfer(&from, &to, argument[3], error);
}

static bool is_regular(const struct file *file) {
    return S_ISREG(file->inode->mode) && !is_special(file->inode);
}

static int check_copy(const struct side *from, const struct side *to, uint64_t bytes, uint32_t flags) {
    if (flags != 0) return -EINVAL;
    if (S_ISDIR(from->file->inode->mode) || S_ISDIR(to->file->inode->mode)) return -EISDIR;
    if (!is_regular(from->file) || !is_regular(to->file)) return -EINVAL;
    if (!file_reads(from->file) || !file_writes(to->file) || (to->file->flags & O_APPEND)) return -EBADF;
    if (from->file->inode != to->file->inode) return 0;
    const uint64_t first = from->offset == OFFSET_OF_FILE ? from->file->offset : from->offset;
    const uint64_t second = to->offset == OFFSET_OF_FILE ? to->file->offset : to->offset;
    return first < second + bytes && second < first + bytes ? -EINVAL : 0; // they overlap
}

int64_t sys_copy_file_range(struct thread *, const uint64_t argument[6]) {
    struct side from = {}, to = {};
    int error = side_begin(&from, argument[0], argument[1]);
    if (error == 0) error = side_begin(&to, argument[2], argument[3]);
    if (error == 0) error = check_copy(&from, &to, argument[4], (uint32_t)argument[5]);
    return transfer(&from, &to, argument[4], error);
}
