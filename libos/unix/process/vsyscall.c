// SPDX-License-Identifier: MIT
// Linux's vsyscall page: three functions at fixed addresses above a user's, which static programs of old C libraries
// call for the time. Nothing is mapped there: fetching faults, and the fault entry asks here. As on Linux, the page can
// be neither read nor jumped into elsewhere.
#include "libos/unix/memory/user.h"
#include "libos/unix/process/dispatch.h"
#include <sys/syscall.h>

constexpr uint64_t VSYSCALL = 0xffff'ffff'ff60'0000, VSYSCALL_EACH = 0x400;

bool vsyscall_enter(struct exo_context *user) {
    static constexpr uint16_t numbers[] = {SYS_gettimeofday, SYS_time, SYS_getcpu};
    const uint64_t offset = user->rip - VSYSCALL;
    uint64_t back;
    if (offset % VSYSCALL_EACH != 0 || offset / VSYSCALL_EACH >= sizeof(numbers) / sizeof(numbers[0])) return false;
    if (user_read(&back, user->rsp, sizeof(back)) != 0) return false;
    user->rax = numbers[offset / VSYSCALL_EACH];
    user->rip = back;
    user->rsp += sizeof(back);
    syscall_enter(user);
    return true;
}
