// SPDX-License-Identifier: MIT
// See files.h. The directory's frames are mapped at MAP_FILES, the buffers behind them.
#include "libos/core/files.h"
#include "libos/core/blocks.h"
#include "libos/core/disk.h"
#include "libos/core/frames.h"
#include "libos/core/print.h"
#include "libos/core/space.h"
#include <string.h>

static struct disk_directory *const directory = (struct disk_directory *)MAP_FILES;
static exo_frame directory_frame[DISK_DIRECTORY_BLOCKS];
static bool directory_dirty[DISK_DIRECTORY_BLOCKS];
static enum { NOT_TRIED, READY, FAILED } state;
static enum files_error why;

static_assert(MAP_FILES + (DISK_DIRECTORY_BLOCKS + BLOCK_BUFFERS) * EXO_PAGE_SIZE <= MAP_FILES_END);

static enum files_error load(void) {
    if (start->extent.raw == 0 || start->block != 0 || start->blocks < DISK_DIRECTORY_BLOCKS) return FILES_NO_DISK;
    if (!space_reserve((exo_vaddr){MAP_FILES}, DISK_DIRECTORY_BLOCKS)) return FILES_IO;
    for (unsigned i = 0; i < DISK_DIRECTORY_BLOCKS; i++) {
        directory_frame[i] = frames_take();
        if (directory_frame[i].raw == 0
            || space_map((exo_vaddr){MAP_FILES + i * EXO_PAGE_SIZE}, directory_frame[i], EXO_READ | EXO_WRITE) != EXO_OK
            || disk_transfer(EXO_RING_READ, directory_frame[i], i) != EXO_OK)
            return FILES_IO;
    }
    const char *fault = directory_fault(directory, start->blocks);
    if (fault != nullptr) {
        print("job %lu: the disk cannot be used: %s\n", start->job, fault);
        return FILES_BAD_DISK;
    }
    return blocks_init((exo_vaddr){MAP_FILES + DISK_DIRECTORY_BLOCKS * EXO_PAGE_SIZE}) ? FILES_OK : FILES_IO;
}

struct disk_directory *files_directory(enum files_error *error) {
    if (state == NOT_TRIED) {
        why = load();
        state = why == FILES_OK ? READY : FAILED;
    }
    *error = why;
    return state == READY ? directory : nullptr;
}

struct disk_file *files_find(const char *name, enum files_error *error) {
    if (files_directory(error) == nullptr) return nullptr;
    struct disk_file *file = directory_find(directory, name);
    if (file == nullptr) *error = FILES_ABSENT;
    return file;
}

uint64_t files_room(const struct disk_file *file) {
    return file->blocks * EXO_PAGE_SIZE;
}

// The part of a transfer that lies in one block.
struct part {
    uint64_t block; // on the disk
    size_t at, count;
};

static struct part part_of(const struct disk_file *file, uint64_t offset, size_t count) {
    const size_t at = offset % EXO_PAGE_SIZE;
    const size_t rest = EXO_PAGE_SIZE - at;
    return (struct part){file->block + offset / EXO_PAGE_SIZE, at, count < rest ? count : rest};
}

size_t files_read(const struct disk_file *file, uint64_t offset, void *bytes, size_t count, enum files_error *error) {
    *error = FILES_OK;
    if (offset >= file->bytes) return 0;
    if (count > file->bytes - offset) count = file->bytes - offset;
    size_t done = 0;
    while (done < count) {
        const struct part part = part_of(file, offset + done, count - done);
        const struct block_buffer *buffer = blocks_get(part.block, true);
        if (buffer == nullptr) {
            *error = FILES_IO;
            break;
        }
        memcpy((char *)bytes + done, buffer->bytes + part.at, part.count);
        done += part.count;
    }
    return done;
}

void files_set_length(struct disk_file *file, uint64_t bytes) {
    if (file->bytes == bytes) return;
    file->bytes = bytes;
    directory_dirty[directory_block(directory, file)] = true;
}

// Writes `bytes`, or zeros if that is null, and lengthens the file as far as it came.
static size_t put(struct disk_file *file, uint64_t offset, const void *bytes, size_t count, enum files_error *error) {
    size_t done = 0;
    while (done < count) {
        const struct part part = part_of(file, offset + done, count - done);
        // What the block holds past the file's end needn't be read.
        const bool fresh = part.at == 0 && (part.count == EXO_PAGE_SIZE || offset + done >= file->bytes);
        struct block_buffer *buffer = blocks_get(part.block, !fresh);
        if (buffer == nullptr) {
            *error = FILES_IO;
            break;
        }
        if (fresh && part.count < EXO_PAGE_SIZE) memset(buffer->bytes, 0, EXO_PAGE_SIZE);
        if (bytes != nullptr)
            memcpy(buffer->bytes + part.at, (const char *)bytes + done, part.count);
        else
            memset(buffer->bytes + part.at, 0, part.count);
        buffer->dirty = true;
        done += part.count;
        if (offset + done > file->bytes) files_set_length(file, offset + done);
    }
    return done;
}

size_t files_write(struct disk_file *file, uint64_t offset, const void *bytes, size_t count, enum files_error *error) {
    *error = FILES_OK;
    const uint64_t room = files_room(file);
    if (offset >= room) return 0;
    if (count > room - offset) count = room - offset;
    if (count != 0 && offset > file->bytes) {
        const size_t gap = offset - file->bytes;
        if (put(file, file->bytes, nullptr, gap, error) < gap) return 0;
    }
    return put(file, offset, bytes, count, error);
}

enum files_error files_sync(void) {
    if (state != READY) return FILES_OK;
    if (blocks_flush() != EXO_OK) return FILES_IO;
    for (unsigned i = 0; i < DISK_DIRECTORY_BLOCKS; i++) {
        if (!directory_dirty[i]) continue;
        if (disk_transfer(EXO_RING_WRITE, directory_frame[i], i) != EXO_OK) return FILES_IO;
        directory_dirty[i] = false;
    }
    return disk_transfer(EXO_RING_FLUSH, directory_frame[0], 0) == EXO_OK ? FILES_OK : FILES_IO;
}
