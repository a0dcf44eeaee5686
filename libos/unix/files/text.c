// SPDX-License-Identifier: MIT
// See text.h.
#include "libos/unix/files/text.h"
#include "libos/core/heap.h"
#include "libos/core/print.h"
#include <stdarg.h>
#include <string.h>

constexpr size_t ROOM_FIRST = 512;

// Sees to room for `more` bytes and a zero byte.
static bool reserve(struct text *text, size_t more) {
    size_t room = text->room == 0 ? ROOM_FIRST : text->room;
    if (text->failed) return false;
    while (room - text->length < more + 1) room *= 2;
    if (room == text->room) return true;
    char *bytes = heap_reallocate(text->bytes, room);
    text->failed = bytes == nullptr;
    if (text->failed) return false;
    text->bytes = bytes;
    text->room = room;
    return true;
}

void text_add(struct text *text, const char *format, ...) {
    va_list list;
    va_start(list, format);
    if (reserve(text, 1)) {
        const size_t room = text->room - text->length;
        const size_t length = format_list(text->bytes + text->length, room, format, list);
        if (length < room)
            text->length += length;
        else if (reserve(text, length)) {
            (void)format_list(text->bytes + text->length, text->room - text->length, format, list);
            text->length += length;
        }
    }
    va_end(list);
}

void text_add_bytes(struct text *text, const void *bytes, size_t length) {
    if (!reserve(text, length)) return;
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

void text_release(struct text *text) {
    heap_release(text->bytes);
    *text = (struct text){};
}
