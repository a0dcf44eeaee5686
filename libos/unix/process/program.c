// SPDX-License-Identifier: MIT
// What is remembered of the program that a process runs, and the state in which its registers are at the start.
#include "libos/unix/files/file.h"
#include "libos/unix/process/exec.h"
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

void program_name(struct process *process, const char *path) {
    copy(process->name, sizeof(process->name), base_of(path));
    char *at = process->program_path;
    size_t room = sizeof(process->program_path);
    if (path[0] != '/') {
        const int64_t length = path_of_directory(process->directory, at, room - 1);
        if (length > 1) {
            at += length - 1;
            if (at[-1] != '/') *at++ = '/';
            room -= (size_t)(at - process->program_path);
        }
        while (path[0] == '.' && path[1] == '/') path += 2;
    }
    copy(at, room, path);
}

void vector_clear(struct thread *self) {
    constexpr uint16_t x87_control = 0x37f;     // as after fninit
    constexpr uint32_t vector_control = 0x1f80; // as after a reset
    memset(self->vector, 0, sizeof(self->vector));
    memcpy(self->vector, &x87_control, sizeof(x87_control));
    memcpy(self->vector + 24, &vector_control, sizeof(vector_control));
    __asm__ volatile("fxrstor64 %0" ::"m"(self->vector));
}
