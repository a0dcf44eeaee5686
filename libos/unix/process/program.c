// SPDX-License-Identifier: MIT
// What is remembered of the program that a process runs, and the state in which its registers are at the start.
#include "libos/unix/files/file.h"
#include "libos/unix/files/inodes.h"
#include "libos/unix/files/path.h"
#include "libos/unix/process/exec.h"
#include <errno.h>
#include <string.h>

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != nullptr ? slash + 1 : path;
}

// Cut if it is too long.
static void copy(char *to, size_t room, const char *from) {
    const size_t length = strnlen(from, room - 1);
    memcpy(to, from, length);
    to[length] = 0;
}

// What a link of /proc says, by which a shell may run itself, or a program a descriptor's file.
static bool link_text(const char *path, char *text, size_t room) {
    struct inode *link;
    if (strncmp(path, "/proc/", 6) != 0 || path_find(path, false, &link) != 0) return false;
    const int64_t length = S_ISLNK(link->mode) ? inode_target(link, text, room - 1) : -EINVAL;
    inode_release(link);
    if (length > 0) text[(size_t)length < room ? (size_t)length : room - 1] = 0;
    return length > 0;
}

void program_located(struct program *program) {
    const char *path = program->path;
    char *at = program->absolute;
    size_t room = sizeof(program->absolute);
    if (link_text(path, at, room)) return;
    if (path[0] != '/') {
        const int64_t length = path_of_directory(process_current()->directory, at, room - 1);
        if (length > 1) {
            at += length - 1;
            if (at[-1] != '/') *at++ = '/';
            room -= (size_t)(at - program->absolute);
        }
    }
    copy(at, room, path);
}

void program_name(struct process *process, const struct program *program) {
    copy(process->name, sizeof(process->name), base_of(program->path));
    copy(process->program_path, sizeof(process->program_path), program->absolute);
}

void vector_clear(struct thread *self) {
    constexpr uint16_t x87_control = 0x37f;     // as after fninit
    constexpr uint32_t vector_control = 0x1f80; // as after a reset
    memset(self->vector, 0, sizeof(self->vector));
    memcpy(self->vector, &x87_control, sizeof(x87_control));
    memcpy(self->vector + 24, &vector_control, sizeof(vector_control));
    __asm__ volatile("fxrstor64 %0" ::"m"(self->vector));
}
