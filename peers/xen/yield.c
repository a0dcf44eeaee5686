// SPDX-License-Identifier: MIT
// From one process of the guest to another and its address space: half of a round trip.
//
// In guest user mode a yield is a system call; the guest kernel installs the other's top-level tables by one hypercall
// and returns to it by a second. A guest kernel that maps its processes' memory into its own address space has two
// tables to install; one that does not, one. In guest kernel mode a yield is a change of stacks and one hypercall.
// Registers that a function call keeps are kept. Xen's own switch, from domain to domain, is not measured: it would
// need a second domain, built by tools that a guest as small as this one lacks.
//
// The partner runs where only the second address space has its code, so a switch that does not take place is seen.
#include "peers/xen/guest.h"
#include "peers/xen/space.h"

static struct process processes[2];
static uint64_t partner_stack[512];

static void processes_make(uint64_t partner_rip, uint64_t partner_rsp) {
    for (unsigned i = 0; i < 2; i++)
        processes[i] = (struct process){.other = &processes[1 - i], .rip = partner_rip, .rsp = partner_rsp};
    process_current = &processes[0];
}

static uint32_t user_round_trip(void) {
    run_user(user_yield, 0, 0);
    return user_after - user_before;
}
static uint32_t by_both_tables(void) {
    for (unsigned i = 0; i < 2; i++) {
        processes[i].count = 2;
        processes[i].spaces[0] = (struct xen_operation){XEN_NEW_BASE, spaces[i].kernel, 0};
        processes[i].spaces[1] = (struct xen_operation){XEN_NEW_USER_BASE, spaces[i].user, 0};
    }
    return user_round_trip();
}
static uint32_t by_user_table(void) {
    for (unsigned i = 0; i < 2; i++) {
        processes[i].count = 1;
        processes[i].spaces[0] = (struct xen_operation){XEN_NEW_USER_BASE, spaces[i].user, 0};
    }
    return user_round_trip();
}

static void partner(void) {
    (void)*(volatile const uint8_t *)(SECOND + REGION); // which faults elsewhere than in the second address space
    while (true) kernel_switch(&processes[1], &processes[0]);
}
static uint32_t kernel_round_trip(void) {
    for (unsigned i = 0; i < 2; i++) processes[i].spaces[0] = (struct xen_operation){XEN_NEW_BASE, spaces[i].kernel, 0};
    const uint32_t before = bench_stamp();
    kernel_switch(&processes[0], &processes[1]);
    return bench_stamp() - before;
}

void measure_yields(void) {
    expect_no_fault();
    if (mode->entry == fault_of_user) {
        processes_make(SECOND + USER_CODE + (uint64_t)(user_partner - user_code), 0);
        MEASURE_CHEAPEST("yield", nullptr, touched() - 1, {"system call, mmuext_op of 2, iret", by_both_tables, 2},
                         {"system call, mmuext_op of 1, iret", by_user_table, 2});
    } else {
        uint64_t *const top = &partner_stack[sizeof partner_stack / sizeof *partner_stack - 8];
        top[6] = (uint64_t)partner; // behind the 6 registers that kernel_switch takes off
        processes_make(0, (uint64_t)top);
        MEASURE_CHEAPEST("yield", nullptr, bench_empty(), {"mmuext_op of 1", kernel_round_trip, 2});
    }
}
