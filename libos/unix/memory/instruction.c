// SPDX-License-Identifier: MIT
// See instruction.h. Registers are compared only when a page has to leave memory: other faults cost nothing for it.
#include "libos/unix/memory/instruction.h"
#include "pe/pe.h"
#include <string.h>

constexpr unsigned MOST = 8; // pages: an instruction's bytes in 2, and 3 operands in 2 each

static const struct exo_context *faulting; // null: no fault is being served
static struct exo_context last;            // who faulted when the pages were brought
static uint32_t pages[MOST];
static unsigned count;

void instruction_faults(const struct exo_context *registers) {
    faulting = registers;
}

void instruction_evicts(void) {
    if (faulting == nullptr || (faulting->rip == last.rip && memcmp(faulting, &last, sizeof last) == 0)) return;
    last = *faulting;
    count = 0;
}

void instruction_brought(uint32_t page) {
    if (faulting != nullptr) pages[count++ % MOST] = page;
}

bool instruction_needs(uint32_t page) {
    if (faulting == nullptr) return false;
    for (unsigned i = 0; i < count && i < MOST; i++)
        if (pages[i] == page) return true;
    return false;
}
