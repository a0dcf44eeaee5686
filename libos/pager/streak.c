// SPDX-License-Identifier: MIT
// The one streak there can be: a library OS's application runs on one processor, and handlers don't fault.
#include "libos/pager/streak.h"
#include "libos/pager/machine.h"

static struct {
    uint64_t rip, registers;
    unsigned count, next; // addresses known; where the next one goes
    struct {
        uint64_t address;
        unsigned times;
    } fault[STREAK_PAGES];
} streak;

unsigned streak_follow(const struct exo_exception *exception) {
    const uint64_t registers = machine_registers(exception);
    if (exception->rip != streak.rip || registers != streak.registers) {
        streak.rip = exception->rip;
        streak.registers = registers;
        streak.count = streak.next = 0;
    }
    for (unsigned i = 0; i < streak.count; i++) {
        if (streak.fault[i].address == exception->cr2) return ++streak.fault[i].times;
    }
    streak.fault[streak.next].address = exception->cr2;
    streak.fault[streak.next].times = 1;
    streak.next = (streak.next + 1) % STREAK_PAGES;
    if (streak.count < STREAK_PAGES) streak.count++;
    return 1;
}

bool streak_holds(exo_vaddr address) {
    for (unsigned i = 0; i < streak.count; i++) {
        if (streak.fault[i].address / EXO_PAGE_SIZE == address.raw / EXO_PAGE_SIZE) return true;
    }
    return false;
}
