// SPDX-License-Identifier: MIT
// The one streak there can be: a library OS's application runs on one processor, and handlers don't fault.
#include "libos/pager/streak.h"
#include "libos/pager/machine.h"

static struct {
    uint64_t rip, registers, number;
    unsigned count;
    uint64_t brought[STREAK_PAGES]; // addresses of pages
} streak;

uint64_t streak_follow(const struct exo_exception *exception, bool absent) {
    const uint64_t registers = machine_registers(exception);
    const exo_vaddr page = {exception->cr2 & -EXO_PAGE_SIZE};
    if (exception->rip == streak.rip && registers == streak.registers && !(absent && streak_needs(page)))
        return streak.number;
    streak.rip = exception->rip;
    streak.registers = registers;
    streak.number++;
    streak.count = 0;
    return streak.number;
}

void streak_brought(exo_vaddr address) {
    if (streak.count == STREAK_PAGES) streak_too_long();
    streak.brought[streak.count++] = address.raw;
}

void streak_too_long(void) {
    machine_fail("the instruction at %#lx needs more than %u pages at once, the most that the pager serves", streak.rip,
                 STREAK_PAGES);
}

bool streak_needs(exo_vaddr address) {
    for (unsigned i = 0; i < streak.count; i++) {
        if (streak.brought[i] == address.raw) return true;
    }
    return false;
}
