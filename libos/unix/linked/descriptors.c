// SPDX-License-Identifier: MIT
// open, read, write, lseek, close, fsync, ftruncate, as POSIX.1-2017 describes them, over the files of the disk image
// and the console. Errors it can give are listed at each function.
//
// The directory is of fixed extents made by the host's tools: open with O_CREAT finds a file or fails with ENOSPC. A
// file grows within the room it was given. Data reaches the disk at the latest at close, fsync or exit.
#include "libos/core/files.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "pe/stubs.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

constexpr int DESCRIPTORS = 32;

static struct descriptor {
    bool open;
    int flags;
    struct disk_file *file; // null: the console
    uint64_t offset;
} descriptors[DESCRIPTORS] = {
    {.open = true, .flags = O_RDONLY},
    {.open = true, .flags = O_WRONLY},
    {.open = true, .flags = O_WRONLY},
};

static int fail(int error) {
    errno = error;
    return -1;
}

static const int errno_of[] = {
    [FILES_OK] = 0, [FILES_NO_DISK] = ENODEV, [FILES_BAD_DISK] = EIO, [FILES_ABSENT] = ENOENT, [FILES_IO] = EIO,
};

static struct descriptor *find(int number) {
    if (number < 0 || number >= DESCRIPTORS || !descriptors[number].open) return nullptr;
    return &descriptors[number];
}

static bool writes(int flags) {
    return (flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR;
}
static bool reads(int flags) {
    return (flags & O_ACCMODE) != O_WRONLY;
}

// ENODEV (no disk), EIO, ENOENT, EEXIST, ENOSPC (O_CREAT of a new file), ENOTDIR, EINVAL, EMFILE.
int open(const char *name, int flags, ...) {
    if ((flags & O_ACCMODE) == O_ACCMODE) return fail(EINVAL);
    int number = 0;
    while (number < DESCRIPTORS && descriptors[number].open) number++;
    if (number == DESCRIPTORS) return fail(EMFILE);

    enum files_error error;
    struct disk_file *file = files_find(name, &error);
    if (file == nullptr) return fail(error == FILES_ABSENT && (flags & O_CREAT) ? ENOSPC : errno_of[error]);
    if ((flags & O_CREAT) && (flags & O_EXCL)) return fail(EEXIST);
    if (flags & O_DIRECTORY) return fail(ENOTDIR);
    if ((flags & O_TRUNC) && writes(flags)) files_set_length(file, 0);
    descriptors[number] = (struct descriptor){.open = true, .flags = flags, .file = file};
    return number;
}

// One byte from the console; waits by giving the CPU away, as there is no event for it. Negative: no console.
static int console_byte(void) {
    while (true) {
        const struct exo_result result = exo_console_read(start->console);
        if (result.error == EXO_OK) return (int)(result.value & 0xff);
        if (result.error != EXO_AGAIN) return -1;
        (void)exo_pe_yield(EXO_NO_HANDLE);
    }
}

// A line, or as much as fits; Ctrl-D at its beginning is the end of the file.
static ssize_t console_read(char *bytes, size_t count) {
    size_t done = 0;
    while (done < count) {
        int byte = console_byte();
        if (byte < 0) return fail(EIO);
        if (byte == 4) break;
        if (byte == '\r') byte = '\n';
        bytes[done++] = (char)byte;
        if (byte == '\n') break;
    }
    return (ssize_t)done;
}

// EBADF, EIO.
ssize_t read(int number, void *bytes, size_t count) {
    struct descriptor *descriptor = find(number);
    if (descriptor == nullptr || !reads(descriptor->flags)) return fail(EBADF);
    if (descriptor->file == nullptr) return console_read(bytes, count);
    if (count > PTRDIFF_MAX) count = PTRDIFF_MAX;
    enum files_error error;
    const size_t done = files_read(descriptor->file, descriptor->offset, bytes, count, &error);
    descriptor->offset += done;
    return done == 0 && error != FILES_OK ? fail(EIO) : (ssize_t)done;
}

// EBADF, EIO, ENOSPC (the file's room is full; less than `count` if it fills up on the way).
ssize_t write(int number, const void *bytes, size_t count) {
    struct descriptor *descriptor = find(number);
    if (descriptor == nullptr || !writes(descriptor->flags)) return fail(EBADF);
    if (count > PTRDIFF_MAX) count = PTRDIFF_MAX;
    if (descriptor->file == nullptr) {
        const size_t done = device_write(start->console, bytes, count);
        return done == 0 && count != 0 ? fail(EIO) : (ssize_t)done;
    }
    if (descriptor->flags & O_APPEND) descriptor->offset = descriptor->file->bytes;
    enum files_error error;
    const size_t done = files_write(descriptor->file, descriptor->offset, bytes, count, &error);
    descriptor->offset += done;
    if (done != 0 || count == 0) return (ssize_t)done;
    return fail(error != FILES_OK ? EIO : ENOSPC);
}

// EBADF, ESPIPE (the console), EINVAL (an unknown `whence` or a place before the beginning), EOVERFLOW.
off_t lseek(int number, off_t offset, int whence) {
    struct descriptor *descriptor = find(number);
    if (descriptor == nullptr) return fail(EBADF);
    if (descriptor->file == nullptr) return fail(ESPIPE);
    off_t base;
    if (whence == SEEK_SET)
        base = 0;
    else if (whence == SEEK_CUR)
        base = (off_t)descriptor->offset;
    else if (whence == SEEK_END)
        base = (off_t)descriptor->file->bytes;
    else
        return fail(EINVAL);
    off_t place;
    if (__builtin_add_overflow(base, offset, &place)) return fail(EOVERFLOW);
    if (place < 0) return fail(EINVAL);
    descriptor->offset = (uint64_t)place;
    return place;
}

// EBADF, EINVAL (not open for writing, or negative), EFBIG (more than its room), EIO.
int ftruncate(int number, off_t bytes) {
    struct descriptor *descriptor = find(number);
    if (descriptor == nullptr) return fail(EBADF);
    if (descriptor->file == nullptr || !writes(descriptor->flags) || bytes < 0) return fail(EINVAL);
    struct disk_file *file = descriptor->file;
    if ((uint64_t)bytes > files_room(file)) return fail(EFBIG);
    if ((uint64_t)bytes > file->bytes) {
        enum files_error error;
        const char zero = 0; // writing the last byte zeroes the gap before it
        if (files_write(file, (uint64_t)bytes - 1, &zero, 1, &error) != 1) return fail(EIO);
    } else
        files_set_length(file, (uint64_t)bytes);
    return 0;
}

// EBADF, EINVAL (the console), EIO.
int fsync(int number) {
    const struct descriptor *descriptor = find(number);
    if (descriptor == nullptr) return fail(EBADF);
    if (descriptor->file == nullptr) return fail(EINVAL);
    return files_sync() == FILES_OK ? 0 : fail(EIO);
}

// EBADF, EIO (the descriptor is closed all the same).
int close(int number) {
    struct descriptor *descriptor = find(number);
    if (descriptor == nullptr) return fail(EBADF);
    descriptor->open = false;
    if (descriptor->file == nullptr || !writes(descriptor->flags)) return 0;
    return files_sync() == FILES_OK ? 0 : fail(EIO);
}
