// SPDX-License-Identifier: MIT
// What system this is.
#include "libos/unix/calls.h"
#include "libos/unix/memory/memory.h"
#include "libos/unix/memory/user.h"
#include "libos/unix/process/clock.h"
#include "libos/unix/process/thread.h"
#include "pe/layout.h"
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

// The release is that of the Linux whose calls are served: programs read it as a promise of what they may use.
int64_t sys_uname(struct thread *, const uint64_t argument[6]) {
    static const char name[6][65] = {"Linux", "bindery", "6.1.0", "#1 Bindery libos/unix", "x86_64", "(none)"};
    return user_write(argument[0], name, sizeof(name));
}

struct user_sysinfo {
    int64_t seconds;
    uint64_t loads[3], memory, memory_free, memory_shared, memory_buffer, swap, swap_free;
    uint16_t processes, padding;
    uint32_t padding2;
    uint64_t high, high_free;
    uint32_t unit, padding3;
};
static_assert(sizeof(struct user_sysinfo) == 112);

int64_t sys_sysinfo(struct thread *, const uint64_t argument[6]) {
    const struct memory_sizes sizes = memory_sizes();
    struct user_sysinfo info = {
        .seconds = (int64_t)(clock_now() / SECOND),
        .memory = sizes.frames * EXO_PAGE_SIZE,
        .memory_free = sizes.frames_free * EXO_PAGE_SIZE,
        .swap = sizes.swap * EXO_PAGE_SIZE,
        .swap_free = sizes.swap_free * EXO_PAGE_SIZE,
        .unit = 1,
    };
    for (const struct process *process = processes; process != nullptr; process = process->next) info.processes++;
    return user_write(argument[0], &info, sizeof(info));
}

int64_t sys_arch_prctl(struct thread *, const uint64_t argument[6]) {
    enum { SET_GS = 0x1001, SET_FS, GET_FS, GET_GS };
    uint64_t base;
    const uint64_t code = argument[0];
    if ((code == SET_GS || code == SET_FS) && argument[1] >= EXO_USER_END) return -EPERM;
    switch (code) {
    case SET_FS: __asm__ volatile("wrfsbase %0" ::"r"(argument[1])); return 0;
    case SET_GS: __asm__ volatile("wrgsbase %0" ::"r"(argument[1])); return 0;
    case GET_FS: __asm__ volatile("rdfsbase %0" : "=r"(base)); break;
    case GET_GS: __asm__ volatile("rdgsbase %0" : "=r"(base)); break;
    default: return -EINVAL;
    }
    return user_write(argument[1], &base, sizeof(base));
}

int64_t sys_prctl(struct thread *self, const uint64_t argument[6]) {
    struct process *process = self->process;
    char name[PROCESS_NAME];
    switch ((int)argument[0]) {
    case PR_SET_NAME: {
        const int64_t length = user_string(name, argument[1], sizeof(name));
        if (length == -EFAULT) return -EFAULT;
        name[sizeof(name) - 1] = 0;
        if (length < 0 && user_read(name, argument[1], sizeof(name) - 1) != 0) return -EFAULT;
        memcpy(process->name, name, sizeof(name));
        return 0;
    }
    case PR_GET_NAME: return user_write(argument[1], process->name, sizeof(process->name));
    case PR_GET_DUMPABLE: return 1;
    case PR_SET_DUMPABLE: return argument[1] <= 1 ? 0 : -EINVAL;
    case PR_GET_NO_NEW_PRIVS: return 0;
    case PR_GET_KEEPCAPS: return 0;
    default: return -EINVAL;
    }
}

// ---- Scheduling: everybody alike, on one processor
