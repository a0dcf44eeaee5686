// SPDX-License-Identifier: MIT
#include "libos/unix/process/strings.h"
#include "libos/core/heap.h"
#include "libos/unix/memory/user.h"
#include <errno.h>
#include <string.h>

constexpr size_t CHUNK = EXO_PAGE_SIZE - sizeof(struct strings_chunk) - 16;
constexpr unsigned FIRST_ROOM = 32;

static struct strings_chunk *chunk_add(struct strings *strings, size_t room) {
    struct strings_chunk *chunk = heap_allocate(sizeof(*chunk) + room);
    if (chunk == nullptr) return nullptr;
    *chunk = (struct strings_chunk){.next = strings->chunks, .room = room};
    return strings->chunks = chunk;
}

static int remember(struct strings *strings, char *text, size_t bytes) {
    if (strings->count == strings->room) {
        const unsigned room = strings->room == 0 ? FIRST_ROOM : strings->room * 2;
        char **at = heap_reallocate(strings->at, room * sizeof(*at));
        if (at == nullptr) return -ENOMEM;
        strings->at = at;
        strings->room = room;
    }
    strings->at[strings->count++] = text;
    strings->bytes += bytes;
    return 0;
}

int strings_add(struct strings *strings, const char *text) {
    const size_t bytes = strlen(text) + 1;
    struct strings_chunk *chunk = strings->chunks;
    if (chunk == nullptr || chunk->room - chunk->used < bytes)
        chunk = chunk_add(strings, bytes > CHUNK ? bytes : CHUNK);
    if (chunk == nullptr) return -ENOMEM;
    char *to = chunk->bytes + chunk->used;
    memcpy(to, text, bytes);
    chunk->used += bytes;
    return remember(strings, to, bytes);
}

int strings_add_first(struct strings *strings, const char *text) {
    const int error = strings_add(strings, text);
    if (error != 0) return error;
    char *added = strings->at[strings->count - 1];
    memmove(strings->at + 1, strings->at, (strings->count - 1) * sizeof(strings->at[0]));
    strings->at[0] = added;
    return 0;
}

void strings_drop_first(struct strings *strings) {
    if (strings->count == 0) return;
    strings->bytes -= strlen(strings->at[0]) + 1;
    strings->count--;
    memmove(strings->at, strings->at + 1, strings->count * sizeof(strings->at[0]));
}

// Tries the rest of the last chunk, then a common one, then one for the longest string there may be.
static int read_one(struct strings *strings, uint64_t address) {
    const size_t rooms[] = {0, CHUNK, STRING_MOST};
    for (unsigned i = 0; i < 3; i++) {
        struct strings_chunk *chunk = i == 0 ? strings->chunks : chunk_add(strings, rooms[i]);
        if (chunk == nullptr && i == 0) continue;
        if (chunk == nullptr) return -ENOMEM;
        char *to = chunk->bytes + chunk->used;
        const int64_t length = user_string(to, address, chunk->room - chunk->used);
        if (length == -ENAMETOOLONG) continue;
        if (length < 0) return (int)length;
        chunk->used += (size_t)length + 1;
        return remember(strings, to, (size_t)length + 1);
    }
    return -E2BIG;
}

int strings_read(struct strings *strings, uint64_t address, uint64_t most) {
    if (address == 0) return 0;
    for (;; address += sizeof(uint64_t)) {
        uint64_t pointer;
        if (user_read(&pointer, address, sizeof(pointer)) != 0) return -EFAULT;
        if (pointer == 0) return 0;
        const int error = read_one(strings, pointer);
        if (error != 0) return error;
        if (strings->bytes + strings->count * sizeof(uint64_t) > most) return -E2BIG;
    }
}

void strings_release(struct strings *strings) {
    heap_release(strings->at);
    while (strings->chunks != nullptr) {
        struct strings_chunk *chunk = strings->chunks;
        strings->chunks = chunk->next;
        heap_release(chunk);
    }
    *strings = (struct strings){};
}
