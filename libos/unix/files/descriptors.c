// SPDX-License-Identifier: MIT
// Tables of descriptors. A table belongs to a process, or to several that share it (CLONE_FILES), and grows by
// doubling up to its limit. Invariant: every number below `full` is in use.
#include "libos/core/heap.h"
#include "libos/unix/files/console.h"
#include "libos/unix/files/files.h"
#include "libos/unix/process/process.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

constexpr uint32_t ROOM_FIRST = 16, LIMIT_FIRST = 1024;

struct descriptor {
    struct file *file; // a reference, or null: the number is free
    bool close_on_exec;
};

struct descriptors {
    uint32_t references;
    uint32_t limit; // RLIMIT_NOFILE
    uint32_t room;  // of `line`
    uint32_t full;
    struct descriptor *line;
};

static struct descriptors *make(uint32_t room, uint32_t limit) {
    struct descriptors *made = heap_allocate_zeroed(sizeof(*made));
    if (made == nullptr) return nullptr;
    *made = (struct descriptors){.references = 1, .limit = limit, .room = room};
    made->line = heap_allocate_zeroed(room * sizeof(made->line[0]));
    if (made->line != nullptr) return made;
    heap_release(made);
    return nullptr;
}

int descriptors_new(struct descriptors **made) {
    struct descriptors *table = make(ROOM_FIRST, LIMIT_FIRST);
    if (table == nullptr) return -ENOMEM;
    const int error = console_descriptors(table);
    if (error != 0)
        descriptors_release(table);
    else
        *made = table;
    return error;
}

int descriptors_fork(const struct descriptors *from, struct descriptors **made) {
    struct descriptors *table = make(from->room, from->limit);
    if (table == nullptr) return -ENOMEM;
    table->full = from->full;
    for (uint32_t i = 0; i < from->room; i++) {
        table->line[i] = from->line[i];
        if (from->line[i].file != nullptr) file_hold(from->line[i].file);
    }
    *made = table;
    return 0;
}

void descriptors_hold(struct descriptors *descriptors) {
    descriptors->references++;
}

void descriptors_release(struct descriptors *descriptors) {
    if (--descriptors->references != 0) return;
    for (uint32_t i = 0; i < descriptors->room; i++)
        if (descriptors->line[i].file != nullptr) (void)descriptor_close(descriptors, i);
    heap_release(descriptors->line);
    heap_release(descriptors);
}

void descriptors_exec(struct descriptors *descriptors) {
    for (uint32_t i = 0; i < descriptors->room; i++)
        if (descriptors->line[i].close_on_exec) (void)descriptor_close(descriptors, i);
}

uint32_t descriptors_limit(const struct descriptors *descriptors) {
    return descriptors->limit;
}

void descriptors_set_limit(struct descriptors *descriptors, uint32_t limit) {
    descriptors->limit = limit < DESCRIPTORS_MOST ? limit : DESCRIPTORS_MOST;
}

struct file *descriptor_find(const struct descriptors *descriptors, int number) {
    return (uint32_t)number < descriptors->room ? descriptors->line[number].file : nullptr;
}

static int grow(struct descriptors *descriptors, uint32_t number) {
    uint32_t room = descriptors->room;
    while (room <= number) room *= 2;
    struct descriptor *line = heap_reallocate(descriptors->line, room * sizeof(line[0]));
    if (line == nullptr) return -ENOMEM;
    memset(line + descriptors->room, 0, (room - descriptors->room) * sizeof(line[0]));
    descriptors->line = line;
    descriptors->room = room;
    return 0;
}

static uint32_t find_free(const struct descriptors *descriptors, uint32_t least) {
    uint32_t number = least > descriptors->full ? least : descriptors->full;
    while (number < descriptors->room && descriptors->line[number].file != nullptr) number++;
    return number;
}

int descriptor_room(const struct descriptors *descriptors) {
    return find_free(descriptors, 0) < descriptors->limit ? 0 : -EMFILE;
}

int descriptor_add(struct descriptors *descriptors, struct file *file, uint32_t least, bool close_on_exec) {
    if (least >= descriptors->limit) return -EINVAL;
    const uint32_t number = find_free(descriptors, least);
    if (number >= descriptors->limit) return -EMFILE;
    if (number >= descriptors->room && grow(descriptors, number) != 0) return -ENOMEM;
    descriptors->line[number] = (struct descriptor){file, close_on_exec};
    if (least <= descriptors->full) descriptors->full = number + 1;
    return (int)number;
}

int descriptor_give(struct file *file, bool close_on_exec) {
    struct descriptors *descriptors = process_current()->descriptors;
    const int number = descriptors->limit == 0 ? -EMFILE : descriptor_add(descriptors, file, 0, close_on_exec);
    if (number < 0) file_release(file);
    return number;
}

int descriptor_put(struct descriptors *descriptors, uint32_t number, struct file *file, bool close_on_exec) {
    if (number >= descriptors->limit) return -EBADF;
    if (number >= descriptors->room && grow(descriptors, number) != 0) return -ENOMEM;
    (void)descriptor_close(descriptors, number); // not open is as good
    descriptors->line[number] = (struct descriptor){file, close_on_exec};
    return 0;
}

int descriptor_close(struct descriptors *descriptors, uint32_t number) {
    if (number >= descriptors->room || descriptors->line[number].file == nullptr) return -EBADF;
    struct file *file = descriptors->line[number].file;
    descriptors->line[number] = (struct descriptor){};
    if (number < descriptors->full) descriptors->full = number;
    locks_close(descriptors, file->inode);
    file_release(file);
    return 0;
}

int descriptor_flags(const struct descriptors *descriptors, int number) {
    if (descriptor_find(descriptors, number) == nullptr) return -EBADF;
    return descriptors->line[number].close_on_exec ? FD_CLOEXEC : 0;
}

void descriptor_set_flags(struct descriptors *descriptors, int number, bool close_on_exec) {
    descriptors->line[number].close_on_exec = close_on_exec;
}

bool descriptor_next(const struct descriptors *descriptors, uint32_t least, uint32_t *number) {
    for (uint32_t i = least; i < descriptors->room; i++)
        if (descriptors->line[i].file != nullptr) {
            *number = i;
            return true;
        }
    return false;
}

struct file *file_of(uint64_t descriptor) {
    struct file *file = descriptor_find(process_current()->descriptors, (int)descriptor);
    return file == nullptr ? nullptr : file_hold(file);
}
