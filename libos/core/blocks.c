// SPDX-License-Identifier: MIT
// See blocks.h. Few buffers, so they are searched one by one.
#include "libos/core/blocks.h"
#include "libos/core/disk.h"
#include "libos/core/frames.h"
#include "libos/core/space.h"

static struct block_buffer buffers[BLOCK_BUFFERS];
static unsigned count;
static uint64_t time;

bool blocks_init(exo_vaddr first) {
    uint64_t wanted = start_number("buffers", 16);
    if (wanted < 1 || wanted > BLOCK_BUFFERS) wanted = BLOCK_BUFFERS;
    if (!space_reserve(first, wanted)) return false;
    for (count = 0; count < wanted; count++) {
        const exo_vaddr page = {first.raw + count * EXO_PAGE_SIZE};
        const exo_frame frame = frames_take();
        if (frame.raw == 0 || space_map(page, frame, EXO_READ | EXO_WRITE) != EXO_OK) return false;
        buffers[count] = (struct block_buffer){.frame = frame, .bytes = (uint8_t *)page.raw};
    }
    return true;
}

static bool write_back(struct block_buffer *buffer, enum exo_error *error) {
    if (!buffer->dirty) return true;
    *error = disk_transfer(EXO_RING_WRITE, buffer->frame, buffer->block);
    buffer->dirty = *error != EXO_OK;
    return !buffer->dirty;
}

struct block_buffer *blocks_get(uint64_t block, bool load) {
    struct block_buffer *oldest = &buffers[0];
    for (unsigned i = 0; i < count; i++) {
        struct block_buffer *buffer = &buffers[i];
        if (buffer->used != 0 && buffer->block == block) {
            buffer->used = ++time;
            return buffer;
        }
        if (buffer->used < oldest->used) oldest = buffer;
    }
    enum exo_error error;
    if (!write_back(oldest, &error)) return nullptr;
    oldest->used = 0;
    if (load && disk_transfer(EXO_RING_READ, oldest->frame, block) != EXO_OK) return nullptr;
    oldest->block = block;
    oldest->used = ++time;
    return oldest;
}

static struct block_buffer *lowest_dirty_from(uint64_t block) {
    struct block_buffer *lowest = nullptr;
    for (unsigned i = 0; i < count; i++) {
        struct block_buffer *buffer = &buffers[i];
        if (buffer->dirty && buffer->block >= block && (lowest == nullptr || buffer->block < lowest->block))
            lowest = buffer;
    }
    return lowest;
}

enum exo_error blocks_flush(void) {
    enum exo_error first_error = EXO_OK;
    struct block_buffer *buffer;
    for (uint64_t from = 0; (buffer = lowest_dirty_from(from)) != nullptr; from = buffer->block + 1) {
        enum exo_error error = EXO_OK;
        if (!write_back(buffer, &error) && first_error == EXO_OK) first_error = error;
    }
    return first_error;
}
