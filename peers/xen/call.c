// SPDX-License-Identifier: MIT
// Calls that do nothing: a hypercall, and a system call of guest user mode that the guest kernel is to handle.
#include "peers/xen/guest.h"

static uint32_t version(void) {
    const uint32_t before = bench_stamp();
    (void)xen_hypercall2(XEN_VERSION, 0, 0);
    return bench_stamp() - before;
}

static uint32_t empty_multicall(void) {
    const uint32_t before = bench_stamp();
    (void)xen_multicall(nullptr, 0);
    return bench_stamp() - before;
}

static uint32_t syscall_redirect(void) {
    run_user(user_syscall, 0, 0);
    return stamped - user_before;
}

void measure_calls(void) {
    MEASURE_CHEAPEST("call.null", nullptr, bench_empty(), {"xen_version", version, 0},
                     {"multicall of none", empty_multicall, 0});
    if (mode->entry == fault_of_kernel) {
        bench_skip(mode->system, "syscall.redirect", "a syscall instruction in guest kernel mode is a hypercall");
        return;
    }
    enter_syscalls_at(stamped_syscall_of_user);
    measure("syscall.redirect", "guest user mode to the guest kernel's entry", syscall_redirect, touched() - 1);
    enter_syscalls_at(syscall_of_user);
}
