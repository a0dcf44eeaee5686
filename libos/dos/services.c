// SPDX-License-Identifier: MIT
// What stands in the vector table at first. Handles of files are for reading: this OS writes to the console only.
#include "libos/core/files.h"
#include "libos/core/heap.h"
#include "libos/core/print.h"
#include "libos/core/start.h"
#include "libos/dos/vectors.h"
#include "pe/stubs.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

constexpr int HANDLES = 20; // as MS-DOS gave a program
constexpr int CONSOLES = 3;

static struct handle {
    const struct disk_file *file; // null: not open
    uint64_t offset;
} handles[HANDLES];

static int fail(int error) {
    errno = error;
    return -1;
}

static struct handle *find(int number) {
    if (number < CONSOLES || number >= HANDLES || handles[number].file == nullptr) return nullptr;
    return &handles[number];
}

static int service_open(const char *name, int flags) {
    if ((flags & O_ACCMODE) == O_ACCMODE) return fail(EINVAL);
    if ((flags & O_ACCMODE) != O_RDONLY) return fail(EROFS);
    int number = CONSOLES;
    while (number < HANDLES && handles[number].file != nullptr) number++;
    if (number == HANDLES) return fail(EMFILE);
    enum files_error error;
    const struct disk_file *file = files_find(name, &error);
    if (file == nullptr) return fail(error == FILES_ABSENT ? ENOENT : error == FILES_NO_DISK ? ENODEV : EIO);
    handles[number] = (struct handle){.file = file};
    return number;
}

static ssize_t read_console(char *bytes, size_t count) {
    size_t done = 0;
    while (done < count) {
        const struct exo_result result = exo_console_read(start->console);
        if (result.error == EXO_AGAIN) {
            (void)exo_pe_yield(EXO_NO_HANDLE);
            continue;
        }
        if (result.error != EXO_OK) return fail(EIO);
        bytes[done] = (char)(result.value == '\r' ? '\n' : result.value);
        if (bytes[done++] == '\n') break;
    }
    return (ssize_t)done;
}

static ssize_t service_read(int number, void *bytes, size_t count) {
    if (number == 0) return read_console(bytes, count);
    struct handle *handle = find(number);
    if (handle == nullptr) return fail(EBADF);
    enum files_error error;
    const size_t done = files_read(handle->file, handle->offset, bytes, count, &error);
    handle->offset += done;
    return done == 0 && error != FILES_OK ? fail(EIO) : (ssize_t)done;
}

static ssize_t service_write(int number, const void *bytes, size_t count) {
    if (number != 1 && number != 2) return fail(EBADF);
    const size_t done = device_write(start->console, bytes, count);
    return done == 0 && count != 0 ? fail(EIO) : (ssize_t)done;
}

static off_t service_seek(int number, off_t offset, int whence) {
    if (number >= 0 && number < CONSOLES) return fail(ESPIPE);
    struct handle *handle = find(number);
    if (handle == nullptr) return fail(EBADF);
    if (whence == SEEK_CUR)
        offset += (off_t)handle->offset;
    else if (whence == SEEK_END)
        offset += (off_t)handle->file->bytes;
    else if (whence != SEEK_SET)
        return fail(EINVAL);
    if (offset < 0) return fail(EINVAL);
    handle->offset = (uint64_t)offset;
    return offset;
}

static int service_close(int number) {
    struct handle *handle = find(number);
    if (handle == nullptr) return number >= 0 && number < CONSOLES ? 0 : fail(EBADF);
    handle->file = nullptr;
    return 0;
}

static void service_terminate(int status) {
    pe_end((uint32_t)status & 0xff);
}

struct dos_vectors dos_vectors = {
    .open = service_open,
    .read = service_read,
    .write = service_write,
    .seek = service_seek,
    .close = service_close,
    .allocate = heap_allocate,
    .allocate_zeroed = heap_allocate_zeroed,
    .reallocate = heap_reallocate,
    .release = heap_release,
    .terminate = service_terminate,
};
